// app/operation.h - one thing a caller can do, described once for every face.
//
//   Result<ProjectView> create_project(Change& change, Call& call, const CreateProject& input);
//
//   const Operation kCreateProject =
//       operation<&create_project>({.name = "projects.create", .method = "POST",
//                                   .path = "/projects", .summary = "Create a project",
//                                   .tag = "Projects", .admits = Admits::callers,
//                                   .right = Right::projects_write, .status = 201});
//
// The description gives name, address, input and output (json/describe.h), who may come, the right
// that is needed and what is special about the answer. From it come the REST route, the OpenAPI
// entry, the line in the access matrix and later the MCP tool. Which thread runs the function
// follows from its first parameter:
//   const Directory&  on the io thread, at once: answers from memory
//   Change&           on the writer, inside a group commit (app/committer.h)
//   App&              a Task, for what needs the store or slow work first
//
// Threading: operations are constants. Cost: a call is a decode, the function, an encode.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "app/caller.h"
#include "app/change.h"
#include "app/committer.h"
#include "app/settings.h"
#include "app/workers.h"
#include "base/secret.h"
#include "base/task.h"
#include "json/codec.h"

namespace keywright::app {

class SignInThrottle;
class SetupLink;
class SlowHashes;
class TraceReader;
class McpHealthChecks;
class UsageHistory;

// Everything an operation can reach.
struct App {
  Directory& directory;
  Committer& committer;
  store::Store& store;
  Workers& readers;  // store reads
  Workers& hashing;  // Argon2id, bcrypt
  Clock& clock;
  Random& random;
  SignInThrottle& throttle;
  SlowHashes& slow_hashes;
  SetupLink& setup_link;
  const Settings& settings;
  TraceReader* traces = nullptr;          // null: this application keeps no traces
  McpHealthChecks* mcp_health = nullptr;  // null: this application calls no MCP servers
  UsageHistory* usage = nullptr;          // null: this application keeps no counts
};

// Reason of the error by which a look hands over to the operation's run.
inline constexpr std::string_view kTryRun = "try_run";

// Who may call. A key at an operation that does not admit its kind gets 403.
enum class Admits : unsigned char {
  anyone,   // no credential is looked at
  people,   // a session
  callers,  // a session, or a key of a kind whose audiences hold `rest`, with its owner's rights
  key_managers,  // a session, or a management key that has `permission`
  any_key,       // any key but one of a kind that only connects (connect)
  me,            // a session, or a key whose kind admits `rest` or `me`
  giving_up,     // as any_key, also with used-up limits and from any network
};

struct OperationInfo {
  std::string_view name;     // "projects.create"; also the audit action of a change
  std::string_view method;   // "POST"
  std::string_view path;     // below /api/v1: "/projects/{id}"
  std::string_view summary;  // one line for people
  std::string_view tag;      // chapter in the reference
  Admits admits = Admits::callers;
  domain::Right right = domain::Right::none;  // needed in the organization concerned
  std::string_view permission = {};           // what a management key needs; "" = not for them
  int status = 200;
  bool no_store = false;     // the answer holds a secret
  bool destructive = false;  // takes something away that does not come back
  bool unchanging = false;   // POST that changes nothing (verify): no Idempotency-Key
  std::string_view description = {};
};

// What an answer carries besides its body.
struct Reply {
  int status = 0;                     // 0 = the operation's own
  std::string etag;                   // quoted
  std::string location;               // path of what was made
  bool replayed = false;              // from an earlier request with this Idempotency-Key
  Secret<std::string> session_token;  // begin a session: set the cookie
  std::int64_t session_seconds = 0;
  bool end_session = false;                                  // clear the cookie
  std::vector<std::pair<std::string, std::string>> headers;  // RateLimit and the like
};

struct Operation;

// One call of an operation: who, when, and what came beside the input. Lives until the answer left.
struct Call {
  const Operation* operation = nullptr;
  Caller caller;
  Time now;
  std::string request_id;
  std::string user_agent;
  std::string idempotency_key;
  std::string if_match;
  std::optional<domain::OrganizationId> organization_id;  // named beside the input
  bool secure = false;
  Reply reply;
  Committed committed;  // after a change: where and how long
  std::string request_hash;
  std::string replayed_body;
};

// A request's parameters and body, as they came. Views outlive the call.
struct Arguments {
  std::span<const json::Parameter> parameters;
  std::string_view body;
  std::string_view method_and_path;  // for telling a repeated request from another one
};

// The empty input or output. An operation with this output answers 204.
struct Nothing {};
KW_DESCRIBE(Nothing)

struct Operation : OperationInfo {
  const json::Type* input = nullptr;
  const json::Type* output = nullptr;
  // One is set, or both: a look that answers kTryRun could not tell without slow work.
  Result<void> (*look)(const App&, Call&, const Arguments&, std::string& out) = nullptr;
  Task<Result<std::string>> (*run)(App&, Call&, Arguments) = nullptr;

