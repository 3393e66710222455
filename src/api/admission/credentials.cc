#include "api/admission/credentials.h"

#include <algorithm>
#include <utility>

#include "app/sessions.h"
#include "base/text.h"
#include "http/cookie.h"

namespace keywright::admission {
namespace {

using app::Presented;
using domain::Carrier;

constexpr std::string_view kQueryNames[] = {"api_key", "access_token"};

bool is_visible(char c) { return c > ' ' && c < '\x7f'; }

// "Bearer <token>", with exactly one token after at least one space.
Result<Presented> read_authorization(std::string_view value) {
  const auto space = value.find(' ');
  if (space == std::string_view::npos) return fail(app::unauthenticated());
  const std::string_view scheme = value.substr(0, space);
  const auto start = value.find_first_not_of(' ', space);
  if (start == std::string_view::npos) return fail(app::unauthenticated());
  const std::string_view token = value.substr(start);
  if (!std::all_of(token.begin(), token.end(), is_visible)) return fail(app::unauthenticated());
  if (equals_ignoring_case(scheme, "Bearer")) return Presented{Carrier::bearer, token};
  if (equals_ignoring_case(scheme, "JWT")) return Presented{Carrier::jwt_scheme, token};
  return fail(app::unauthenticated());
}

// Most fields differ in length already.
bool is_named(const http::Field& field, std::string_view name) {
  return field.name.size() == name.size() && equals_ignoring_case(field.name, name);
}

Error several() {
  return Error(Code::invalid_argument, "several_credentials",
               "The request carries more than one credential. Send one: an Authorization field, "
               "an X-API-Key field, or the session cookie.");
}

}  // namespace

std::string_view session_cookie_name(bool secure) {
  return secure ? "__Host-keywright_session" : "keywright_session";
}

Result<std::optional<Presented>> find_credential(const http::Request& request,
                                                 std::string_view cookie_name) {
  std::optional<std::string_view> authorization;
  std::optional<std::string_view> api_key;
  bool is_twice = false;
  for (const http::Field& field : request.headers) {
    if (is_named(field, "Authorization")) {
      is_twice |= std::exchange(authorization, field.value).has_value();
    } else if (is_named(field, "X-API-Key")) {
      is_twice |= std::exchange(api_key, field.value).has_value();
    }
  }
  auto cookie = http::find_cookie(request.headers, cookie_name);
  if (cookie && cookie->empty()) cookie.reset();
  if (cookie && !authorization && !api_key) return Presented{Carrier::bearer, *cookie, true};
  if (cookie || is_twice) return fail(several());
  if (!authorization) {
    if (!api_key) return std::nullopt;
    if (api_key->empty()) return fail(app::unauthenticated());
    return Presented{Carrier::x_api_key, *api_key};
  }
  KW_TRY(const Presented presented, read_authorization(*authorization));
  if (api_key && *api_key != presented.token) return fail(several());
  return presented;
}

Result<void> refuse_credential_in_query(const http::Query& query) {
  for (const auto& [name, value] : query) {
    for (std::string_view refused : kQueryNames) {
      if (equals_ignoring_case(name, refused)) {
        return fail(Code::invalid_argument, "credential_in_query",
                    "A key in the address would be kept in logs. Send it in a header field: "
                    "Authorization: Bearer <key>. Rotate the key that was sent here.");
      }
    }
  }
  return {};
}

bool is_secure(const http::Request& request, const app::Settings& settings) {
  return request.secure || settings.public_url.starts_with("https://");
}

Result<void> check_csrf(const http::Request& request, const app::Presented& presented,
                        const app::Directory& directory, const app::Caller& caller) {
  using http::Method;
  if (!presented.cookie || !caller.is_session()) return {};
  if (request.method == Method::get || request.method == Method::head) return {};
  const auto token = request.headers.find_only("X-CSRF-Token");
  if (!token || token->empty()) {
    return fail(Code::permission_denied, "csrf_token_missing",
                "A change that rests on the session cookie needs one X-CSRF-Token field with the "
                "csrf_token that the sign-in returned.");
  }
  if (!app::csrf_matches(directory, caller, *token)) {
    return fail(Code::permission_denied, "csrf_token_wrong",
                "The X-CSRF-Token is not the one of this session. Sign in again to get it.");
  }
  return {};
}

}  // namespace keywright::admission
