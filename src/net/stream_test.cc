#include "net/stream.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "net/connect.h"
#include "net/listener.h"
#include "net/test_certificate.h"
#include "net/tls.h"

namespace keywright::net {
namespace {

using std::chrono::milliseconds;

// Two connected sockets; the first belongs to a Stream.
struct Pair {
  explicit Pair(Loop& loop) {
    int sockets[2];
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets);
    stream = std::make_unique<Stream>(loop, sockets[0], Endpoint());
    other = sockets[1];
  }
  ~Pair() { close_other(); }
  void close_other() {
    if (other >= 0) ::close(std::exchange(other, -1));
  }
  std::unique_ptr<Stream> stream;
  int other;
};

Task<std::string> read_to_end(Stream& stream, IoStatus& last) {
  std::string all;
  char buffer[1000];
  while (true) {
    const IoResult got = co_await stream.read_some(buffer);
    if (got.status != IoStatus::ok) {
      last = got.status;
      co_return all;
    }
    all.append(buffer, got.bytes);
  }
}

TEST(Stream, ReadsWhatWasSentAndThenTheEnd) {
  Loop loop;
  Pair pair(loop);
  loop.run_after(milliseconds(1), [&] { EXPECT_EQ(::send(pair.other, "hello ", 6, 0), 6); });
  loop.run_after(milliseconds(2), [&] {
    EXPECT_EQ(::send(pair.other, "world", 5, 0), 5);
    pair.close_other();
  });
  IoStatus last = IoStatus::ok;
  EXPECT_EQ(run(read_to_end(*pair.stream, last), loop), "hello world");
  EXPECT_EQ(last, IoStatus::end);
}

Task<IoResult> write_both(Stream& stream, std::string_view first, std::string_view second) {
  const IoResult written = co_await stream.write_all(first, second);
  stream.shutdown_write();
  co_return written;
}

TEST(Stream, WritesMoreThanTheSocketTakesAtOnce) {
  Loop loop;
  Pair pair(loop);
  const std::string first(3'000'000, 'a');
  const std::string second(2'000'000, 'b');
  std::string received;
  std::thread reader([&] {
    char buffer[65536];
    while (true) {
      const ssize_t got = ::recv(pair.other, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got == 0) return;
      if (got > 0) received.append(buffer, static_cast<std::size_t>(got));
      if (got < 0) std::this_thread::yield();
    }
  });
  const IoResult written = run(write_both(*pair.stream, first, second), loop);
  reader.join();
  EXPECT_EQ(written.status, IoStatus::ok);
  EXPECT_EQ(written.bytes, 5'000'000u);
  EXPECT_EQ(pair.stream->written(), 5'000'000u);
  EXPECT_TRUE(received == first + second);
}

Task<IoStatus> read_once(Stream& stream) {
  char buffer[10];
  const IoResult got = co_await stream.read_some(buffer);
  co_return got.status;
}

TEST(Stream, CancelEndsAPendingReadWithTheGivenStatus) {
  Loop loop;
  Pair pair(loop);
  loop.run_after(milliseconds(1), [&] { pair.stream->cancel(IoStatus::timed_out); });
  EXPECT_EQ(run(read_once(*pair.stream), loop), IoStatus::timed_out);
  EXPECT_EQ(run(read_once(*pair.stream), loop), IoStatus::timed_out) << "later ones, too";
  pair.stream->clear_cancel();
  EXPECT_EQ(::send(pair.other, "x", 1, 0), 1);
  EXPECT_EQ(run(read_once(*pair.stream), loop), IoStatus::ok);
}

TEST(Stream, AbortIsSeenByThePeerAtOnce) {
  Loop loop;
  Pair pair(loop);
  pair.stream->abort();
  char byte;
  EXPECT_EQ(::recv(pair.other, &byte, 1, 0), 0);
  EXPECT_EQ(run(read_once(*pair.stream), loop), IoStatus::cancelled);
}

TEST(Stream, WriteToAPeerThatIsGoneIsAResetAndNoSignal) {
  Loop loop;
  Pair pair(loop);
  pair.close_other();
  EXPECT_EQ(run(write_both(*pair.stream, "x", ""), loop).status, IoStatus::reset);
}

TEST(Stream, HangUpIsReportedOnceEvenIfItCameBefore) {
  Loop loop;
  Pair pair(loop);
  int calls = 0;
  pair.stream->on_hang_up([&] { ++calls; });
  loop.run_once(Duration::zero());
  EXPECT_EQ(calls, 0);
  pair.close_other();
  loop.run_once(milliseconds(100));
  loop.run_once(Duration::zero());
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(pair.stream->has_hung_up());
  pair.stream->on_hang_up([&] { calls += 10; });
  loop.run_once(Duration::zero());
  EXPECT_EQ(calls, 11);
}

TEST(Stream, MayBeDestroyedByWhatItResumes) {
  Loop loop;
  Pair pair(loop);
  start_detached([](Pair& both, Loop& on) -> Task<void> {
    char buffer[10];
    co_await both.stream->read_some(buffer);
    both.stream.reset();
    on.stop();
  }(pair, loop));
  bool hung_up = false;
  pair.stream->on_hang_up([&] { hung_up = true; });
  EXPECT_EQ(::send(pair.other, "x", 1, 0), 1);
  pair.close_other();
  loop.run();
  EXPECT_FALSE(hung_up);
}

// Accepts one connection and gives back what it reads, until its end.
class EchoListener {
 public:
  explicit EchoListener(Loop& loop, std::shared_ptr<TlsServer> tls = nullptr)
      : listener_(loop, (*open_listeners(*parse_endpoint("127.0.0.1:0"), 1))[0],
                  [this, &loop, tls](Accepted accepted) {
                    stream_ = std::make_unique<Stream>(loop, accepted.fd, accepted.peer,
                                                       tls ? tls->new_session() : nullptr);
                    start_detached(echo(*this));
                  }) {
    listener_.start();
  }
  std::uint16_t port() const { return listener_.local().port; }
  IoStatus handshake = IoStatus::ok;
  std::string alpn;

