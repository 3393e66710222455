// api/admission/admitting.h - what a face does around app::admit(), the same in all of them.
//
//   auto caller = app::admit(directory, presented, audience, address, now);
//   headers = rate_limits(directory, caller, presented, now);
//   if (could_be_slow(app, admitted, presented)) ...        // try_token(), and admit once more
//
// Threading: any io thread. Lifetime: user_agent() is a view into the request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/caller.h"
#include "app/operation.h"
#include "app/slow_hashes.h"
#include "http/message.h"

namespace keywright::admission {

// As much of User-Agent as is kept.
std::string_view user_agent(const http::Request& request);

// RateLimit and RateLimit-Policy of the key that was presented, if it has limits; empty otherwise.
std::vector<std::pair<std::string, std::string>> rate_limits(const app::Directory& directory,
                                                             const Result<app::Caller>& caller,
                                                             const app::Presented& presented,
                                                             Time now);

// An unknown token may be an imported key that is used for the first time (app/slow_hashes.h).
bool could_be_slow(const app::App& app, const Result<void>& admitted,
                   const std::optional<app::Presented>& presented);

}  // namespace keywright::admission
