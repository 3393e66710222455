#include "ingest/key.h"

#include <vector>

#include "api/admission/credentials.h"
#include "base/text.h"
#include "http/cookie.h"

namespace keywright::ingest {
namespace {

using app::Presented;
using domain::Carrier;

Error several() {
  return Error(Code::invalid_argument, "several_credentials",
               "The request carries more than one credential. Send one API key, in x-api-key.");
}

// "Bearer <token>"; JWT is read to tell its sender which kind of key belongs here.
std::optional<Presented> read_authorization(std::string_view authorization) {
  const auto space = authorization.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = authorization.substr(0, space);
  const std::string_view token = trim(authorization.substr(space));
  if (token.empty() || token.find(' ') != std::string_view::npos) return std::nullopt;
  if (equals_ignoring_case(scheme, "Bearer")) return Presented{Carrier::bearer, token};
  if (equals_ignoring_case(scheme, "JWT")) return Presented{Carrier::jwt_scheme, token};
  return std::nullopt;
}

}  // namespace

Result<std::optional<Presented>> find_key(const http::Request& request,
                                          const app::Settings& settings) {
  std::vector<Presented> found;
  bool unreadable = false;
  for (const http::Field& field : request.headers) {
    if (equals_ignoring_case(field.name, "Authorization")) {
      const auto presented = read_authorization(field.value);
      if (presented) found.push_back(*presented);
      unreadable = unreadable || !presented;
    } else if (equals_ignoring_case(field.name, "X-API-Key") ||
               equals_ignoring_case(field.name, "api_key")) {
      if (field.value.empty()) continue;
      found.push_back({Carrier::x_api_key, field.value});
    }
  }
  const auto cookie = http::find_cookie(
      request.headers, admission::session_cookie_name(admission::is_secure(request, settings)));
  const bool has_cookie = cookie && !cookie->empty();
  if (found.empty()) {
    if (unreadable) return fail(app::unauthenticated());
    return std::nullopt;  // a session opens nothing here
  }
  if (unreadable || has_cookie) return fail(several());
  for (const Presented& other : found) {
    if (other.token != found.front().token) return fail(several());
  }
  return found.front();
}

Result<Sender> sender_of(const app::Directory& directory, const app::Caller& caller) {
  const domain::KeyRecord* key = directory.keys().find(caller.digest);
  if (key == nullptr) return fail(app::unauthenticated());
  return sender_of(directory, *key);
}

Result<Sender> sender_of(const app::Directory& directory, const domain::KeyRecord& key) {
  if (key.owner_type != domain::OwnerType::project) return fail(app::unauthenticated());
  const domain::Project* project = directory.project(key.owner);
  if (project == nullptr) return fail(app::unauthenticated());
  Sender sender;
  sender.project = project->id;
  sender.key_id = key.id.to_string();
  sender.key_name = key.text->name();
  sender.scope = routing_scope_of(*key.policy);
  if (key.expires_at != domain::kNever) {
    sender.expires_at = from_unix_milliseconds(key.expires_at);
  }
  return sender;
}

}  // namespace keywright::ingest
