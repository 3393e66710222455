#include "api/admission/admitting.h"

namespace keywright::admission {

std::string_view user_agent(const http::Request& request) {
  constexpr std::size_t kUserAgentMax = 255;
  return request.headers.find("User-Agent").value_or("").substr(0, kUserAgentMax);
}

std::vector<std::pair<std::string, std::string>> rate_limits(const app::Directory& directory,
                                                             const Result<app::Caller>& caller,
                                                             const app::Presented& presented,
                                                             Time now) {
  const bool limited = caller ? caller->limited : caller.error().code() == Code::rate_limited;
  if (!limited) return {};
  const domain::KeyRecord* key =
      caller ? directory.keys().find(caller->digest) : directory.find_token(presented.token);
  return app::rate_limit_headers(directory, key, now);
}

bool could_be_slow(const app::App& app, const Result<void>& admitted,
                   const std::optional<app::Presented>& presented) {
  return !admitted && admitted.error().code() == Code::unauthenticated && presented &&
         app.slow_hashes.could_be(app.directory, presented->token);
}

}  // namespace keywright::admission
