// http/h1_parser.h - HTTP/1.1 heads: where one ends, and what it says. No I/O.
//
//   h1::HeadScanner scanner(limits);
//   switch (scanner.scan(received)) { ... }               // complete: scanner.size() bytes
//   h1::Framing framing;
//   if (auto fault = h1::parse_request_head(head, request, framing)) refuse(*fault);
//
// Stricter than RFC 9112 wherever two parsers could read a message differently: one space, CRLF
// only, no folded lines, exactly one Host, one Content-Length or one Transfer-Encoding of exactly
// "chunked" and never both, nothing but the characters of the grammar.
//
// One empty line before a request line is skipped (RFC 9112 2.2).
//
// Threading: plain objects. Lifetime: results view the head. Cost: a scan and a pass; no
// allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.h"
#include "http/refusal.h"

namespace keywright::http::h1 {

struct HeadLimits {
  std::size_t first_line_bytes = 8 * 1024;
  std::size_t block_bytes = 32 * 1024;  // the header block: all after the first line
};

// Finds the end of a head, however it is cut into pieces; the outcome does not depend on the cuts.
class HeadScanner {
 public:
  enum class Outcome : unsigned char { incomplete, complete, faulty };

  explicit HeadScanner(const HeadLimits& limits) : limits_(limits) {}

  // `data` begins with the first byte of the message at every call and has only grown since.
  Outcome scan(std::string_view data);
  std::size_t begin() const { return begin_; }   // of the first line, after a skipped empty one
  std::size_t size() const { return scanned_; }  // when complete: up to and with the empty line
  const Fault& fault() const { return fault_; }
  void reset() { *this = HeadScanner(limits_); }

 private:
  Outcome fail(Refusal refusal, std::string_view what);
  bool is_too_long(std::size_t end, bool in_first_line);

  HeadLimits limits_;
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  std::size_t begin_ = 0;
  std::size_t block_start_ = 0;  // 0: still in the first line
  Fault fault_{Refusal::malformed, {}};
};

// How the body is delimited and what becomes of the connection.
struct Framing {
  enum class Kind : unsigned char { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
  bool keep_alive = true;
  bool expects_continue = false;
};

// `head` is what HeadScanner found, from begin() to size().
std::optional<Fault> parse_request_head(std::string_view head, Request& request, Framing& framing);

struct ResponseHead {
  int status = 0;
  unsigned char minor_version = 1;
  Fields headers;
};

// `to_head`: the response answers a HEAD request, so it has no body whatever its fields say.
std::optional<Fault> parse_response_head(std::string_view head, bool to_head,
                                         ResponseHead& response, Framing& framing);

// A target that is a path with or without a query, or "*" of OPTIONS, from `method` and `target`:
// what every request of HTTP/2 has, and nearly every one of HTTP/1.1.
std::optional<Fault> parse_origin_target(Request& request);

// host [ ":" port ], in the strict form that a Host field may have here.
bool is_valid_authority(std::string_view text);

}  // namespace keywright::http::h1
