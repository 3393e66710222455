#include "cli/mcp_exchange.h"

#include <utility>

#include "net/connect.h"

namespace keywright::cli {
namespace {

using http::h1::BodyDecoder;
using http::h1::HeadScanner;
using net::IoStatus;

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kLargestBody = 16 * 1024 * 1024;

tl::unexpected<Error> lost(std::string_view reason, std::string_view detail) {
  return fail(Code::unavailable, reason, detail);
}

}  // namespace

void McpExchange::cancel() {
  cancelled_ = true;
  if (stream_) stream_->cancel(IoStatus::cancelled);
}

Task<Result<void>> McpExchange::send(std::string method, http::HeaderList fields,
                                     std::string body) {
  net::ConnectOptions options;
  options.tls = place_.tls.get();
  auto connected = co_await net::connect(loop_, place_.url.host, place_.url.port, options);
  if (!connected) co_return fail(connected.error());
  stream_ = std::move(*connected);
  if (cancelled_) co_return lost("connection_lost", "It was cancelled.");
  std::string head = method + " " + place_.url.target +
                     " HTTP/1.1\r\nHost: " + place_.url.authority() + "\r\nConnection: close";
  for (const auto& [name, value] : fields) {
    head.append("\r\n").append(name).append(": ").append(value);
  }
  if (method == "POST") head.append("\r\nContent-Length: ").append(std::to_string(body.size()));
  head.append("\r\n\r\n");
  // A server may answer before it has taken the whole body: the answer tells what became of it.
  co_await stream_->write_all(head, body);
  do {
    KW_CO_CHECK_OK(co_await read_head());
  } while (response_.status < 200);
  decoder_.emplace(framing_);
  co_return Result<void>();
}

Task<Result<void>> McpExchange::receive() {
  buffer_.erase(0, std::exchange(used_, 0));
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kReadSize);
  const std::span<char> room(buffer_.data() + before, kReadSize);
  const net::IoResult got = co_await stream_->read_some(room);
  buffer_.resize(before + got.bytes);
  at_end_ = got.status == IoStatus::end;
  if (got.status == IoStatus::ok || at_end_) co_return Result<void>();
  co_return lost("connection_lost", "The connection broke before the answer was complete.");
}

Task<Result<void>> McpExchange::read_head() {
  buffer_.erase(0, std::exchange(used_, 0));
  HeadScanner scanner((http::h1::HeadLimits()));
  while (true) {
    const HeadScanner::Outcome outcome = scanner.scan(buffer_);
    if (outcome == HeadScanner::Outcome::complete && scanner.begin() == 0) break;
    if (outcome != HeadScanner::Outcome::incomplete) {
      co_return lost("malformed_response", "The server's answer is not well-formed HTTP/1.1.");
    }
    if (at_end_) co_return lost("connection_lost", "The server closed the connection.");
    KW_CO_CHECK_OK(co_await receive());
  }
  used_ = scanner.size();
  auto head = std::make_unique<http::h1::ResponseHead>();
  const std::string_view text = std::string_view(buffer_).substr(0, used_);
  if (http::h1::parse_response_head(text, false, *head, framing_)) {
    co_return lost("malformed_response", "The server's answer is not well-formed HTTP/1.1.");
  }
  response_.status = head->status;
  response_.headers.clear();
  for (const http::Field& field : head->headers) {
    response_.headers.emplace_back(field.name, field.value);
  }
  co_return Result<void>();
}

Task<Result<std::string_view>> McpExchange::next() {
  while (!decoder_->is_complete()) {
    char* const raw = buffer_.data() + used_;
    const BodyDecoder::Step step = decoder_->decode(raw, buffer_.size() - used_, raw);
    if (step.outcome == BodyDecoder::Outcome::faulty) {
      co_return lost("malformed_response", "The server's answer is not well-formed HTTP/1.1.");
    }
    used_ += step.consumed;
    if (step.produced > 0) co_return std::string_view(raw, step.produced);
    if (decoder_->is_complete()) break;
    if (at_end_) {
      if (framing_.kind == http::h1::Framing::Kind::until_close) break;
      co_return lost("connection_lost", "The connection ended before the answer was complete.");
    }
    KW_CO_CHECK_OK(co_await receive());
  }
  co_return std::string_view();
}

Task<Result<std::string>> McpExchange::read_all() {
  std::string body;
  while (true) {
    KW_CO_TRY(const std::string_view piece, co_await next());
    if (piece.empty()) co_return body;
    if (piece.size() > kLargestBody - body.size()) {
      co_return fail(Code::too_large, "response_too_large", "The server's answer is too large.");
    }
    body += piece;
  }
}

}  // namespace keywright::cli
