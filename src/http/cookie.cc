#include "http/cookie.h"

#include <string>

#include "base/text.h"
#include "http/characters.h"

namespace keywright::http {

namespace {

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::string_view> find_cookie(const Fields& headers, std::string_view name) {
  std::optional<std::string_view> found;
  for (const Field& field : headers) {
    if (field.name.size() != 6 || !equals_ignoring_case(field.name, "cookie")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t end = rest.find(';');
      const std::string_view pair = without_spaces(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
      if (found) return std::nullopt;  // two of one name: neither can be trusted
      std::string_view value = pair.substr(equals + 1);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      if (!all_are(value, Char::cookie_value)) return std::nullopt;
      found = value;
    }
  }
  return found;
}

bool set_cookie(Response& response, std::string_view name, std::string_view value,
                const CookieOptions& options) {
  if (name.empty() || !all_are(name, Char::token) || !all_are(value, Char::cookie_value))
    return false;
  std::string text;
  text.append(name).append("=").append(value).append("; Path=/; HttpOnly");
  if (options.max_age) text.append("; Max-Age=").append(std::to_string(options.max_age->count()));
  if (options.secure) text.append("; Secure");
  text.append("; SameSite=Lax");
  return response.header("Set-Cookie", text);
}

}  // namespace keywright::http