 private:
  static Task<void> echo(EchoListener& self) {
    self.handshake = (co_await self.stream_->handshake()).status;
    if (self.handshake != IoStatus::ok) {
      self.stream_.reset();
      co_return;
    }
    self.alpn = self.stream_->alpn();
    char buffer[4096];
    while (true) {
      const IoResult got = co_await self.stream_->read_some(buffer);
      if (got.status != IoStatus::ok) break;
      co_await self.stream_->write_all(std::string_view(buffer, got.bytes));
    }
    self.stream_->shutdown_write();
  }
  std::unique_ptr<Stream> stream_;
  Listener listener_;
};

Task<Result<std::string>> talk(Loop& loop, std::string host, std::uint16_t port,
                               ConnectOptions options, std::string text) {
  KW_CO_TRY(auto stream, co_await connect(loop, host, port, options));
  co_await stream->write_all(text);
  stream->shutdown_write();
  IoStatus last = IoStatus::ok;
  std::string answer = co_await read_to_end(*stream, last);
  if (last != IoStatus::end) co_return fail(Code::internal, "broken", answer);
  co_return answer;
}

TEST(Connect, ReachesAListenerByAddressAndByName) {
  Loop loop;
  EchoListener by_address(loop);
  EXPECT_EQ(*run(talk(loop, "127.0.0.1", by_address.port(), {}, "ping"), loop), "ping");
  EchoListener by_name(loop);
  EXPECT_EQ(*run(talk(loop, "localhost", by_name.port(), {}, "ping"), loop), "ping");
}

TEST(Connect, RefusalsHaveTheirReasons) {
  Loop loop;
  std::uint16_t free_port = 0;
  {
    EchoListener listener(loop);
    free_port = listener.port();
  }
  EXPECT_EQ(run(talk(loop, "127.0.0.1", free_port, {}, ""), loop).error().reason(),
            "connect_failed");
  EXPECT_EQ(run(talk(loop, "no-such-host.invalid", 80, {}, ""), loop).error().reason(),
            "resolve_failed");
  ConnectOptions options;
  options.allow = [](const IpAddress& address) { return !address.is_loopback(); };
  EXPECT_EQ(run(talk(loop, "127.0.0.1", free_port, options, ""), loop).error().reason(),
            "address_not_allowed");
}

TEST(Tls, CarriesDataBothWaysAndAgreesOnAProtocol) {
  Loop loop;
  TestCertificate certificate("localhost");
  auto server = *TlsServer::load({certificate.certificate_file(), certificate.key_file()});
  TlsClientOptions trusting;
  trusting.trust_file = certificate.certificate_file();
  auto client = *TlsClient::create(trusting);
  ConnectOptions options;
  options.tls = client.get();
  const std::string text(200'000, 't');
  for (const char* host : {"localhost", "127.0.0.1"}) {
    EchoListener listener(loop, server);
    auto answer = run(talk(loop, host, listener.port(), options, text), loop);
    ASSERT_TRUE(answer.has_value()) << answer.error().detail();
    EXPECT_TRUE(*answer == text);
    EXPECT_EQ(listener.alpn, "http/1.1");
  }
}

TEST(Tls, ClientRefusesWhatItDoesNotTrustAndTheWrongName) {
  Loop loop;
  TestCertificate certificate("localhost");
  TestCertificate elsewhere("elsewhere.example");
  auto untrusting = *TlsClient::create({});
  ConnectOptions options;
  options.tls = untrusting.get();
  {
    auto server = *TlsServer::load({certificate.certificate_file(), certificate.key_file()});
    EchoListener listener(loop, server);
    auto answer = run(talk(loop, "localhost", listener.port(), options, "secret"), loop);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().reason(), "tls_failed");
  }
  TlsClientOptions trusting;
  trusting.trust_file = elsewhere.certificate_file();
  auto client = *TlsClient::create(trusting);
  options.tls = client.get();
  auto server = *TlsServer::load({elsewhere.certificate_file(), elsewhere.key_file()});
  EchoListener listener(loop, server);
  auto answer = run(talk(loop, "localhost", listener.port(), options, "secret"), loop);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().reason(), "tls_failed");
  EXPECT_NE(answer.error().detail().find("ostname mismatch"), std::string::npos);
}

