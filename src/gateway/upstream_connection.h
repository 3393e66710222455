// gateway/upstream_connection.h - one HTTP/1.1 connection to an upstream, with what has been
// received on it and not been used yet.
//
//   co_await connection.stream().write_all(head, body);
//   while (connection.scan_head() == HeadOutcome::incomplete) {
//     const net::IoResult got = co_await connection.stream().read_some(connection.space());
//     connection.added(got.bytes);
//   }
//   auto piece = connection.take_piece();           // of the body, without its framing
//
// Answers go through the same strict parser as requests: what two readers could understand
// differently is refused, and the connection is not used again. Interim answers (100, 103) are
// skipped, trailers dropped.
//
// Threading: the loop's thread. Lifetime: views are good until space() or the next take_piece().
// Cost: the buffer and the table of fields are kept with the connection.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "net/stream.h"

namespace keywright::gateway {

enum class HeadOutcome : unsigned char { incomplete, complete, malformed };

class UpstreamConnection {
 public:
  explicit UpstreamConnection(std::unique_ptr<net::Stream> stream);

  net::Stream& stream() { return *stream_; }
  std::span<char> space();
  void added(std::size_t bytes) { end_ += bytes; }

  // A new request goes out: nothing of its answer has been seen.
  void begin_exchange(bool to_head);
  bool received_anything() const { return received_ || end_ > begin_; }

  HeadOutcome scan_head();
  const http::h1::ResponseHead& head() const { return head_; }  // until space()
  const http::h1::Framing& framing() const { return framing_; }

  struct Piece {
    std::string_view bytes;  // empty: more has to be received, unless it is the end
    bool is_last = false;
    bool is_malformed = false;
  };
  Piece take_piece();
  // After a 101: what followed the head.
  std::string_view take_raw();
  // The peer closed in good order: is the body whole?
  bool ends_here() const { return framing_.kind == http::h1::Framing::Kind::until_close; }

  // The answer is over to its last byte, nothing follows, and both sides keep the connection.
  bool may_be_kept() const;
  // While it was kept: still open, and silent.
  bool is_fresh();
  // How long the upstream said it keeps the connection; zero: it did not say.
  std::chrono::seconds kept_for() const { return kept_for_; }

 private:
  std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }

  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  http::h1::HeadScanner scanner_;
  http::h1::ResponseHead head_;
  http::h1::Framing framing_;
  http::h1::BodyDecoder decoder_;
  std::chrono::seconds kept_for_{};
  bool to_head_ = false;
  bool received_ = false;
  int interim_ = 0;
};

}  // namespace keywright::gateway
