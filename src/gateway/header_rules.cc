#include "gateway/header_rules.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "api/admission/credentials.h"
#include "base/text.h"
#include "http/characters.h"

namespace keywright::gateway {

namespace {

using http::Field;

// Of the connection, or put there by us for each message.
constexpr std::string_view kOfTheConnection[] = {
    "host",    "connection",     "content-length",   "transfer-encoding",  "te",
    "expect",  "keep-alive",     "proxy-connection", "proxy-authenticate", "trailer",
    "upgrade", "http2-settings",
};
constexpr std::string_view kCredentials[] = {"authorization", "proxy-authorization", "x-api-key"};
constexpr std::string_view kOurs[] = {"forwarded", "x-real-ip", "x-request-id"};
constexpr std::string_view kOurPrefixes[] = {"x-keywright-", "x-forwarded-", "x-original-",
                                             "x-rewrite-"};

// '_' counts as '-', so that an alias is found with what it stands for.
bool same_name(std::string_view name, std::string_view lower) {
  return name.size() == lower.size() &&
         std::equal(name.begin(), name.end(), lower.begin(),
                    [](char c, char other) { return (c == '_' ? '-' : ascii_lower(c)) == other; });
}

bool is_among(std::string_view name, std::span<const std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view each) { return same_name(name, each); });
}

// One bit for each length there is among them: most names are of another one.
constexpr std::uint64_t lengths_of(std::initializer_list<std::span<const std::string_view>> lists) {
  std::uint64_t lengths = 0;
  for (const auto list : lists) {
    for (std::string_view name : list) lengths |= std::uint64_t{1} << name.size();
  }
  return lengths;
}
constexpr std::uint64_t kLengths = lengths_of({kOfTheConnection, kCredentials, kOurs});

bool has_our_prefix(std::string_view name) {
  return name.size() > 10 && ascii_lower(name.front()) == 'x' &&
         std::any_of(std::begin(kOurPrefixes), std::end(kOurPrefixes),
                     [name](std::string_view prefix) {
                       return same_name(name.substr(0, prefix.size()), prefix);
                     });
}

bool stays_here(std::string_view name) {
  if (has_our_prefix(name)) return true;
  if (name.size() > 63 || (kLengths >> name.size() & 1) == 0) return false;
  return is_among(name, kOfTheConnection) || is_among(name, kCredentials) || is_among(name, kOurs);
}

// Does some Connection field name this one?
bool is_listed(const http::Fields& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (!equals_ignoring_case(field.name, "connection")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      if (equals_ignoring_case(trim(rest.substr(0, comma)), name)) return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

bool is_our_cookie(std::string_view pair) {
  const std::string_view name = trim(pair.substr(0, pair.find('=')));
  return name == admission::session_cookie_name(true) ||
         name == admission::session_cookie_name(false);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// The cookies of one field that are not ours.
void append_cookies(std::string& out, std::string_view value) {
  std::string kept;
  while (!value.empty()) {
    const std::size_t end = value.find(';');
    const std::string_view pair = trim(value.substr(0, end));
    value = end == std::string_view::npos ? std::string_view() : value.substr(end + 1);
    if (pair.empty() || is_our_cookie(pair)) continue;
    kept.append(kept.empty() ? "" : "; ").append(pair);
  }
  if (!kept.empty()) append_field(out, "Cookie", kept);
}

tl::unexpected<Error> bad_path(std::string_view detail) {
  return fail(Code::invalid_argument, "invalid_path", detail);
}

// The character that %XX stands for at `at`; the parser has checked the digits.
char decoded_at(std::string_view text, std::size_t at) {
  return static_cast<char>(http::hex_value(text[at + 1]) * 16 + http::hex_value(text[at + 2]));
}

// Does it begin with %XX?
bool is_escape(std::string_view text) {
  return text.size() > 2 && text[0] == '%' && http::is(text[1], http::Char::hex) &&
         http::is(text[2], http::Char::hex);
}

// "." or "..", however it is written, alone or before a ";".
bool is_dots(std::string_view segment) {
  std::size_t dots = 0;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    char c = segment[i];
    if (c == '%') {
      c = decoded_at(segment, i);
      i += 2;
    }
    if (c == ';') break;
    if (c != '.') return false;
    ++dots;
  }
  return dots == 1 || dots == 2;
}

Result<void> check_segment(std::string_view segment) {
  if (is_dots(segment)) {
    return bad_path("The path holds a \".\" or \"..\" segment; send it resolved.");
  }
  std::string decoded;
  for (std::size_t at = 0; at < segment.size(); ++at) {
    if (segment[at] != '%') {
      decoded += segment[at];
      continue;
    }
    const char c = decoded_at(segment, at);
    const auto byte = static_cast<unsigned char>(c);
    if (c == '/' || c == '\\' || byte < 0x20 || byte == 0x7f) {
      return bad_path("The path holds an encoded slash, backslash or control character.");
    }
    decoded += c;
    at += 2;
  }
  // Overlong forms are further ways to write a dot.
  if (!is_valid_utf8(decoded)) return bad_path("The path is not UTF-8.");
  return {};
}

}  // namespace

Result<void> check_forwarded_path(std::string_view rest) {
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the slash
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    rest = rest.substr(end);
    if (segment.empty() && !rest.empty())
      return bad_path("The path holds an empty segment (\"//\").");
    if (segment.find('%') != std::string_view::npos || segment.starts_with('.')) {
      KW_CHECK_OK(check_segment(segment));
    }
  }
  return {};
}

