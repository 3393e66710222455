// app/targets_api.h - operations that only the targets API calls (api/targets). Described like all
// others, but without an address in the native API.
//
//   call.operation = &login_token_operations().sign_in;
//   const Arguments arguments{.body = R"({"email":"...","password":"..."})"};
//   KW_CO_TRY(std::string json, co_await perform(app, call, arguments));
//
// A JWT for a person is a session like any other: the same throttle and the same ends, shown among
// the person's sessions, dead with them. Only its token looks as the keys of that API do, and opens
// nothing else.
//
// Errors: of sign_in as of session.create; of the others invalid_argument `token_refused`.
#pragma once

#include "app/operation.h"

namespace keywright::app {

struct LoginTokenOperations {
  Operation sign_in;  // {email, password} -> {token, ...}
  Operation verify;   // {token} -> nothing
  Operation refresh;  // {token} -> {token}
  Operation revoke;   // {token} -> nothing
};
const LoginTokenOperations& login_token_operations();

// keys.create, where the name may be empty.
const Operation& create_unnamed_key();

}  // namespace keywright::app
