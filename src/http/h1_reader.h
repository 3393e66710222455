// http/h1_reader.h - turns received bytes into requests, one after the other. No I/O.
//
//   h1::RequestReader reader(limits);
//   reader.added(recv(reader.space()));
//   if (reader.read_head() == Progress::done) {
//     reader.begin_body(limit);
//     if (reader.read_body() == Progress::done) serve(reader.request());
//     reader.finish();                                 // what follows may be the next request
//   }
//
// Everything lies in one buffer: the head, then the body without its chunking, then bytes that are
// still raw. When the buffer moves, the views of the request move along.
// A body can be taken whole (request().body) or piece by piece (take_body()).
//
// Threading: a plain object. Cost: one buffer, kept; it grows with the body and shrinks at
// finish().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "http/message.h"

namespace keywright::http::h1 {

class RequestReader {
 public:
  enum class Progress : unsigned char { need_more, done, refused };

  explicit RequestReader(const HeadLimits& limits);

  // Room to receive into, never empty; then how much was received.
  std::span<char> space();
  void added(std::size_t bytes) { end_ += bytes; }
  bool is_empty() const { return end_ == raw_; }
  // From the beginning of the current message: for a protocol that turns out to be another one.
  std::string_view received() const { return {buffer_.get() + message_, end_ - message_}; }

  Progress read_head();
  const Framing& framing() const { return framing_; }

  // After read_head(): how much body will be taken. Refused at once if more is announced.
  Progress begin_body(std::size_t limit);
  Progress read_body();  // done: request().body is whole
  // The part of the body decoded since the last call; that call's view ends with the next
  // take_body() or space(). Use either this or request().body.
  std::string_view take_body();
  // After an upgrade: everything received that has not been taken, as it is; valid until space().
  std::string_view take_raw();
  std::uint64_t body_bytes() const { return body_bytes_; }  // decoded so far
  bool body_is_complete() const { return decoder_.is_complete(); }

  void finish();
  void clear();  // forgets everything received

  Request& request() { return request_; }
  const Fault& fault() const { return fault_; }

 private:
  Progress refuse(const Fault& fault);
  void make_room();
  void move_to(char* fresh);

  HeadScanner scanner_;
  Request request_;
  Framing framing_;
  BodyDecoder decoder_;
  Fault fault_{Refusal::malformed, {}};
  std::size_t limit_ = 0;
  std::uint64_t body_bytes_ = 0;

  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t message_ = 0;   // where the current message begins
  std::size_t body_ = 0;      // where its body begins
  std::size_t body_end_ = 0;  // the end of what has been decoded of it
  std::size_t raw_ = 0;       // raw bytes: [raw_, end_)
  std::size_t end_ = 0;
  std::size_t taken_ = 0;  // the part of [body_, body_end_) that has been taken
};

}  // namespace keywright::http::h1
