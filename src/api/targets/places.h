// api/targets/places.h - what an address of the targets API stands for.
//
//   const Place place = place_of("/targets/018f.../keys/");
//   place.finding;          // Finding::known
//   place.resource;         // Resource::target_keys
//   place.target;           // "018f..."
//
// Every address ends in a slash; without it, the same address with one is known and asked for by a
// redirect. Slashes are never collapsed: an empty segment names nothing, and whether anything else
// is there is told only to those who may know.
//
// Threading: pure. Lifetime: `target` and `key` are views into the path, not decoded.
#pragma once

#include <string_view>

#include "http/message.h"

namespace keywright::api_targets {

enum class Resource : unsigned char {
  account_keys,  // /keys/
  account_key,   // /keys/{id}/
  targets,       // /targets/
  target,        // /targets/{id}/
  target_keys,   // /targets/{id}/keys/
  target_key,    // /targets/{id}/keys/{id}/
  obtain,        // /auth/obtain/
  verify,        // /auth/verify/
  refresh,       // /auth/refresh/
  revoke,        // /auth/revoke/
};

enum class Finding : unsigned char {
  known,
  slash_missing,
  empty_segment,  // 404, but only for who is admitted
  unknown,
};

struct Place {
  Finding finding = Finding::unknown;
  Resource resource = Resource::targets;
  std::string_view target;
  std::string_view key;
};

// Is this path the targets API's? All of /keys and /targets; of /auth only the four above, the rest
// of which belongs to services.
bool serves(std::string_view path);

Place place_of(std::string_view path);

// Nobody needs a credential there: the token is what the request brings.
bool is_for_anyone(Resource resource);

bool allows(Resource resource, http::Method method);
std::string_view allowed_methods(Resource resource);  // for Allow

}  // namespace keywright::api_targets
