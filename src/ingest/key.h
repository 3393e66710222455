// ingest/key.h - the key of a request that sends or reads traces.
//
//   KW_TRY(std::optional<app::Presented> presented, find_key(request));
//   KW_TRY(Sender sender, sender_of(app, caller));         // project and scope, as of now
//
// Senders put their key in x-api-key, in Authorization: Bearer, or, as Flowise's exporters do, in
// api_key. The same key in two of these fields is one credential; two that differ are refused, and
// so is a session cookie beside a key.
//
// Errors: invalid_argument/several_credentials; unauthenticated; what app::admit says.
// Threading: any loop. Lifetime: the token is a view into the request.
#pragma once

#include <optional>
#include <string>

#include "app/caller.h"
#include "app/operation.h"
#include "base/result.h"
#include "domain/traces/routing.h"
#include "http/message.h"

namespace keywright::ingest {

Result<std::optional<app::Presented>> find_key(const http::Request& request,
                                               const app::Settings& settings);

// What a key may send to, and what it is called. Values only.
struct Sender {
  domain::ProjectId project;
  std::string key_id;
  std::string key_name;
  domain::RoutingScope scope;
  std::optional<Time> expires_at;
};

Result<Sender> sender_of(const app::Directory& directory, const domain::KeyRecord& key);
Result<Sender> sender_of(const app::Directory& directory, const app::Caller& caller);

}  // namespace keywright::ingest
