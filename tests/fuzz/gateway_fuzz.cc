// The gateway's readers: paths and fields of a client, answers of an upstream.
//
// What passes holds its promises: no path with a segment that could be walked up, no field that
// only we may set, no line break that was not ours, and a body that is never longer than its bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "gateway/header_rules.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"

namespace {

using namespace keywright;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_fields(const http::Request& request) {
  std::string out;
  const std::vector<http::Field> added = {{"X-Keywright-Owner", "ours"}};
  if (!gateway::append_request_fields(out, request, added, {})) return;
  require(out.ends_with("X-Keywright-Owner: ours\r\n"));
  const std::string lower = to_ascii_lower(out);
  require(lower.find("\r\nauthorization:") == std::string::npos);
  require(lower.find("\r\ntransfer-encoding:") == std::string::npos);
  require(lower.find("\r\ncontent-length:") == std::string::npos);
  require(lower.find("x-keywright-") == lower.rfind("\r\nx-keywright-owner:") + 2 ||
          lower.find("\r\nx-keywright-") == lower.rfind("\r\nx-keywright-"));
}

void check_path(std::string_view path) {
  if (!path.starts_with('/') || !gateway::check_forwarded_path(path)) return;
  require(path.find("//") == std::string_view::npos);
  require(path.find("/../") == std::string_view::npos && !path.ends_with("/.."));
  const std::string lower = to_ascii_lower(path);
  for (const char* part : {"%2f", "%5c", "%00", "/%2e%2e/", "/.%2e/", "/%2e./"}) {
    require(lower.find(part) == std::string::npos);
  }
}

void check_answer(std::string_view text) {
  http::h1::HeadScanner scanner((http::h1::HeadLimits()));
  if (scanner.scan(text) != http::h1::HeadScanner::Outcome::complete || scanner.begin() != 0)
    return;
  http::h1::ResponseHead head;
  http::h1::Framing framing;
  if (http::h1::parse_response_head(text.substr(0, scanner.size()), false, head, framing)) return;
  http::Response response;
  gateway::copy_response_fields(head, response);
  const std::string block = "\r\n" + to_ascii_lower(response.header_block());
  for (const char* name :
       {"content-length:", "transfer-encoding:", "connection:", "x-keywright-"}) {
    require(block.find("\r\n" + std::string(name)) == std::string::npos);
  }
  std::string body(text.substr(scanner.size()));
  http::h1::BodyDecoder decoder(framing);
  const auto step = decoder.decode(body.data(), body.size(), body.data());
  require(step.produced <= step.consumed && step.consumed <= body.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(gateway::has_credential(text));
  http::h1::HeadScanner scanner((http::h1::HeadLimits()));
  http::Request request;
  http::h1::Framing framing;
  if (scanner.scan(text) == http::h1::HeadScanner::Outcome::complete &&
      !http::h1::parse_request_head(text.substr(scanner.begin(), scanner.size() - scanner.begin()),
                                    request, framing)) {
    check_path(request.path);
    check_fields(request);
  }
  check_answer(text);
  return 0;
}
