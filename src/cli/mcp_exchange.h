// cli/mcp_exchange.h - one HTTP request whose answer is read piece by piece, as it arrives.
//
//   McpExchange exchange(loop, place);
//   KW_CO_CHECK_OK(co_await exchange.send("POST", fields, body));
//   if (exchange.status() == 200) {
//     while (true) {
//       KW_CO_TRY(std::string_view piece, co_await exchange.next());
//       if (piece.empty()) break;
//     }
//   }
//
// Each exchange has a connection of its own. There is no limit on how long an answer may take: an
// event stream may be silent for hours. cancel() ends it.
//
// Errors: those of net/connect.h; unavailable "connection_lost", "malformed_response".
// Threading: the loop's thread. Lifetime: loop and place outlive it; pieces live until the next
// call.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "http/client.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"

namespace keywright::cli {

// Where requests go.
struct McpPlace {
  http::Url url;
  std::shared_ptr<net::TlsClient> tls;  // null for http://
};

class McpExchange {
 public:
  McpExchange(net::Loop& loop, const McpPlace& place) : loop_(loop), place_(place) {}
  McpExchange(const McpExchange&) = delete;
  McpExchange& operator=(const McpExchange&) = delete;

  // Until the head of the answer is there.
  Task<Result<void>> send(std::string method, http::HeaderList fields, std::string body);
  // Empty at the end.
  Task<Result<std::string_view>> next();
  // All that is left of the body, up to a limit.
  Task<Result<std::string>> read_all();
  void cancel();

  int status() const { return response_.status; }
  const std::string* header(std::string_view name) const { return response_.header(name); }

 private:
  Task<Result<void>> receive();
  Task<Result<void>> read_head();

  net::Loop& loop_;
  const McpPlace& place_;
  std::unique_ptr<net::Stream> stream_;
  http::ClientResponse response_;
  http::h1::Framing framing_;
  std::optional<http::h1::BodyDecoder> decoder_;
  std::string buffer_;
  std::size_t used_ = 0;
  bool at_end_ = false;
  bool cancelled_ = false;
};

}  // namespace keywright::cli
