#include "ingest/body.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "ingest/inflate.h"
#include "ingest/media_type.h"

namespace keywright::ingest {
namespace {

// As much as is said to come is made room for at once; a promise of more is not believed.
constexpr std::size_t kReservedMax = 256 * 1024;
constexpr std::string_view kGzipMagic = "\x1f\x8b";

Error unsupported(std::string_view detail) {
  return Error(Code::unsupported_media_type, "unsupported_media_type", detail);
}

Error overloaded() {
  return Error(Code::unavailable, "overloaded",
               "Too many traces are under way; send this one again in a moment.");
}

constexpr std::chrono::seconds kDrainTime{10};

class DrainAfterwards final : public http::BodyStream {
 public:
  explicit DrainAfterwards(http::Exchange& exchange) : exchange_(exchange) {}
  ~DrainAfterwards() override { exchange_.loop.cancel(timer_); }

  Task<Result<std::string_view>> next() override {
    timer_ = exchange_.loop.run_after(kDrainTime, [this] { exchange_.cut(); });
    co_await drain(exchange_);
    co_return std::string_view();
  }

 private:
  http::Exchange& exchange_;
  net::TimerId timer_ = net::TimerId::none;
};

}  // namespace

Error body_too_large(std::size_t observed) {
  std::string text =
      fmt::format("A body has at most {} bytes, as sent and once decompressed", kBodyMax);
  if (observed > kBodyMax) text += fmt::format("; this one has {}", observed);
  return Error(Code::too_large, "body_too_large", text + ".");
}

std::size_t announced_length(const http::Request& request) {
  const auto text = request.headers.find("Content-Length");
  std::size_t length = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), length);
  return length;
}

Result<void> check_announced_size(const http::Request& request) {
  const std::size_t length = announced_length(request);
  if (length > kBodyMax) return fail(body_too_large(length));
  return {};
}

Result<BodyKind> body_kind(const http::Request& request) {
  BodyKind kind;
  if (const auto encoding = request.headers.find("Content-Encoding")) {
    const std::string_view name = trim(*encoding);
    kind.gzip = equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip");
    if (!kind.gzip && !equals_ignoring_case(name, "identity") && !name.empty()) {
      return fail(unsupported("Content-Encoding must be gzip, or left out."));
    }
  }
  const MediaType type = media_type_of(request);
  if (type.is_protobuf()) {
    kind.form = Form::protobuf;
  } else if (type.name == "application/octet-stream") {
    kind.octets = true;
  } else if (type.name != "application/json" || !type.is_utf8()) {
    return fail(
        unsupported("Content-Type must be application/json in UTF-8, "
                    "application/x-protobuf for OTLP, or application/octet-stream for "
                    "gzipped JSON."));
  }
  return kind;
}

Task<Result<std::string>> receive_body(http::Exchange& exchange, BodyKind kind,
                                       Budget::Share& share) {
  std::string body;
  std::string held;  // the first byte, where two of them tell what it is
  std::optional<Inflater> inflater;
  std::size_t received = 0;
  bool first = true;
  while (true) {
    auto got = co_await exchange.read_body();
    if (!got) co_return fail(std::move(got).error());
    std::string_view piece = *got;
    const bool ended = piece.empty();
    received += piece.size();
    if (received > kBodyMax) co_return fail(body_too_large(announced_length(exchange.request)));
    if (first && kind.octets && !kind.gzip) {
      held += piece;
      if (held.size() < kGzipMagic.size() && !ended) continue;
      piece = held;
      if (!piece.starts_with(kGzipMagic)) {
        co_return fail(unsupported("application/octet-stream must be gzipped JSON."));
      }
    }
    if (ended) break;
    if (first && (kind.gzip || kind.octets)) inflater.emplace();
    if (first) body.reserve(std::min(announced_length(exchange.request), kReservedMax));
    first = false;
    const std::size_t before = body.size();
    if (inflater) {
      KW_CO_CHECK_OK(inflater->feed(piece, body, kBodyMax));
    } else {
      body.append(piece);
    }
    if (!share.grow(body.size() - before)) co_return fail(overloaded());
  }
  if (inflater) KW_CO_CHECK_OK(inflater->finish());
  co_return body;
}

Task<void> drain(http::Exchange& exchange) {
  if (exchange.request.headers.find("Expect")) co_return;  // it waits for leave to send
  std::size_t drained = 0;
  while (drained < kWireMax / 2) {
    auto piece = co_await exchange.read_body();
    if (!piece || piece->empty()) co_return;
    drained += piece->size();
  }
}

void drain_afterwards(http::Exchange& exchange) {
  if (exchange.request.headers.find("Expect")) return;
  if (exchange.request.minor_version == 2) return;  // HTTP/2 sees to it: its streams just end
  exchange.response.stream_length = exchange.response.body.size();
  exchange.response.stream = std::make_unique<DrainAfterwards>(exchange);
}

}  // namespace keywright::ingest
