// api/targets/visit.h - what is known of one request while the face works on it. Of this room only.
//
// Threading: the exchange's loop. Lifetime: lives in the frame of Face::run().
#pragma once

#include "api/targets/face.h"
#include "http/query.h"

namespace keywright::api_targets {

struct Face::Visit {
  explicit Visit(const http::Request& of) : request(of) {}

  const http::Request& request;
  Place place;
  std::string target;  // decoded
  std::string key;     // decoded
  http::Query query;
  std::optional<app::Presented> presented;
  app::Call call;
  std::uint64_t epoch = 0;                                   // when the caller was admitted
  std::vector<std::pair<std::string, std::string>> headers;  // RateLimit and the like

  // The answer, unless there is an error.
  int status = 200;
  std::string body;
};

}  // namespace keywright::api_targets
