// cli/mcp_bridge.h - an MCP server on standard input and output whose work is done by a server on
// HTTP: what `keywright mcp` runs.
//
//   McpBridge bridge({.place = place, .key = std::move(key)}, write_line, complain);
//   ExitCode code = bridge.run(STDIN_FILENO);
//
// Each line in is one message, sent with a POST; each message that comes back, as JSON or as an
// event of a stream, is one line out. What the header fields of the HTTP transport must say is
// taken from the message. In the legacy era the session id that the server gives is sent with what
// follows, its stream of notifications is read, and a session that the server has lost is begun
// again, once, before anybody notices. In the modern era notifications/cancelled ends the request's
// connection, which is what cancels there.
//
// A call that fails on the way is answered with a JSON-RPC error, with the HTTP status as its code
// (0: nobody was reached), and said on standard error. At the end of the input what is under way is
// finished, for up to half a minute; subscriptions end at once.
//
// Errors: the exit code: ok; not_allowed when the last answer was 401 or 403; unavailable when the
// last call reached nobody; failure when standard output has gone.
// Threading: run() blocks; write_line and complain are called from it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "cli/mcp_exchange.h"
#include "cli/outcome.h"
#include "mcp/message.h"
#include "mcp/sse.h"

namespace keywright::cli {

struct McpBridgeOptions {
  McpPlace place;
  Secret<std::string> key;
};

class McpBridge {
 public:
  using WriteLine = std::function<bool(std::string_view line)>;  // false: nobody reads any more
  using Complain = std::function<void(std::string_view text)>;

  McpBridge(McpBridgeOptions options, WriteLine write_line, Complain complain);
  ~McpBridge();

  ExitCode run(int input);

 private:
  struct Sent;

  void take_line(std::string line);
  void input_ended();
  Task<void> work_off();
  Task<void> send_in_background(std::shared_ptr<Sent> sent);
  Task<void> send(std::shared_ptr<Sent> sent);
  Task<Result<void>> attempt(Sent& sent, bool& lost_session);
  Task<Result<void>> relay(Sent& sent, McpExchange& exchange);
  Task<Result<void>> relay_events(Sent& sent, McpExchange& exchange);
  Task<bool> begin_again();
  Task<void> listen();
  Task<void> end_session();

  http::HeaderList fields_for(const Sent& sent) const;
  void note_answer(Sent& sent, const McpExchange& exchange);
  void forward(Sent& sent, std::string_view message);
  void refuse(Sent& sent, int status, const std::string& body);
  void answer_error(const Sent& sent, int code, std::string_view text);
  bool cancels(const mcp::Message& message);
  void cancel_where(const std::function<bool(const Sent&)>& chosen);
  void put(std::string_view line);
  void stop_if_done();

  net::Loop loop_;
  McpBridgeOptions options_;
  WriteLine write_line_;
  Complain complain_;
  std::deque<std::string> waiting_;
  std::map<std::string, std::weak_ptr<Sent>> under_way_;  // by id, as JSON
  std::size_t open_ = 0;                                  // tasks that must end first
  bool working_ = false;
  bool input_ended_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  ExitCode code_ = ExitCode::ok;
  // Of the legacy era.
  std::string session_id_;
  std::string version_;
  std::string initialize_;   // to begin a lost session again
  std::string initialized_;  // the notification that follows it
  std::unique_ptr<McpExchange> listening_;
  bool listens_ = false;
};

}  // namespace keywright::cli
