// domain/limits/share.h - a limit of which one of several nodes has a share.
//
//   std::int64_t state = 0;
//   LimitAnswer a = take(limit, state, now, cost, kWholeShare / 3);
//
// A node with p of kWholeShare parts accepts that part of the limit: the same arithmetic as
// limits.h, with every use as many times dearer as the share is smaller ("gcra"), or with the
// limit as much lower ("fixed"). With the whole it is exactly limits.h. So nodes whose shares add
// up to the whole accept together what the limit says. Every share lets one use through in a
// window, however small it is.
//
// `remaining` is said as if all nodes had used of their shares what this one used of its own.
//
// Threading: pure functions. Cost: as limits.h.
#pragma once

#include "domain/limits/limits.h"

namespace keywright::domain {

inline constexpr std::int64_t kWholeShare = std::int64_t{1} << 20;

LimitAnswer peek(const Limit& limit, std::int64_t state, Time now, std::int64_t cost,
                 std::int64_t parts);
LimitAnswer take(const Limit& limit, std::int64_t& state, Time now, std::int64_t cost,
                 std::int64_t parts);
std::int64_t give_back(const Limit& limit, std::int64_t state, std::int64_t cost,
                       std::int64_t parts);

// How many of the parts nothing was used of.
std::int64_t unused_parts(const Limit& limit, std::int64_t state, Time now, std::int64_t parts);

// The state in which the same uses are counted against another share.
std::int64_t with_share(const Limit& limit, std::int64_t state, Time now, std::int64_t parts,
                        std::int64_t new_parts);

}  // namespace keywright::domain
