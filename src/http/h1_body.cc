#include "http/h1_body.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "http/characters.h"

namespace keywright::http::h1 {

namespace {

constexpr std::size_t kMaxSizeDigits = 15;  // 2^60 - 1: no sum of such sizes overflows in practice
constexpr std::size_t kMaxExtensionBytes = 1024;
constexpr std::size_t kMaxTrailerBytes = 8 * 1024;
constexpr std::size_t kLongestForbiddenName = 17;

bool is_forbidden_trailer(std::string_view name) {
  constexpr std::array<std::string_view, 6> kForbidden = {
      "transfer-encoding", "content-length", "host", "trailer", "authorization", "connection"};
  return std::any_of(kForbidden.begin(), kForbidden.end(), [&](std::string_view forbidden) {
    return equals_ignoring_case(name, forbidden);
  });
}

}  // namespace

BodyDecoder::BodyDecoder(const Framing& framing) : state_(State::done) {
  switch (framing.kind) {
    case Framing::Kind::none: break;
    case Framing::Kind::chunked: state_ = State::size_first; break;
    case Framing::Kind::until_close: state_ = State::until_close; break;
    case Framing::Kind::length:
      remaining_ = framing.length;
      state_ = remaining_ > 0 ? State::content : State::done;
      break;
  }
}

void BodyDecoder::fail(std::string_view what) {
  state_ = State::faulty;
  what_ = what;
}

BodyDecoder::Step BodyDecoder::decode(const char* raw, std::size_t size, char* out) {
  Step step;
  while (step.consumed < size && state_ != State::done && state_ != State::faulty) {
    if (state_ != State::content && state_ != State::chunk && state_ != State::until_close) {
      framing_byte(raw[step.consumed++]);
      continue;
    }
    std::size_t bytes = size - step.consumed;
    if (state_ != State::until_close) {
      bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, remaining_));
      remaining_ -= bytes;
    }
    if (out + step.produced != raw + step.consumed) {
      std::memmove(out + step.produced, raw + step.consumed, bytes);
    }
    step.consumed += bytes;
    step.produced += bytes;
    if (state_ == State::content && remaining_ == 0) state_ = State::done;
    if (state_ == State::chunk && remaining_ == 0) state_ = State::chunk_cr;
  }
  if (state_ == State::done) step.outcome = Outcome::complete;
  if (state_ == State::faulty) step.outcome = Outcome::faulty;
  return step;
}

void BodyDecoder::framing_byte(char c) {
  switch (state_) {
    case State::size_first:
      remaining_ = 0;
      size_digits_ = 0;
      if (!is(c, Char::hex)) return fail("chunk_size");
      state_ = State::size_more;
      return size_digit(c);
    case State::size_more: return is(c, Char::hex) ? size_digit(c) : after_size(c);
    case State::extension:
      if (c == '\r') {
        state_ = State::size_lf;
      } else if (!is(c, Char::field_value) || ++extension_bytes_ > kMaxExtensionBytes) {
        fail("chunk_extension");
      }
      return;
    case State::size_lf:
      if (c != '\n') return fail("chunk_size");
      state_ = remaining_ > 0 ? State::chunk : State::trailer_first;
      return;
    case State::chunk_cr:
      if (c != '\r') return fail("chunk_end");
      state_ = State::chunk_lf;
      return;
    case State::chunk_lf:
      if (c != '\n') return fail("chunk_end");
      state_ = State::size_first;
      return;
    default: return trailer_byte(c);
  }
}

void BodyDecoder::size_digit(char c) {
  if (++size_digits_ > kMaxSizeDigits) return fail("chunk_size");
  remaining_ = remaining_ * 16 + hex_value(c);
}

void BodyDecoder::after_size(char c) {
  if (c == ';') {
    state_ = State::extension;
  } else if (c == '\r') {
    state_ = State::size_lf;
  } else {
    fail("chunk_size");
  }
}

void BodyDecoder::trailer_byte(char c) {
  if (++trailer_bytes_ > kMaxTrailerBytes) return fail("trailer_size");
  switch (state_) {
    case State::trailer_first:
      trailer_name_.clear();
      if (c == '\r') {
        state_ = State::end_lf;
        return;
      }
      state_ = State::trailer_name;
      [[fallthrough]];
    case State::trailer_name:
      if (is(c, Char::token)) {
        if (trailer_name_.size() <= kLongestForbiddenName) trailer_name_.push_back(c);
      } else if (c != ':' || trailer_name_.empty() || is_forbidden_trailer(trailer_name_)) {
        fail("trailer");
      } else {
        state_ = State::trailer_value;
      }
      return;
    case State::trailer_value:
      if (c == '\r') {
        state_ = State::trailer_lf;
      } else if (!is(c, Char::field_value)) {
        fail("trailer");
      }
      return;
    case State::trailer_lf:
      if (c != '\n') return fail("trailer");
      state_ = State::trailer_first;
      return;
    case State::end_lf:
      if (c != '\n') return fail("trailer");
      state_ = State::done;
      return;
    default: return fail("body");
  }
}

}  // namespace keywright::http::h1