bool holds_token(std::string_view text, std::string_view token) {
  if (token.empty() || text.size() < token.size()) return false;
  if (text.find(token) != std::string_view::npos) return true;
  if (text.find('%') == std::string_view::npos) return false;
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = is_escape(text.substr(i));
    decoded += escape ? decoded_at(text, i) : text[i];
    if (escape) i += 2;
  }
  return decoded.find(token) != std::string::npos;
}

bool has_credential(std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find_first_of("&;"), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    std::string name;
    const std::string_view written = pair.substr(0, pair.find('='));
    if (written.size() > 36) continue;  // "access_token", every character encoded
    for (std::size_t i = 0; i < written.size(); ++i) {
      const bool escape = is_escape(written.substr(i));
      name += ascii_lower(escape ? decoded_at(written, i) : written[i]);
      if (escape) i += 2;
    }
    if (name == "api_key" || name == "access_token") return true;
  }
  return false;
}

bool asks_for_websocket(const http::Request& request) {
  if (request.method != http::Method::get || request.minor_version != 1) return false;
  const auto upgrade = request.headers.find_only("Upgrade");
  return upgrade && equals_ignoring_case(*upgrade, "websocket") &&
         is_listed(request.headers, "upgrade");
}

Result<void> append_request_fields(std::string& out, const http::Request& request,
                                   std::span<const Field> added, const ForwardContext& context) {
  const bool lists = request.headers.find("Connection").has_value();
  for (const Field& field : request.headers) {
    const bool has_underscore = field.name.find('_') != std::string_view::npos;
    if (stays_here(field.name)) {
      if (!has_underscore) continue;
      return fail(Code::invalid_argument, "forged_header",
                  "A header field whose name has underscores stands for one that only the gateway "
                  "may set.");
    }
    const bool replaced = std::any_of(added.begin(), added.end(), [&](const Field& ours) {
      return equals_ignoring_case(ours.name, field.name);
    });
    if (has_underscore || replaced || is_among(field.name, context.withheld)) continue;
    if (holds_token(field.value, context.token)) continue;
    if (lists && is_listed(request.headers, field.name)) continue;
    if (equals_ignoring_case(field.name, "cookie")) {
      append_cookies(out, field.value);
    } else {
      append_field(out, field.name, field.value);
    }
  }
  append_field(out, "X-Request-Id", request.request_id);
  append_field(out, "X-Forwarded-For", context.forwarded_for);
  append_field(out, "X-Forwarded-Proto", context.secure ? "https" : "http");
  append_field(out, "X-Forwarded-Host", request.authority);
  for (const Field& field : added) append_field(out, field.name, field.value);
  out.append(context.upgrades ? "Connection: Upgrade\r\nUpgrade: websocket\r\n" : "");
  return {};
}

void copy_response_fields(const http::h1::ResponseHead& head, http::Response& response) {
  response.status = head.status;
  const bool lists = head.headers.find("Connection").has_value();
  for (const Field& field : head.headers) {
    if (is_among(field.name, kOfTheConnection) || has_our_prefix(field.name)) continue;
    if (lists && is_listed(head.headers, field.name)) continue;
    if (equals_ignoring_case(field.name, "content-type")) {
      response.content_type(field.value);
      continue;
    }
    // Ours is the cookie of the console, which may be on this very host.
    if (equals_ignoring_case(field.name, "set-cookie") &&
        is_our_cookie(field.value.substr(0, field.value.find(';')))) {
      continue;
    }
    response.header(field.name, field.value);
  }
}

}  // namespace keywright::gateway
