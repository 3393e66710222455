// HTTP/2 connections: a server session takes any frames, in any cuts, from a client that may vanish
// at any time. Handlers of every sort answer: at once, later, in pieces, never reading the body to
// its end. Nothing may crash, leak or stay: when the connection is lost, no stream is left.
//
// The first byte chooses the cuts and whether the preface is put before the rest of the input.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/h2_session.h"
#include "http/worker.h"
#include "net/loop.h"

using namespace keywright;

namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class Pieces : public http::BodyStream {
 public:
  explicit Pieces(http::Exchange& exchange) : exchange_(exchange) {}
  Task<Result<std::string_view>> next() override {
    if (++count_ > 4) co_return std::string_view();
    if (count_ == 3) co_await exchange_.loop.yield();
    if (count_ == 4 && exchange_.request.query == "cut") exchange_.cut("last");
    co_return std::string_view(text_);
  }

 private:
  http::Exchange& exchange_;
  int count_ = 0;
  std::string text_ = std::string(500, 'p');
};

class Answers : public http::Handler {
 public:
  std::optional<Task<void>> handle(http::Exchange& exchange) override {
    if (exchange.request.path.empty()) std::abort();
    const char kind = exchange.request.path.back();
    if (kind == 'l') return later(exchange);
    if (kind == 'b') return read(exchange);
    if (kind == 's') exchange.response.stream = std::make_unique<Pieces>(exchange);
    if (kind == 'k') exchange.response.stream_length = 2000;
    if (kind == 'x') exchange.response.body.assign(200'000, 'x');
    if (kind == 'c') exchange.cut();
    exchange.response.header("X-Length", std::to_string(exchange.request.body.size()));
    return std::nullopt;
  }
  std::size_t body_limit(const http::Request&) override { return 300; }
  bool streams_body(const http::Request& request) override { return request.path.ends_with('b'); }

 private:
  static Task<void> later(http::Exchange& exchange) {
    exchange.on_disconnect([] {});
    co_await exchange.loop.yield();
    exchange.response.body = exchange.request.body;
  }
  static Task<void> read(http::Exchange& exchange) {
    while (true) {
      auto piece = co_await exchange.read_body();
      if (!piece || piece->empty() || piece->front() == '!') co_return;
    }
  }
};

// In place of a connection: takes everything that is sent, when asked to.
class Host final : public http::h2::SessionHost {
 public:
  void has_changed() override { changed = true; }
  bool changed = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t cut = data[0] & 0x7f;
  std::string input = (data[0] & 0x80) != 0 ? std::string() : std::string(kPreface);
  input.append(reinterpret_cast<const char*>(data) + 1, size - 1);

  net::Loop loop;
  Answers answers;
  http::ServerOptions options;
  options.access_log = [](const http::AccessRecord&) {};
  http::Worker worker(loop, std::make_shared<http::ServerState>(answers, std::move(options)));
  Host host;
  http::h2::Session session(worker, host, *IpAddress::parse("127.0.0.1"), false);
  auto turn = [&] {
    loop.run_once(net::Duration::zero());
    if (std::exchange(host.changed, false)) session.act();
    session.output().clear();
    session.refill();
  };
  std::string_view rest = input;
  while (!rest.empty() && !session.is_over()) {
    const std::size_t piece = cut == 0 ? rest.size() : std::min(rest.size(), cut);
    session.receive(rest.substr(0, piece));
    rest.remove_prefix(piece);
    turn();
  }
  session.sweep(loop.now() + std::chrono::seconds(60));
  turn();
  session.lose();
  for (int i = 0; i < 8 && !session.is_quiet(); ++i) turn();
  if (!session.is_quiet()) std::abort();
  return 0;
}
