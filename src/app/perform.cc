#include "app/perform.h"

#include "domain/keys/owner_rights.h"

namespace keywright::app {
namespace {

// A key without a person behind it: by its permissions, or by what its kind gives. One that acts
// for a single object works with that object; it neither makes nor removes any.
bool is_open_to_machine(const Operation& operation, const domain::Kind& kind) {
  if (kind.takes_permissions) return !operation.permission.empty();
  const bool of_one_object = kind.owners.contains(domain::OwnerType::target);
  if (of_one_object && (operation.status == 201 || operation.destructive)) return false;
  const auto named = domain::right_named(operation.permission);
  const domain::Right right = operation.right != domain::Right::none
                                  ? operation.right
                                  : named.value_or(domain::Right::none);
  return domain::gives(kind, right);
}

bool is_open_to(const Operation& operation, const Caller& caller, const domain::Kinds& kinds) {
  if (operation.admits == Admits::anyone) return true;
  if (caller.is_session()) {
    return operation.admits != Admits::any_key && operation.admits != Admits::giving_up;
  }
  if (!caller.is_key()) return false;
  const domain::Kind& kind = kinds.at(caller.kind);
  const bool for_a_person = kind.owners.contains(domain::OwnerType::user);
  switch (operation.admits) {
    case Admits::anyone: return true;
    case Admits::people: return false;
    case Admits::callers: return for_a_person || is_open_to_machine(operation, kind);
    case Admits::key_managers: return !for_a_person && is_open_to_machine(operation, kind);
    case Admits::any_key:
    case Admits::giving_up: return kind.may_give_itself_up;
    case Admits::me: return for_a_person;
  }
  return false;
}

}  // namespace

Result<void> may_call(const Operation& operation, const Caller& caller,
                      const domain::Kinds& kinds) {
  if (is_open_to(operation, caller, kinds)) return {};
  return fail(Code::permission_denied, "wrong_key_kind",
              operation.admits == Admits::people
                  ? "No key may do this. Sign in, and do it from the session."
                  : "This caller may not do this at all, whatever its rights are.");
}

Result<std::string> look(const App& app, Call& call, const Arguments& arguments) {
  std::string body;
  KW_CHECK_OK(call.operation->look(app, call, arguments, body));
  return body;
}

Task<Result<std::string>> perform(App& app, Call& call, Arguments arguments) {
  if (call.operation->look != nullptr) {
    auto body = look(app, call, arguments);
    const bool handed_over = !body && body.error().reason() == kTryRun;
    if (!handed_over || call.operation->run == nullptr) co_return body;
  }
  co_return co_await call.operation->run(app, call, arguments);
}

}  // namespace keywright::app
