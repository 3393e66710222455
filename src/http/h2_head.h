// http/h2_head.h - the header fields of HTTP/2: from a stream into a Request, from a Response into
// name and value pairs. No I/O, no HPACK.
//
//   HeadReader head(request);
//   head.begin(limits);
//   switch (head.add(":path", "/api/v1/keys")) { ... }       // for each field, in order
//   if (auto fault = head.finish()) refuse(*fault);
//
// What HTTP/2 itself demands (order and number of pseudo-header fields, lower case, no
// connection-specific fields, one Content-Length) has been checked by nghttp2. Here the same rules
// hold as for HTTP/1.1: the characters of a method, a target and a host, kMaxFields, the size of
// the header block. `:authority` becomes `authority` and, unless there is one, the field `host`;
// both must agree. Cookie fields become one (RFC 9113 8.2.3).
//
// Threading: plain objects. Lifetime: the request's views last until the next begin().
// Cost: one copy of each name and value into a buffer that is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/h1_parser.h"
#include "http/message.h"
#include "http/refusal.h"

namespace keywright::http::h2 {

class HeadReader {
 public:
  enum class Added : unsigned char {
    yes,
    over_limit,      // not kept; finish() will say what was too much
    far_over_limit,  // not worth reading on
  };

  explicit HeadReader(Request& request) : request_(request) {}

  void begin(const h1::HeadLimits& limits);
  Added add(std::string_view name, std::string_view value);
  // After the last field: the request but for its body, or why it is refused.
  std::optional<Fault> finish();

  std::optional<std::uint64_t> content_length() const { return content_length_; }
  bool expects_continue() const { return expects_continue_; }

 private:
  std::string_view keep(std::string_view text);
  void make_room(std::size_t more);
  bool add_pseudo(std::string_view name, std::string_view value);
  void add_cookie(std::string_view value);
  void note(std::string_view name, std::string_view value);
  Added over(Refusal refusal, std::string_view what);

  Request& request_;
  h1::HeadLimits limits_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::size_t block_bytes_ = 0;  // as HTTP/1.1 would have counted them
  std::optional<Fault> fault_;
  std::string_view host_;
  std::string_view scheme_;
  std::string_view expect_;
  std::string cookies_;
  std::size_t cookie_count_ = 0;
  std::optional<std::uint64_t> content_length_;
  bool expects_continue_ = false;
};

// One field of an answer.
struct OutField {
  std::string_view name;  // lower case
  std::string_view value;
  bool stays_out_of_table = false;  // a secret, or never the same again
};

// What the fields of an answer say besides the Response itself.
struct ResponseFields {
  std::optional<std::uint64_t> length;
  std::string_view date;
  std::string_view request_id;
};

// Puts the fields of an answer together, :status first. Fields that HTTP/2 forbids are left out.
class HeadWriter {
 public:
  // Valid until the next call, and while the response is not changed.
  const std::vector<OutField>& write(const Response& response, const ResponseFields& fields);

 private:
  void add_block(std::string_view block);

  std::vector<OutField> fields_;
  std::string names_;
  std::string numbers_;
};

}  // namespace keywright::http::h2
