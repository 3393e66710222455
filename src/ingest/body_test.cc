#include "ingest/body.h"

#include <deque>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/encoding.h"

namespace keywright::ingest {
namespace {

// gzip -n of "hello hello hello\n".
const std::string kHello(
    view_text(decode_hex("1f8b08000000000002ffcb48cdc9c957c840905c003b7c8adf12000000").value()));

// A body that comes in these pieces.
class Pieces final : public http::ExchangeControl {
 public:
  explicit Pieces(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}

  Task<Result<std::string_view>> read_body() override {
    if (pieces_.empty()) co_return std::string_view();
    last_ = std::move(pieces_.front());
    pieces_.pop_front();
    co_return std::string_view(last_);
  }
  void cut(std::string_view) override {}
  void on_disconnect(std::function<void()>) override {}
  bool client_has_gone() const override { return false; }

 private:
  std::deque<std::string> pieces_;
  std::string last_;
};

Task<void> receive(http::Exchange& exchange, BodyKind kind, Budget::Share& share,
                   std::string& outcome) {
  auto body = co_await receive_body(exchange, kind, share);
  outcome = body ? *body : body.error().reason();
}

// The body, or the reason why it was refused.
std::string received(std::deque<std::string> pieces) {
  Pieces control(std::move(pieces));
  net::Loop loop;
  http::Request request;
  http::Response response;
  http::Exchange exchange(request, response, loop, control);
  Budget budget(1000, 1000);
  Budget::Share share(budget, "key");
  BodyKind kind;
  kind.octets = true;
  std::string outcome = "pending";
  start_detached(receive(exchange, kind, share, outcome));
  return outcome;
}

TEST(ReceiveBody, GzipIsKnownByItsFirstBytesInWhateverPiecesTheyCome) {
  for (const std::size_t first : {1, 2, 3}) {
    EXPECT_EQ(received({kHello.substr(0, first), kHello.substr(first)}), "hello hello hello\n");
  }
  EXPECT_EQ(received({kHello}), "hello hello hello\n");
}

TEST(ReceiveBody, WhatIsNoGzipIsRefusedAtItsBeginning) {
  EXPECT_EQ(received({"{", "}"}), "unsupported_media_type");
  EXPECT_EQ(received({"\x1f", "{"}), "unsupported_media_type");
  EXPECT_EQ(received({"\x1f"}), "unsupported_media_type");
  EXPECT_EQ(received({}), "unsupported_media_type");
  EXPECT_EQ(received({kHello.substr(0, 1), kHello.substr(1, 5)}), "malformed_body");
}

TEST(TooLarge, TheLimitIsSaidAndWhatTheSenderHas) {
  const std::string text = body_too_large(kBodyMax + 5).detail();
  EXPECT_NE(text.find("10485760"), std::string::npos);
  EXPECT_NE(text.find("10485765"), std::string::npos);
  EXPECT_EQ(body_too_large(0).detail().find("this one"), std::string::npos);
}

}  // namespace
}  // namespace keywright::ingest
