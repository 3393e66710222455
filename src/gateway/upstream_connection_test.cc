#include "gateway/upstream_connection.h"

#include <gtest/gtest.h>

#include <cstring>

#include "net/listener.h"

namespace keywright::gateway {
namespace {

// A connection whose bytes come from the test, in pieces of the size it likes.
class Fed {
 public:
  explicit Fed(bool to_head = false) {
    // Any socket will do: nothing is read from it.
    const auto sockets = net::open_listeners(*net::parse_endpoint("127.0.0.1:0"), 1);
    connection_ = std::make_unique<UpstreamConnection>(
        std::make_unique<net::Stream>(loop_, sockets->front(), net::Endpoint()));
    connection_->begin_exchange(to_head);
  }
  HeadOutcome feed(std::string_view bytes, std::size_t step = 1) {
    while (!bytes.empty()) {
      const std::size_t size = std::min(step, bytes.size());
      put(bytes.substr(0, size));
      bytes.remove_prefix(size);
      const HeadOutcome outcome = connection_->scan_head();
      if (outcome != HeadOutcome::incomplete) {
        put(bytes);
        return outcome;
      }
    }
    return HeadOutcome::incomplete;
  }
  void put(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto space = connection_->space();
      const std::size_t size = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), size);
      connection_->added(size);
      bytes.remove_prefix(size);
    }
  }
  std::string body() {
    std::string all;
    while (true) {
      const auto piece = connection_->take_piece();
      if (piece.is_malformed) return "malformed";
      all.append(piece.bytes);
      if (piece.is_last || piece.bytes.empty()) return all;
    }
  }
  UpstreamConnection& operator*() { return *connection_; }
  UpstreamConnection* operator->() { return connection_.get(); }

 private:
  net::Loop loop_;
  std::unique_ptr<UpstreamConnection> connection_;
};

TEST(UpstreamConnection, HeadAndBodyComeTheSameHoweverTheyAreCut) {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (std::size_t step = 1; step <= kAnswer.size(); ++step) {
    Fed fed;
    ASSERT_EQ(fed.feed(kAnswer, step), HeadOutcome::complete);
    EXPECT_EQ(fed->head().status, 200);
    EXPECT_EQ(fed.body(), "abcde");
    EXPECT_TRUE(fed->may_be_kept());
  }
}

TEST(UpstreamConnection, InterimAnswersAreSkippedButNotWithoutEnd) {
  Fed fed;
  EXPECT_EQ(fed.feed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                     "HTTP/1.1 204 No Content\r\n\r\n"),
            HeadOutcome::complete);
  EXPECT_EQ(fed->head().status, 204);
  Fed endless;
  std::string many;
  for (int i = 0; i < 100; ++i) many += "HTTP/1.1 103 Early Hints\r\n\r\n";
  EXPECT_EQ(endless.feed(many, 1000), HeadOutcome::malformed);
}

TEST(UpstreamConnection, IsKeptOnlyAfterAWholeAnswerAndNothingElse) {
  const auto kept = [](std::string_view answer) {
    Fed fed;
    EXPECT_EQ(fed.feed(answer), HeadOutcome::complete);
    fed.body();
    return fed->may_be_kept();
  };
  EXPECT_TRUE(kept("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"));
  EXPECT_FALSE(kept("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\n\r\nok"));
  EXPECT_FALSE(kept("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"));
}

TEST(UpstreamConnection, AnswersToHeadHaveNoBodyWhateverTheySay) {
  Fed fed(true);
  ASSERT_EQ(fed.feed("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), HeadOutcome::complete);
  EXPECT_EQ(fed.body(), "");
  EXPECT_EQ(fed->framing().length, 500u);
  EXPECT_TRUE(fed->may_be_kept());
}

TEST(UpstreamConnection, HeadsThatAreTooLongOrNotHttpAreMalformed) {
  Fed fed;
  EXPECT_EQ(fed.feed("HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x'), 4096),
            HeadOutcome::malformed);
  Fed ssh;
  EXPECT_EQ(ssh.feed("SSH-2.0-OpenSSH\r\n\r\n"), HeadOutcome::malformed);
  Fed bare;
  EXPECT_EQ(bare.feed("HTTP/1.1 200 OK\n\n"), HeadOutcome::malformed);
}

TEST(UpstreamConnection, RemembersHowLongItIsKept) {
  Fed fed;
  fed.feed("HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5, max=9\r\n\r\n");
  EXPECT_EQ(fed->kept_for(), std::chrono::seconds(5));
}

}  // namespace
}  // namespace keywright::gateway
