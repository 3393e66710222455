// http/cookie.h - reading one cookie, and setting one.
//
//   auto session = http::find_cookie(request.headers, "__Host-session");
//   http::set_cookie(response, "__Host-session", token, {.max_age = std::chrono::hours(12)});
//
// A cookie that is sent twice under one name, in one field or in two, is not found at all: which
// of the two is ours cannot be told, and someone may have planted the other.
// Every cookie is set with Path=/, HttpOnly and SameSite=Lax, and is never shared with other hosts
// (no Domain).
//
// Errors: set_cookie() answers false when name or value hold characters a cookie cannot.
// Threading: pure functions. Lifetime: the value found is a view into the request. Source: RFC
// 6265.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace keywright::http {

std::optional<std::string_view> find_cookie(const Fields& headers, std::string_view name);

struct CookieOptions {
  std::optional<std::chrono::seconds> max_age;  // none: until the browser closes; 0: delete it
  bool secure = true;
};

bool set_cookie(Response& response, std::string_view name, std::string_view value,
                const CookieOptions& options);

}  // namespace keywright::http
