// http/h1_body.h - takes the framing off a message body, piece by piece. No I/O.
//
//   h1::BodyDecoder decoder(framing);
//   auto step = decoder.decode(raw, raw_size, out);   // `out` may be at or before `raw`: in place
//   // step.consumed raw bytes are done with, step.produced bytes of the body are at `out`
//
// Chunk sizes are hexadecimal digits directly followed by CRLF or by ';' and an extension;
// extensions and trailer fields are checked and dropped, 1 KiB and 8 KiB of them at the most. A
// trailer may not name a field that frames or routes the message. The outcome does not depend on
// how the input is cut.
//
// Threading: a plain object. Cost: one memmove for the content, one step of a state machine for
// each byte of the framing. Source: RFC 9112 6 and 7.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "http/h1_parser.h"

namespace keywright::http::h1 {

class BodyDecoder {
 public:
  enum class Outcome : unsigned char { incomplete, complete, faulty };
  struct Step {
    Outcome outcome = Outcome::incomplete;
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };

  explicit BodyDecoder(const Framing& framing = {});

  Step decode(const char* raw, std::size_t size, char* out);
  bool is_complete() const { return state_ == State::done; }
  std::string_view what() const { return what_; }  // when faulty
  // Still to come, as far as known: the rest of a Content-Length, or of a chunk whose size has been
  // read to its end.
  std::uint64_t remaining() const {
    return state_ == State::content || state_ == State::chunk ? remaining_ : 0;
  }

 private:
  enum class State : unsigned char {
    content,
    until_close,
    size_first,
    size_more,
    extension,
    size_lf,
    chunk,
    chunk_cr,
    chunk_lf,
    trailer_first,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    done,
    faulty,
  };
  void framing_byte(char c);
  void size_digit(char c);
  void after_size(char c);
  void trailer_byte(char c);
  void fail(std::string_view what);

  State state_;
  std::uint64_t remaining_ = 0;
  std::size_t size_digits_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string trailer_name_;
  std::string_view what_;
};

}  // namespace keywright::http::h1
