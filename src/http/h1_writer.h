// http/h1_writer.h - response heads and chunks in wire form. No I/O.
//
//   h1::append_response_head(out, response, h1::ResponseFraming{...});
//   h1::append_chunk_size(out, piece.size());
//
// Threading: pure functions, but for the stamp, which belongs to one thread.
// Cost: appends to a string that keeps its capacity.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"

namespace keywright::http::h1 {

inline bool allows_body(int status) { return status >= 200 && status != 204 && status != 304; }

enum class BodyFraming : unsigned char {
  none,    // 1xx, 204, 304: no body, and no field that speaks of one
  length,  // Content-Length, also in answer to HEAD
  chunked,
  until_close,  // to HTTP/1.0 clients, when the length is not known
};

struct ResponseFraming {
  BodyFraming body = BodyFraming::length;
  std::uint64_t length = 0;
  bool close = false;
  bool say_keep_alive = false;  // to an HTTP/1.0 client that asked for it
  std::string_view date;
  std::string_view request_id;
};

void append_response_head(std::string& out, const Response& response,
                          const ResponseFraming& framing);
void append_chunk_size(std::string& out, std::size_t size);

inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// The Date of answers (RFC 9110 6.6.1), and ids for requests: version 7 UUIDs in form, unique for
// this process and not meant to be unguessable.
//
// Threading: one for each loop.
class Stamp {
 public:
  Stamp();

  // `now` is any steady reading; the wall clock is read when its second may have ended.
  std::string_view date(std::chrono::nanoseconds now);
  static constexpr std::size_t kIdSize = 36;
  void write_id(std::chrono::nanoseconds now, char* out);

 private:
  void refresh(std::chrono::nanoseconds now);

  SystemClock clock_;
  std::array<char, 29> date_;
  std::chrono::nanoseconds refresh_at_{};
  std::int64_t milliseconds_ = 0;  // wall clock at taken_at_
  std::chrono::nanoseconds taken_at_{};
  std::uint64_t random_state_ = 0;
  std::uint64_t sequence_ = 0;
};

}  // namespace keywright::http::h1
