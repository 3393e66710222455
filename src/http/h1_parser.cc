#include "http/h1_parser.h"

#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "http/characters.h"

namespace keywright::http::h1 {

namespace {

using MaybeFault = std::optional<Fault>;

Fault malformed(std::string_view what) { return Fault{Refusal::malformed, what}; }

std::string_view without_surrounding_space(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the next element of a comma-separated list; false at its end.
bool next_element(std::string_view& list, std::string_view& element) {
  if (list.data() == nullptr) return false;
  const std::size_t comma = list.find(',');
  element = without_surrounding_space(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return true;
}

MaybeFault parse_version(std::string_view text, unsigned char& minor) {
  const bool well_formed = text.size() == 8 && text.substr(0, 5) == "HTTP/" &&
                           is_ascii_digit(text[5]) && text[6] == '.' && is_ascii_digit(text[7]);
  if (!well_formed) return malformed("version");
  if (text[5] != '1' || text[7] > '1') return Fault{Refusal::version_refused, "version"};
  minor = static_cast<unsigned char>(text[7] - '0');
  return std::nullopt;
}

MaybeFault split_path_and_query(std::string_view text, Request& request) {
  std::size_t i = 0;
  for (; i < text.size() && is(text[i], Char::path); ++i) {
    if (text[i] != '%') continue;
    if (text.size() - i < 3 || !is(text[i + 1], Char::hex) || !is(text[i + 2], Char::hex)) {
      return malformed("percent_encoding");
    }
  }
  request.path = text.substr(0, i);
  request.query = {};
  if (i == text.size()) return std::nullopt;
  if (text[i] != '?') return malformed("target_character");
  request.query = text.substr(i + 1);
  if (!all_are(request.query, Char::query)) return malformed("target_character");
  return std::nullopt;
}

MaybeFault parse_absolute_target(std::string_view target, Request& request) {
  std::size_t scheme = 0;
  if (target.size() > 7 && equals_ignoring_case(target.substr(0, 7), "http://")) scheme = 7;
  if (target.size() > 8 && equals_ignoring_case(target.substr(0, 8), "https://")) scheme = 8;
  if (scheme == 0) return malformed("target");
  const std::string_view rest = target.substr(scheme);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  request.authority = rest.substr(0, end);
  if (!is_valid_authority(request.authority)) return malformed("target_authority");
  if (end < rest.size() && rest[end] == '/') return split_path_and_query(rest.substr(end), request);
  MaybeFault fault = split_path_and_query(rest.substr(end), request);
  request.path = "/";  // an empty path in an absolute target is the root
  return fault;
}

MaybeFault parse_target(Request& request) {
  const std::string_view target = request.target;
  if (!target.empty() && target.front() != '/' && target != "*") {
    return parse_absolute_target(target, request);
  }
  return parse_origin_target(request);
}

MaybeFault parse_request_line(std::string_view line, Request& request) {
  const std::size_t first_space = line.find(' ');
  if (first_space == std::string_view::npos) return malformed("request_line");
  request.method_text = line.substr(0, first_space);
  if (request.method_text.empty() || !all_are(request.method_text, Char::token)) {
    return malformed("method");
  }
  const std::size_t second_space = line.find(' ', first_space + 1);
  if (second_space == std::string_view::npos) return malformed("request_line");
  request.target = line.substr(first_space + 1, second_space - first_space - 1);
  if (auto fault = parse_version(line.substr(second_space + 1), request.minor_version))
    return fault;
  request.method = parse_method(request.method_text);
  if (request.method_text == "CONNECT" || request.method_text == "TRACE") {
    return Fault{Refusal::method_refused, "method"};
  }
  return parse_target(request);
}

// What the fields say about the message itself, collected while they are read.
struct Gathered {
  unsigned hosts = 0;
  unsigned lengths = 0;
  unsigned codings = 0;
  bool close = false;
  bool keep_alive = false;
  std::string_view host;
  std::string_view length;
  std::string_view coding;
  std::string_view expect;
  std::string_view request_id;
};

void read_connection(std::string_view list, Gathered& gathered) {
  std::string_view element;
  while (next_element(list, element)) {
    if (equals_ignoring_case(element, "close")) gathered.close = true;
    if (equals_ignoring_case(element, "keep-alive")) gathered.keep_alive = true;
  }
}

void gather(const Field& field, Gathered& gathered) {
  switch (field.name.size()) {
    case 4:
      if (equals_ignoring_case(field.name, "host")) {
        ++gathered.hosts;
        gathered.host = field.value;
      }
      break;
    case 6:
      if (equals_ignoring_case(field.name, "expect")) gathered.expect = field.value;
      break;
    case 10:
      if (equals_ignoring_case(field.name, "connection")) read_connection(field.value, gathered);
      break;
    case 12:
      if (equals_ignoring_case(field.name, "x-request-id") && gathered.request_id.empty()) {
        gathered.request_id = field.value;
      }
      break;
    case 14:
      if (equals_ignoring_case(field.name, "content-length")) {
        ++gathered.lengths;
        gathered.length = field.value;
      }
      break;
    case 17:
      if (equals_ignoring_case(field.name, "transfer-encoding")) {
        ++gathered.codings;
        gathered.coding = field.value;
      }
      break;
    default: break;
  }
}

constexpr std::uint64_t each_byte(std::uint64_t byte) { return byte * 0x0101010101010101U; }

// Skips what may stand in a value, eight at once as long as none of them is a control character; a
// tab is left to the one who reads them one by one.
const char* skip_plain(const char* at, const char* end) {
  constexpr std::uint64_t kTop = each_byte(0x80);
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t deletes = word ^ each_byte(0x7f);
    const std::uint64_t below_space = (word - each_byte(0x20)) & ~word;
    const std::uint64_t is_delete = (deletes - each_byte(1)) & ~deletes;
    if (((below_space | is_delete) & kTop) != 0) break;
  }
  return at;
}

// Reads the fields from `block`, which ends with the empty line.
MaybeFault parse_fields(std::string_view block, Fields& fields, Gathered& gathered) {
  const char* at = block.data();
  const char* const end = at + block.size();
  while (*at != '\r') {
    if (*at == ' ' || *at == '\t') return malformed("folded_line");
    const char* const name = at;
    while (is(*at, Char::token)) ++at;
    Field field;
    field.name = std::string_view(name, static_cast<std::size_t>(at - name));
    if (field.name.empty() || *at != ':') return malformed("field_name");
    const char* const value = ++at;
    at = skip_plain(at, end);
    while (is(*at, Char::field_value)) ++at;
    if (*at != '\r') return malformed("field_value");
    if (end - at < 2 || at[1] != '\n') return malformed("bare_cr");
    field.value =
        without_surrounding_space(std::string_view(value, static_cast<std::size_t>(at - value)));
    at += 2;
    if (!fields.add(field)) return Fault{Refusal::head_too_large, "field_count"};
    gather(field, gathered);
  }
  // The scanner stops at the first empty line; a CR at the start of a line begins that one only.
  return end - at == 2 && at[1] == '\n' ? std::nullopt : MaybeFault(malformed("bare_cr"));
}

MaybeFault parse_length(std::string_view text, std::uint64_t& length) {
  if (text.empty() || text.size() > 18) return malformed("content_length");
  length = 0;
  for (char c : text) {
    if (!is_ascii_digit(c)) return malformed("content_length");
    length = length * 10 + static_cast<unsigned>(c - '0');
  }
  return std::nullopt;
}

MaybeFault check_coding(std::string_view coding) {
  if (equals_ignoring_case(coding, "chunked")) return std::nullopt;
  std::string_view element;
  bool chunked_is_last = false;
  std::size_t chunked_count = 0;
  while (next_element(coding, element)) {
    if (element.empty() || !all_are(element, Char::token)) return malformed("transfer_encoding");
    chunked_is_last = equals_ignoring_case(element, "chunked");
    chunked_count += chunked_is_last ? 1 : 0;
  }
  // Without a final "chunked" nobody can say where the body ends (RFC 9112 section 6.3).
  if (!chunked_is_last || chunked_count > 1) return malformed("transfer_encoding");
  return Fault{Refusal::not_implemented, "transfer_encoding"};
}

MaybeFault decide_framing(const Gathered& gathered, unsigned char minor_version, Framing& framing) {
  if (gathered.codings > 0) {
    if (minor_version == 0) return malformed("transfer_encoding_in_1_0");
    if (gathered.lengths > 0) return malformed("length_and_coding");
    if (gathered.codings > 1) return malformed("transfer_encoding");
    if (auto fault = check_coding(gathered.coding)) return fault;
    framing.kind = Framing::Kind::chunked;
  } else if (gathered.lengths > 0) {
    if (gathered.lengths > 1) return malformed("content_length");
    if (auto fault = parse_length(gathered.length, framing.length)) return fault;
    framing.kind = framing.length > 0 ? Framing::Kind::length : Framing::Kind::none;
  }
  framing.keep_alive = !gathered.close && (minor_version > 0 || gathered.keep_alive);
  return std::nullopt;
}

// The first line without its CRLF, and the block after it.
std::string_view split_first_line(std::string_view& head) {
  const std::size_t end = head.find('\n');
  const std::string_view line = head.substr(0, end - 1);
  head.remove_prefix(end + 1);
  return line;
}

}  // namespace

HeadScanner::Outcome HeadScanner::fail(Refusal refusal, std::string_view what) {
  fault_ = Fault{refusal, what};
  return Outcome::faulty;
}

// `end` is the position of a line feed, or where one could still come.
bool HeadScanner::is_too_long(std::size_t end, bool in_first_line) {
  return in_first_line ? end - line_start_ > limits_.first_line_bytes + 1
                       : end + 1 - block_start_ > limits_.block_bytes;
}

HeadScanner::Outcome HeadScanner::scan(std::string_view data) {
  while (true) {
    const bool in_first_line = block_start_ == 0;
    const void* found = scanned_ < data.size()
                            ? std::memchr(data.data() + scanned_, '\n', data.size() - scanned_)
                            : nullptr;
    const std::size_t at =
        found ? static_cast<std::size_t>(static_cast<const char*>(found) - data.data())
              : data.size();
    if (is_too_long(at, in_first_line)) {
      return in_first_line ? fail(Refusal::target_too_long, "request_line")
                           : fail(Refusal::head_too_large, "header_block");
    }
    scanned_ = at;
    if (found == nullptr) return Outcome::incomplete;
    if (at == line_start_ || data[at - 1] != '\r') return fail(Refusal::malformed, "bare_lf");
    const bool is_empty = at - line_start_ == 1;
    scanned_ = line_start_ = at + 1;
    if (!is_empty) {
      if (in_first_line) block_start_ = at + 1;
      continue;
    }
    if (!in_first_line) return Outcome::complete;
    if (begin_ != 0) return fail(Refusal::malformed, "empty_lines");
    begin_ = at + 1;
  }
}

std::optional<Fault> parse_origin_target(Request& request) {
  const std::string_view target = request.target;
  if (target.starts_with('/')) return split_path_and_query(target, request);
  if (target != "*" || request.method != Method::options) return malformed("target");
  request.path = target;
  return std::nullopt;
}

bool is_valid_authority(std::string_view text) {
  std::size_t host_end = 0;
  if (!text.empty() && text.front() == '[') {
    host_end = text.find(']');
    if (host_end == std::string_view::npos) return false;
    const auto address = IpAddress::parse(text.substr(1, host_end - 1));
    if (!address || text.substr(1, host_end - 1).find(':') == std::string_view::npos) return false;
    ++host_end;
  } else {
    while (host_end < text.size() && is(text[host_end], Char::host)) ++host_end;
    if (host_end == 0 || host_end > 255) return false;
  }
  if (host_end == text.size()) return true;
  const std::string_view port = text.substr(host_end + 1);
  if (text[host_end] != ':' || port.empty() || port.size() > 5) return false;
  unsigned number = 0;
  for (char c : port) {
    if (!is_ascii_digit(c)) return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number <= 65535;
}

std::optional<Fault> parse_request_head(std::string_view head, Request& request, Framing& framing) {
  request.clear();
  framing = Framing();
  if (auto fault = parse_request_line(split_first_line(head), request)) return fault;
  Gathered gathered;
  if (auto fault = parse_fields(head, request.headers, gathered)) return fault;
  const bool may_lack_host = request.minor_version == 0 && gathered.hosts == 0;
  if (!may_lack_host && (gathered.hosts != 1 || !is_valid_authority(gathered.host))) {
    return malformed("host");
  }
  if (request.authority.empty()) request.authority = gathered.host;
  if (auto fault = decide_framing(gathered, request.minor_version, framing)) return fault;
  if (!gathered.expect.empty() && request.minor_version > 0) {
    if (!equals_ignoring_case(gathered.expect, "100-continue")) {
      return Fault{Refusal::expectation_failed, "expect"};
    }
    framing.expects_continue = framing.kind != Framing::Kind::none;
  }
  request.client_request_id = gathered.request_id;
  return std::nullopt;
}

std::optional<Fault> parse_response_head(std::string_view head, bool to_head,
                                         ResponseHead& response, Framing& framing) {
  framing = Framing();
  response.headers.clear();
  const std::string_view line = split_first_line(head);
  if (line.size() < 12 || line[8] != ' ') return malformed("status_line");
  if (auto fault = parse_version(line.substr(0, 8), response.minor_version)) return fault;
  response.status = 0;
  for (char c : line.substr(9, 3)) {
    if (!is_ascii_digit(c)) return malformed("status_line");
    response.status = response.status * 10 + (c - '0');
  }
  const bool has_phrase = line.size() > 12;
  if (response.status < 100 || (has_phrase && line[12] != ' ') ||
      !all_are(line.substr(12), Char::field_value)) {
    return malformed("status_line");
  }
  Gathered gathered;
  if (auto fault = parse_fields(head, response.headers, gathered)) return fault;
  if (auto fault = decide_framing(gathered, response.minor_version, framing)) return fault;
  const bool has_no_body =
      to_head || response.status < 200 || response.status == 204 || response.status == 304;
  if (has_no_body) {
    framing.kind = Framing::Kind::none;
  } else if (gathered.codings == 0 && gathered.lengths == 0) {
    framing.kind = Framing::Kind::until_close;
    framing.keep_alive = false;
  }
  return std::nullopt;
}

}  // namespace keywright::http::h1
