// app/perform.h - an operation called from inside, by a face whose addresses are not the native
// ones.
//
//   const Operation& operation = *find_operation("targets.create");
//   KW_CO_CHECK_OK(may_call(operation, call.caller, directory.kinds()));
//   call.operation = &operation;
//   const Arguments arguments{.body = R"({"name":"a","url":"..."})"};
//   KW_CO_TRY(std::string json, co_await perform(app, call, arguments));
//
// The input is the operation's JSON, and so is the answer: a face only maps its own names and
// envelope to these. `call.caller` was admitted before, under the audience of the face.
//
// Errors: those of the operation; may_call: permission_denied `wrong_key_kind`.
// Threading: an io thread; a change continues on the thread that called.
// Lifetime: call and arguments outlive the task.
// Cost: as the operation; a look runs at once, without suspending.
#pragma once

#include "app/operation.h"

namespace keywright::app {

Task<Result<std::string>> perform(App& app, Call& call, Arguments arguments);

// An operation that answers from memory, at once. Only if operation.look is set.
Result<std::string> look(const App& app, Call& call, const Arguments& arguments);

// Whether the operation is open to callers of this sort at all: people, keys that act with their
// owner's rights, or keys that have permissions of their own. The right itself the operation asks
// for.
Result<void> may_call(const Operation& operation, const Caller& caller, const domain::Kinds& kinds);

}  // namespace keywright::app
