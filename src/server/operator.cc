#include "server/operator.h"

#include <future>

#include <fmt/format.h>

#include "app/sessions.h"

namespace keywright::server {

namespace {

// Finishes the task on whatever threads it needs, and waits for it.
template <class T>
T wait_for(Task<T> task) {
  const auto promise = std::make_shared<std::promise<T>>();
  std::future<T> future = promise->get_future();
  start_detached([](Task<T> work, std::shared_ptr<std::promise<T>> out) -> Task<void> {
    out->set_value(co_await std::move(work));
  }(std::move(task), promise));
  return future.get();
}

}  // namespace

Result<std::unique_ptr<Operator>> Operator::sign_in(Core& core, app::App& app,
                                                    domain::UserId user) {
  std::unique_ptr<Operator> made(new Operator(core, app));
  app::Caller& caller = made->caller_;
  caller.type = app::CallerType::session;
  caller.user = user;
  caller.address = IpAddress::from_v4(127, 0, 0, 1);
  KW_CHECK_OK(core.committer.run([&](app::Change& change) -> Result<void> {
    const app::NewSession session =
        app::make_session(change, user, caller.address.to_string(), "keywright");
    caller.session = session.session.id;
    caller.digest = app::session_digest(change.directory(), session.token.reveal());
    return {};
  }));
  return made;
}

Operator::~Operator() {
  (void)core_.committer.run([&](app::Change& change) -> Result<void> {
    change.erase<domain::Session>(caller_.session.value);
    change.removes_access();
    return {};
  });
}

Result<std::string> Operator::call(std::string_view name, const PathFields& path,
                                   std::string_view body, std::string_view idempotency_key) {
  const app::Operation* operation = app::find_operation(name);
  if (operation == nullptr || operation->run == nullptr) {
    return fail(Code::internal, "unknown_operation", fmt::format("No operation {}.", name));
  }
  std::vector<json::Parameter> parameters;
  std::string address = fmt::format("{} {}", operation->method, operation->path);
  for (const auto& [field, value] : path) {
    parameters.push_back({field, value, json::Place::path});
    address += fmt::format(" {}", value);
  }
  app::Call call;
  call.operation = operation;
  call.caller = caller_;
  call.now = core_.clock.now();
  call.request_id = "demo";
  call.idempotency_key = idempotency_key;
  const app::Arguments arguments{parameters, body, address};
  return wait_for(operation->run(app_, call, arguments));
}

}  // namespace keywright::server
