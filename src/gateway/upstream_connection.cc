#include "gateway/upstream_connection.h"

#include <charconv>
#include <cstring>

#include "base/text.h"

namespace keywright::gateway {

namespace {

constexpr std::size_t kCapacity = 16 * 1024;
constexpr std::size_t kLeastSpace = 2 * 1024;
constexpr int kInterimMax = 16;

// "timeout=5, max=100"
std::chrono::seconds timeout_of(std::string_view keep_alive) {
  constexpr std::string_view kName = "timeout=";
  const std::size_t at = keep_alive.find(kName);
  if (at == std::string_view::npos) return {};
  const std::string_view text = keep_alive.substr(at + kName.size());
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(seconds);
}

}  // namespace

UpstreamConnection::UpstreamConnection(std::unique_ptr<net::Stream> stream)
    : stream_(std::move(stream)),
      buffer_(std::make_unique_for_overwrite<char[]>(kCapacity)),
      capacity_(kCapacity),
      scanner_(http::h1::HeadLimits()) {}

std::span<char> UpstreamConnection::space() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (capacity_ - end_ < kLeastSpace && begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  if (capacity_ - end_ < kLeastSpace) {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_ * 2);
    std::memcpy(larger.get(), buffer_.get(), end_);
    buffer_ = std::move(larger);
    capacity_ *= 2;
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

void UpstreamConnection::begin_exchange(bool to_head) {
  to_head_ = to_head;
  received_ = false;
  interim_ = 0;
  kept_for_ = {};
  scanner_.reset();
  decoder_ = http::h1::BodyDecoder();
}

HeadOutcome UpstreamConnection::scan_head() {
  using Outcome = http::h1::HeadScanner::Outcome;
  while (true) {
    const Outcome outcome = scanner_.scan(unread());
    if (outcome == Outcome::incomplete) return HeadOutcome::incomplete;
    if (outcome == Outcome::faulty || scanner_.begin() != 0) return HeadOutcome::malformed;
    received_ = true;
    const std::string_view text = unread().substr(0, scanner_.size());
    if (http::h1::parse_response_head(text, to_head_, head_, framing_)) {
      return HeadOutcome::malformed;
    }
    begin_ += text.size();
    scanner_.reset();
    if (head_.status >= 200 || head_.status == 101) break;
    if (++interim_ > kInterimMax) return HeadOutcome::malformed;
  }
  if (const auto keep_alive = head_.headers.find("Keep-Alive")) kept_for_ = timeout_of(*keep_alive);
  decoder_ = http::h1::BodyDecoder(framing_);
  return HeadOutcome::complete;
}

UpstreamConnection::Piece UpstreamConnection::take_piece() {
  if (decoder_.is_complete()) return {{}, true, false};
  char* const raw = buffer_.get() + begin_;
  const auto step = decoder_.decode(raw, end_ - begin_, raw);
  begin_ += step.consumed;
  const bool faulty = step.outcome == http::h1::BodyDecoder::Outcome::faulty;
  return {{raw, step.produced}, decoder_.is_complete(), faulty};
}

std::string_view UpstreamConnection::take_raw() {
  const std::string_view raw = unread();
  begin_ = end_;
  return raw;
}

bool UpstreamConnection::may_be_kept() const {
  return decoder_.is_complete() && framing_.keep_alive && begin_ == end_ && head_.status != 101 &&
         capacity_ == kCapacity && !stream_->has_hung_up();
}

bool UpstreamConnection::is_fresh() {
  if (stream_->has_hung_up()) return false;
  // Bytes that nobody asked for would be taken for the next answer. TLS has messages of its own.
  return stream_->is_secure() || !stream_->read_ready().try_finish();
}

}  // namespace keywright::gateway
