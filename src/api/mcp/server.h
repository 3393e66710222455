// api/mcp/server.h - Keywright's own MCP server, without HTTP: messages in, answers out.
//
//   Server server(app, tools, {});
//   Reply reply = server.answer(asked, message);                       // all but tools/call
//   Reply reply = co_await server.call_tool(asked, message);
//
// Both eras are served without any state: each request stands alone.
// tools/list shows what the caller may do now, in any of his organizations. A tool that exists but
// that he may not use answers with a result that says so (isError), as does any other failure of
// the operation; only a name that no tool has is a JSON-RPC error.
//
// A destructive tool is asked about first. A client of the modern era that can ask its person
// (elicitation) gets the question as an input_required result, and its answer is only taken with
// the sealed state that came with it: for this key, tool and arguments, once, within five minutes.
// Any other client has to send "confirm": true.
//
// Errors: in the reply. Threading: an io thread. Lifetime: app and tools outlive it; what is asked
// outlives the task. Cost: that of the operation, and one JSON text.
#pragma once

#include <string>
#include <string_view>

#include "api/mcp/arguments.h"
#include "api/mcp/counters.h"
#include "api/mcp/tools.h"
#include "api/mcp/used_answers.h"
#include "app/operation.h"
#include "mcp/message.h"
#include "mcp/protocol.h"

namespace keywright::api_mcp {

// Who asks, and when.
struct Asked {
  app::Caller caller;
  Time now;
  mcp::Era era = mcp::Era::legacy;
  std::string request_id;
  std::string user_agent;
};

struct Reply {
  int status = 200;  // of HTTP
  std::string body;  // "" = accepted, nothing to say
  CallOutcome outcome = CallOutcome::ok;
  std::string reason;    // of what is not ok
  bool changed = false;  // something was done that cannot be taken back by refusing the answer
  bool unauthenticated = false;  // the key ended meanwhile: 401 instead of this
  bool begins_session = false;   // an answer to `initialize`
};

struct ServerOptions {
  std::size_t page_size = 200;  // tools in one answer: clients that do not page see all of them
};

class Server {
 public:
  Server(app::App& app, const Tools& tools, ServerOptions options)
      : app_(app), tools_(tools), options_(options) {}

  Reply answer(const Asked& asked, const mcp::Message& message) const;
  Task<Reply> call_tool(const Asked& asked, const mcp::Message& message);

 private:
  bool may_use(const app::Caller& caller, const Tool& tool) const;
  Reply initialize(const Asked& asked, const mcp::Message& message) const;
  Reply discover(const mcp::Message& message) const;
  Reply list_tools(const Asked& asked, const mcp::Message& message) const;
  // The question, if it is to be asked (again); nothing: go on.
  std::optional<Reply> ask_person(const Asked& asked, const mcp::Message& message, const Tool& tool,
                                  const ToolArguments& arguments);
  Reply question(const Asked& asked, const mcp::Message& message, const Tool& tool,
                 const std::string& place) const;
  Reply finished(const Asked& asked, const mcp::Message& message, const Tool& tool,
                 Result<std::string> result) const;
  void write_head(json::Writer& writer, mcp::Era era) const;
  void write_server_info(json::Writer& writer) const;

  app::App& app_;
  const Tools& tools_;
  const ServerOptions options_;
  UsedAnswers used_answers_;
};

}  // namespace keywright::api_mcp
