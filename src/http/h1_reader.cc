#include "http/h1_reader.h"

#include <cstring>

namespace keywright::http::h1 {

namespace {

constexpr std::size_t kFirstCapacity = 8 * 1024;
constexpr std::size_t kKeptCapacity = 64 * 1024;
constexpr std::size_t kLeastSpace = 1024;

}  // namespace

RequestReader::RequestReader(const HeadLimits& limits)
    : scanner_(limits),
      buffer_(std::make_unique_for_overwrite<char[]>(kFirstCapacity)),
      capacity_(kFirstCapacity) {}

std::span<char> RequestReader::space() {
  if (capacity_ - end_ < kLeastSpace) make_room();
  return {buffer_.get() + end_, capacity_ - end_};
}

// Closes the gaps before the message, and between the decoded and the raw part of its body; doubles
// the buffer only if that is not enough.
void RequestReader::make_room() {
  if (taken_ > 0) {
    const std::size_t untaken = body_end_ - body_ - taken_;
    std::memmove(buffer_.get() + body_, buffer_.get() + body_ + taken_, untaken);
    body_end_ = body_ + untaken;
    taken_ = 0;
  }
  if (raw_ > body_end_ && body_end_ > message_) {
    std::memmove(buffer_.get() + body_end_, buffer_.get() + raw_, end_ - raw_);
    end_ -= raw_ - body_end_;
    raw_ = body_end_;
  }
  if (message_ > 0) move_to(buffer_.get());
  if (capacity_ - end_ >= kLeastSpace) return;
  auto larger = std::make_unique_for_overwrite<char[]>(capacity_ * 2);
  move_to(larger.get());
  buffer_ = std::move(larger);
  capacity_ *= 2;
}

void RequestReader::move_to(char* fresh) {
  char* const old = buffer_.get() + message_;
  const std::string_view old_range(old, end_ - message_);
  std::memmove(fresh, old, old_range.size());
  request_.rebase(old_range, fresh);
  body_ -= message_;
  body_end_ -= message_;
  raw_ -= message_;
  end_ -= message_;
  message_ = 0;
}

RequestReader::Progress RequestReader::refuse(const Fault& fault) {
  fault_ = fault;
  return Progress::refused;
}

RequestReader::Progress RequestReader::read_head() {
  const std::string_view received(buffer_.get() + message_, end_ - message_);
  switch (scanner_.scan(received)) {
    case HeadScanner::Outcome::incomplete: return Progress::need_more;
    case HeadScanner::Outcome::faulty: return refuse(scanner_.fault());
    case HeadScanner::Outcome::complete: break;
  }
  const std::size_t begin = scanner_.begin();
  const std::string_view head = received.substr(begin, scanner_.size() - begin);
  if (auto fault = parse_request_head(head, request_, framing_)) return refuse(*fault);
  body_ = body_end_ = raw_ = message_ + scanner_.size();
  taken_ = 0;
  return Progress::done;
}

RequestReader::Progress RequestReader::begin_body(std::size_t limit) {
  limit_ = limit;
  body_bytes_ = 0;
  decoder_ = BodyDecoder(framing_);
  if (framing_.length > limit) return refuse(Fault{Refusal::body_too_large, "content_length"});
  return Progress::done;
}

RequestReader::Progress RequestReader::read_body() {
  char* const data = buffer_.get();
  const auto step = decoder_.decode(data + raw_, end_ - raw_, data + body_end_);
  raw_ += step.consumed;
  body_end_ += step.produced;
  body_bytes_ += step.produced;
  if (step.outcome == BodyDecoder::Outcome::faulty) {
    return refuse(Fault{Refusal::malformed, decoder_.what()});
  }
  if (body_bytes_ > limit_ || decoder_.remaining() > limit_ - body_bytes_) {
    return refuse(Fault{Refusal::body_too_large, "chunks"});
  }
  request_.body = std::string_view(data + body_, body_end_ - body_);
  return step.outcome == BodyDecoder::Outcome::complete ? Progress::done : Progress::need_more;
}

std::string_view RequestReader::take_body() {
  const std::string_view piece(buffer_.get() + body_ + taken_, body_end_ - body_ - taken_);
  taken_ += piece.size();
  request_.body = {};
  return piece;
}

std::string_view RequestReader::take_raw() {
  const std::string_view raw(buffer_.get() + raw_, end_ - raw_);
  raw_ = end_;
  return raw;
}

void RequestReader::clear() {
  raw_ = end_;
  finish();
}

void RequestReader::finish() {
  message_ = body_ = body_end_ = raw_;
  if (raw_ == end_) {
    message_ = body_ = body_end_ = raw_ = end_ = 0;
    if (capacity_ > kKeptCapacity) {
      buffer_ = std::make_unique_for_overwrite<char[]>(kFirstCapacity);
      capacity_ = kFirstCapacity;
    }
  }
  taken_ = 0;
  scanner_.reset();
}

}  // namespace keywright::http::h1