TEST(Tls, PlainPeersFailTheHandshakeOnly) {
  Loop loop;
  TestCertificate certificate("localhost");
  auto server = *TlsServer::load({certificate.certificate_file(), certificate.key_file()});
  EchoListener listener(loop, server);
  auto answer = run(talk(loop, "127.0.0.1", listener.port(), {}, "GET / HTTP/1.1\r\n\r\n"), loop);
  EXPECT_EQ(listener.handshake, IoStatus::tls_failed);
}

TEST(Tls, SilentPeerTimesOut) {
  Loop loop;
  auto sockets = *open_listeners(*parse_endpoint("127.0.0.1:0"), 1);
  auto client = *TlsClient::create({});
  ConnectOptions options;
  options.tls = client.get();
  options.timeout = milliseconds(20);
  auto answer = run(talk(loop, "127.0.0.1", local_endpoint(sockets[0]).port, options, ""), loop);
  EXPECT_EQ(answer.error().reason(), "connect_timeout");
  ::close(sockets[0]);
}

TEST(Tls, ReloadPresentsTheNewPairAndABadOneKeepsTheOld) {
  Loop loop;
  TestCertificate certificate("localhost");
  TestCertificate renewed("localhost");
  auto server = *TlsServer::load({certificate.certificate_file(), certificate.key_file()});
  auto trusts = [&](const std::string& file) {
    EchoListener listener(loop, server);
    TlsClientOptions trusting;
    trusting.trust_file = file;
    auto client = *TlsClient::create(trusting);
    ConnectOptions options;
    options.tls = client.get();
    return run(talk(loop, "localhost", listener.port(), options, "x"), loop).has_value();
  };
  TestCertificate old_copy("unused");
  old_copy.replace_by(certificate);
  EXPECT_TRUE(trusts(old_copy.certificate_file()));

  std::filesystem::resize_file(certificate.key_file(), 20);
  auto failed = server->reload();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().reason(), "tls_key_unreadable");
  EXPECT_TRUE(trusts(old_copy.certificate_file()));

  std::filesystem::copy_file(renewed.key_file(), certificate.key_file(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(server->reload().error().reason(), "tls_key_mismatch");
  EXPECT_TRUE(trusts(old_copy.certificate_file()));

  certificate.replace_by(renewed);
  EXPECT_TRUE(server->reload().has_value());
  EXPECT_FALSE(trusts(old_copy.certificate_file()));
  EXPECT_TRUE(trusts(renewed.certificate_file()));
  EXPECT_EQ(TlsServer::load({"/nowhere.pem", "/nowhere.pem"}).error().reason(),
            "tls_certificate_unreadable");
}

}  // namespace
}  // namespace keywright::net