  explicit constexpr Operation(const OperationInfo& info) : OperationInfo(info) {}
  bool is_change = false;
};

// All operations of the native API, in the order of the reference.
std::span<const Operation> all_operations();
const Operation* find_operation(std::string_view name);

namespace operation_detail {

// Empties the secrets that a response shows.
void drop_secrets(const json::Type& type, void* object);

// Runs `work` as a change under the call's Idempotency-Key. `replayable` gives the body a repeated
// request gets: without secrets.
struct IdempotentWork {
  std::function<Result<void>(Change&)> work;
  std::function<std::string()> replayable;
};
// After a replay call.reply.replayed is true and call.replayed_body holds the answer.
Task<Result<void>> run_change(App& app, Call& call, const IdempotentWork& work);

// Tells a repeated request from another one with the same Idempotency-Key.
std::string hash_of_request(const Arguments& arguments);

// The response form of an output, without its secrets.
template <class Output>
std::string replayable(const Output& output) {
  auto safe = json::decode<Output>(json::encode(output), {.form = json::Form::response});
  if (!safe) return "{}";
  drop_secrets(json::type_of<Output>(), &*safe);
  return json::encode(*safe);
}

template <class F>
struct Signature;
template <class First, class In, class Answer>
struct Signature<Answer (*)(First, Call&, In)> {
  using Where = std::remove_cvref_t<First>;
  using Input = std::remove_cvref_t<In>;
};
template <class T>
struct AnswerOf;
template <class T>
struct AnswerOf<Result<T>> {
  using Output = T;
};
template <class T>
struct AnswerOf<Task<Result<T>>> {
  using Output = T;
};

template <auto function, class Input, class Output>
Result<void> look(const App& app, Call& call, const Arguments& arguments, std::string& out) {
  Input input;
  KW_CHECK_OK(
      json::decode_request(json::type_of<Input>(), &input, arguments.parameters, arguments.body));
  KW_TRY(Output output, function(app.directory, call, input));
  json::encode(output, out);
  return {};
}

template <auto function, class Input, class Output>
Task<Result<std::string>> change(App& app, Call& call, Arguments arguments) {
  Input input;
  auto decoded =
      json::decode_request(json::type_of<Input>(), &input, arguments.parameters, arguments.body);
  if (!decoded) co_return fail(std::move(decoded).error());
  if (!call.idempotency_key.empty()) call.request_hash = hash_of_request(arguments);
  std::optional<Output> output;
  const IdempotentWork work{[&](Change& change) -> Result<void> {
                              auto answer = function(change, call, input);
                              if (!answer) return fail(std::move(answer).error());
                              output.emplace(std::move(*answer));
                              return {};
                            },
                            [&] { return replayable(*output); }};
  auto done = co_await run_change(app, call, work);
  if (!done) co_return fail(std::move(done).error());
  if (call.reply.replayed) co_return std::move(call.replayed_body);
  if constexpr (requires { output->effective_on; }) {
    output->effective_on.nodes = call.committed.nodes;
    output->effective_on.waited_ms = call.committed.waited_ms;
  }
  co_return json::encode(*output);
}

template <auto function, class Input, class Output>
Task<Result<std::string>> task(App& app, Call& call, Arguments arguments) {
  Input input;
  auto decoded =
      json::decode_request(json::type_of<Input>(), &input, arguments.parameters, arguments.body);
  if (!decoded) co_return fail(std::move(decoded).error());
  if (!call.idempotency_key.empty()) call.request_hash = hash_of_request(arguments);
  auto output = co_await function(app, call, std::move(input));
  if (!output) co_return fail(std::move(output).error());
  if (call.reply.replayed) co_return std::move(call.replayed_body);
  co_return json::encode(*output);
}

}  // namespace operation_detail

// For operations that are a Task: submits a change that makes `output`, under the call's
// Idempotency-Key. After a replay `output` stays empty and the stored answer is sent.
template <class Output>
Task<Result<void>> submit_change(App& app, Call& call, std::function<Result<Output>(Change&)> make,
                                 std::optional<Output>& output) {
  const operation_detail::IdempotentWork work{
      [&](Change& change) -> Result<void> {
        auto made = make(change);
        if (!made) return fail(std::move(made).error());
        output.emplace(std::move(*made));
        return {};
      },
      [&] { return operation_detail::replayable(*output); }};
  auto done = co_await operation_detail::run_change(app, call, work);
  co_return done;
}

// Binds a function to its description; how it runs follows from its first parameter.
template <auto function>
Operation operation(const OperationInfo& info) {
  using Parts = operation_detail::Signature<decltype(function)>;
  using Input = typename Parts::Input;
  using Answer = std::invoke_result_t<decltype(function), typename Parts::Where&, Call&, Input>;
  using Output = typename operation_detail::AnswerOf<Answer>::Output;
  Operation made(info);
  made.input = &json::type_of<Input>();
  made.output = &json::type_of<Output>();
  if constexpr (std::is_same_v<typename Parts::Where, Directory>) {
    made.look = &operation_detail::look<function, Input, Output>;
  } else if constexpr (std::is_same_v<typename Parts::Where, Change>) {
    made.run = &operation_detail::change<function, Input, Output>;
    made.is_change = true;
  } else {
    made.run = &operation_detail::task<function, Input, Output>;
    made.is_change = info.method != "GET" && !info.unchanging;
  }
  return made;
}

}  // namespace keywright::app
