// api/admission/credentials.h - the one credential of a request.
//
//   auto found = find_credential(request, session_cookie_name(secure));
//   if (!found) return fail(found.error());         // several, or one that cannot be read
//   if (*found) admit(directory, **found, ...);     // nothing: nobody said who they are
//
// A credential is an Authorization field (schemes Bearer and JWT), an X-API-Key field, or the
// session cookie. Two different ones in one request are refused, as is one field sent twice:
// proxies and servers that look at different ones are how one caller becomes another. The same key
// in both fields is one credential.
//
// Errors: invalid_argument `several_credentials`; the uniform unauthenticated for an Authorization
// field that is malformed or of another scheme, and for an empty X-API-Key.
// invalid_argument `credential_in_query` from refuse_credential_in_query().
// permission_denied `csrf_token_missing`, `csrf_token_wrong` from check_csrf().
// Threading: any loop. Lifetime: the token is a view into the request.
// Source: RFC 6750, RFC 9110 section 11.
#pragma once

#include <optional>
#include <string_view>

#include "app/caller.h"
#include "app/settings.h"
#include "base/result.h"
#include "http/message.h"
#include "http/query.h"

namespace keywright::admission {

Result<std::optional<app::Presented>> find_credential(const http::Request& request,
                                                      std::string_view cookie_name);

// "__Host-keywright_session", which browsers tie to this very host, or without TLS, where that
// prefix is refused, "keywright_session".
std::string_view session_cookie_name(bool secure);

// Whether cookies are Secure and carry the __Host- name: the request came over TLS, or the public
// address says that TLS ends before us.
bool is_secure(const http::Request& request, const app::Settings& settings);

// A write that rests on a cookie needs proof that our own page made it.
Result<void> check_csrf(const http::Request& request, const app::Presented& presented,
                        const app::Directory& directory, const app::Caller& caller);

// A key in the address ends up in logs and histories. The value is not looked at.
Result<void> refuse_credential_in_query(const http::Query& query);

}  // namespace keywright::admission
