// Everything that two parsers could read in two ways is refused and the connection closed, so that
// what follows it on the connection is never taken for a request.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/test_server.h"

namespace keywright::http {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

struct Case {
  std::string name;
  std::string bytes;
  int status;
};

// A head with the given fields after a valid Host.
std::string post(std::string_view fields, std::string_view body = {}) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

std::string get(std::string_view fields) {
  return "GET /hello HTTP/1.1\r\n" + std::string(fields) + "\r\n";
}

std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }

std::vector<Case> framing_cases() {
  return {
      {"length_and_chunked",
       post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"chunked_and_length",
       post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), 400},
      {"two_lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), 400},
      {"same_length_twice", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400},
      {"length_list", post("Content-Length: 3, 3\r\n", "abc"), 400},
      {"length_plus", post("Content-Length: +3\r\n", "abc"), 400},
      {"length_minus", post("Content-Length: -3\r\n", "abc"), 400},
      {"length_hex", post("Content-Length: 0x3\r\n", "abc"), 400},
      {"length_empty", post("Content-Length: \r\n"), 400},
      {"length_letters", post("Content-Length: 3a\r\n", "abc"), 400},
      {"length_inner_space", post("Content-Length: 1 0\r\n", "abc"), 400},
      {"length_over_2_63", post("Content-Length: 9223372036854775808\r\n"), 400},
      {"length_over_2_64", post("Content-Length: 18446744073709551617\r\n"), 400},
      {"length_decimal_point", post("Content-Length: 3.0\r\n", "abc"), 400},
      {"coding_twice",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"chunked_chunked", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 400},
      {"chunked_not_last", post("Transfer-Encoding: chunked, gzip\r\n"), 400},
      {"chunked_before_identity", post("Transfer-Encoding: chunked, identity\r\n"), 400},
      {"unknown_coding", post("Transfer-Encoding: gzip\r\n"), 400},
      {"unknown_before_chunked", post("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"identity", post("Transfer-Encoding: identity\r\n"), 400},
      {"coding_with_prefix", post("Transfer-Encoding: xchunked\r\n"), 400},
      {"coding_quoted", post("Transfer-Encoding: \"chunked\"\r\n"), 400},
      {"coding_parameter", post("Transfer-Encoding: chunked;q=1\r\n"), 400},
      {"coding_empty", post("Transfer-Encoding: \r\n"), 400},
      {"coding_comma", post("Transfer-Encoding: ,chunked\r\n"), 400},
      {"coding_vertical_tab", post("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n"), 400},
      {"coding_in_1_0",
       "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"coding_folded", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400},
      {"coding_space_before_colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
  };
}

std::vector<Case> chunk_cases() {
  const std::string long_extension = ";" + std::string(1100, 'x');
  return {
      {"chunk_size_missing", chunked("\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_letters", chunked("g\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_0x", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_plus", chunked("+3\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_minus", chunked("-3\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_space_before", chunked(" 3\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_space_after", chunked("3 \r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_tab_after", chunked("3\t\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_overflow", chunked("10000000000000003\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_many_zeros", chunked("0000000000000000000000003\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_underscore", chunked("1_0\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_bare_lf", chunked("3\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_size_bare_cr", chunked("3\rabc\r\n0\r\n\r\n"), 400},
      {"chunk_end_bare_lf", chunked("3\r\nabc\n0\r\n\r\n"), 400},
      {"chunk_end_missing", chunked("3\r\nabcd\r\n0\r\n\r\n"), 400},
      {"chunk_end_two_bytes_wrong", chunked("3\r\nabcXX0\r\n\r\n"), 400},
      {"chunk_extension_bare_lf", chunked("3;a=b\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_extension_bare_cr", chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400},
      {"chunk_extension_nul", chunked("3;a\0b\r\nabc\r\n0\r\n\r\n"sv), 400},
      {"chunk_extension_long", chunked("3" + long_extension + "\r\nabc\r\n0\r\n\r\n"), 400},
      {"last_chunk_bare_lf", chunked("3\r\nabc\r\n0\n\n"), 400},
      {"last_chunk_garbage", chunked("3\r\nabc\r\n0\r\nX"), 400},
      {"trailer_length", chunked("0\r\nContent-Length: 5\r\n\r\n"), 400},
      {"trailer_coding", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
      {"trailer_host", chunked("0\r\nHost: b\r\n\r\n"), 400},
      {"trailer_authorization", chunked("0\r\nAuthorization: Bearer x\r\n\r\n"), 400},
      {"trailer_without_name", chunked("0\r\n: x\r\n\r\n"), 400},
      {"trailer_space_before_colon", chunked("0\r\nX : x\r\n\r\n"), 400},
      {"trailer_folded", chunked("0\r\nX: x\r\n y\r\n\r\n"), 400},
      {"trailer_bare_lf", chunked("0\r\nX: x\n\r\n"), 400},
      {"trailer_large", chunked("0\r\nX: " + std::string(9000, 'x') + "\r\n\r\n"), 400},
      {"chunk_over_limit", chunked("1001\r\n"), 413},
      {"chunks_over_limit",
       chunked("fff\r\n" + std::string(4095, 'x') + "\r\n2\r\nab\r\n0\r\n\r\n"), 413},
      {"length_over_limit", post("Content-Length: 4097\r\n"), 413},
      {"length_far_over_limit", post("Content-Length: 999999999999999999\r\n"), 413},
  };
}

std::vector<Case> head_cases() {
  const std::string nul = "GET /hello HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s;
  const std::string nul_in_target = "GET /he\0llo HTTP/1.1\r\nHost: a\r\n\r\n"s;
  std::string many_fields;
  for (int i = 0; i < 1000; ++i) many_fields += "X:\r\n";
  return {
      {"no_host", get("X: y\r\n"), 400},
      {"no_fields", "GET /hello HTTP/1.1\r\n\r\n", 400},
      {"two_hosts", get("Host: a\r\nHost: b\r\n"), 400},
      {"same_host_twice", get("Host: a\r\nHost: a\r\n"), 400},
      {"host_empty", get("Host: \r\n"), 400},
      {"host_slash", get("Host: a/b\r\n"), 400},
      {"host_fragment", get("Host: a#b\r\n"), 400},
      {"host_at", get("Host: b@a\r\n"), 400},
      {"host_query", get("Host: a?b\r\n"), 400},
      {"host_space", get("Host: a b\r\n"), 400},
      {"host_comma", get("Host: a, b\r\n"), 400},
      {"host_port_letters", get("Host: a:b\r\n"), 400},
      {"host_port_too_large", get("Host: a:65536\r\n"), 400},
      {"host_port_empty", get("Host: a:\r\n"), 400},
      {"host_ipv6_open", get("Host: [::1\r\n"), 400},
      {"host_ipv6_wrong", get("Host: [hello]\r\n"), 400},
      {"host_non_ascii", get("Host: \xc3\xa4\r\n"), 400},
      {"host_twice_in_1_0", "GET /hello HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"folded_line", get("Host: a\r\nX: a\r\n b\r\n"), 400},
      {"folded_by_tab", get("Host: a\r\nX: a\r\n\tb\r\n"), 400},
      {"space_before_first_field", get(" Host: a\r\n"), 400},
      {"space_before_colon", get("Host : a\r\n"), 400},
      {"tab_before_colon", get("Host\t: a\r\n"), 400},
      {"no_colon", get("Host: a\r\nXyz\r\n"), 400},
      {"empty_name", get("Host: a\r\n: x\r\n"), 400},
      {"name_with_space", get("Host: a\r\nX Y: z\r\n"), 400},
      {"name_with_slash", get("Host: a\r\nX/Y: z\r\n"), 400},
      {"name_non_ascii", get("Host: a\r\n\xc3\xa4: z\r\n"), 400},
      {"bare_lf_line", "GET /hello HTTP/1.1\nHost: a\n\n", 400},
      {"bare_lf_in_field", get("Host: a\nX: y\r\n"), 400},
      {"bare_cr_in_value", get("Host: a\r\nX: a\rY: b\r\n"), 400},
      {"cr_cr_lf", get("Host: a\r\r\nX: y\r\n"), 400},
      {"cr_at_line_start", get("Host: a\r\n\rX: y\r\n"), 400},
      {"nul_in_value", nul, 400},
      {"nul_in_target", nul_in_target, 400},
      {"delete_in_value", get("Host: a\r\nX: a\x7f\r\n"), 400},
      {"escape_in_value", get("Host: a\r\nX: a\x1b[2J\r\n"), 400},
      {"two_empty_lines_first", "\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"line_too_long", "GET /" + std::string(8200, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"line_without_end", "GET /" + std::string(9000, 'a'), 414},
      {"head_too_large", get("Host: a\r\nX: " + std::string(33000, 'a') + "\r\n"), 431},
      {"head_without_end", "GET / HTTP/1.1\r\nX: " + std::string(34000, 'a'), 431},
      {"too_many_fields", get("Host: a\r\n" + many_fields), 431},
      {"unknown_expectation", post("Content-Length: 3\r\nExpect: 200-ok\r\n", "abc"), 417},
  };
}

std::vector<Case> line_cases() {
  const std::string rest = "\r\nHost: a\r\n\r\n";
  return {
      {"http_0_9", "GET /hello\r\n\r\n", 400},
      {"empty_method", " /hello HTTP/1.1" + rest, 400},
      {"method_with_colon", "GE:T /hello HTTP/1.1" + rest, 400},
      {"space_first", " GET /hello HTTP/1.1" + rest, 400},
      {"two_spaces_before_target", "GET  /hello HTTP/1.1" + rest, 400},
      {"two_spaces_before_version", "GET /hello  HTTP/1.1" + rest, 400},
      {"tab_between", "GET\t/hello\tHTTP/1.1" + rest, 400},
      {"space_after_version", "GET /hello HTTP/1.1 " + rest, 400},
      {"space_in_target", "GET /hel lo HTTP/1.1" + rest, 400},
      {"lower_case_version", "GET /hello http/1.1" + rest, 400},
      {"version_letters", "GET /hello HTTP/1.x" + rest, 400},
      {"version_three_parts", "GET /hello HTTP/1.1.1" + rest, 400},
      {"version_two_digits", "GET /hello HTTP/1.10" + rest, 400},
      {"version_1_2", "GET /hello HTTP/1.2" + rest, 505},
      {"version_2_0", "GET /hello HTTP/2.0" + rest, 505},
      {"version_0_9", "GET /hello HTTP/0.9" + rest, 505},
      {"version_missing_number", "GET /hello HTTP/" + rest, 400},
      {"relative_target", "GET hello HTTP/1.1" + rest, 400},
      {"asterisk_for_get", "GET * HTTP/1.1" + rest, 400},
      {"fragment_in_target", "GET /hello#x HTTP/1.1" + rest, 400},
      {"backslash_in_target", "GET /hello\\..\\x HTTP/1.1" + rest, 400},
      {"quote_in_target", "GET /hello\" HTTP/1.1" + rest, 400},
      {"non_ascii_target", "GET /h\xc3\xa4 HTTP/1.1" + rest, 400},
      {"bad_escape", "GET /hello%2 HTTP/1.1" + rest, 400},
      {"bad_escape_digits", "GET /hello%zz HTTP/1.1" + rest, 400},
      {"absolute_other_scheme", "GET ftp://a/hello HTTP/1.1" + rest, 400},
      {"absolute_without_host", "GET http:///hello HTTP/1.1" + rest, 400},
      {"absolute_user_information", "GET http://u:p@a/hello HTTP/1.1" + rest, 400},
      {"authority_form", "GET a:80 HTTP/1.1" + rest, 400},
      {"connect", "CONNECT a:443 HTTP/1.1" + rest, 405},
      {"trace", "TRACE /hello HTTP/1.1" + rest, 405},
      {"tls_hello", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x0a\r\n"s, 400},
  };
}

class Refused : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { server = new TestServer(); }
  static void TearDownTestSuite() { delete server; }
  static TestServer* server;
};
TestServer* Refused::server = nullptr;

// A request that would be served if it were taken for one, on the same connection.
constexpr std::string_view kSmuggled = "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_P(Refused, AnsweredAndClosedAndNothingAfterItIsRun) {
  const std::size_t seen_before = server->handler().seen().size();
  RawClient client(server->endpoint());
  client.send(GetParam().bytes + std::string(kSmuggled));
  client.half_close();
  const RawResponse response = client.read_response();
  EXPECT_EQ(response.status, GetParam().status) << response.head;
  EXPECT_EQ(response.header("Connection"), "close");
  EXPECT_EQ(response.header("Content-Type"), "application/problem+json");
  EXPECT_NE(response.body.find("\"request_id\":\"" + response.header("X-Request-Id") + "\""),
            std::string::npos);
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(server->handler().seen().size(), seen_before);
}

// The same bytes one at a time: a parser that decides on what it happens to have would differ.
TEST_P(Refused, HoweverItIsCut) {
  const std::string bytes = GetParam().bytes + std::string(kSmuggled);
  if (bytes.size() > 2000) GTEST_SKIP() << "h1_reader_test cuts the long ones";
  RawClient client(server->endpoint());
  for (std::size_t i = 0; i < bytes.size(); ++i) client.send(std::string_view(bytes).substr(i, 1));
  EXPECT_EQ(client.read_response().status, GetParam().status);
}

std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Framing, Refused, testing::ValuesIn(framing_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Chunks, Refused, testing::ValuesIn(chunk_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Head, Refused, testing::ValuesIn(head_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Line, Refused, testing::ValuesIn(line_cases()), name_of);

}  // namespace
}  // namespace keywright::http
