// domain/keys/lifecycle.h - what may still happen to a key in the state it is in, and when it ends.
//
//   Status status = status_of(key, kind, owner_alive, last_used_at, now);      // keys/key.h
//   KW_CHECK_OK(may_rotate(status));
//   rotate(key, std::move(version), overlap_seconds, now);
//
// Revoked is for ever: nothing about such a key changes any more; revoking it again is no error.
// Found idle is for ever too; a key past its fixed expiry can be given a later one, unless its kind
// says that an expired key is as good as idle (personal, mcp). Disable and enable are idempotent.
//
// Errors: Code::conflict, reasons "key_revoked", "key_expired", "owner_inactive".
// Threading: pure functions. Cost: a few comparisons.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "domain/keys/key.h"
#include "domain/keys/kinds.h"

namespace keywright::domain {

inline constexpr std::int64_t kOverlapSecondsMax = 31'536'000;       // one year
inline constexpr std::int64_t kIdleTimeoutSecondsMax = 315'360'000;  // ten years

// When a key that is not used again becomes idle: counted from the last accepted use, or from its
// creation before the first. At that instant it is idle.
Time idle_deadline(Time created_at, Time last_used_at, std::int64_t idle_timeout_seconds);

// A time equal to `expires_at` is past it.
inline bool is_past(Time expires_at, Time now) { return expires_at <= now; }

Result<void> may_edit(const Status& status);  // name, scope, limits and the like
Result<void> may_edit_expiry(const Key& key, const Kind& kind, const Status& status);
Result<void> may_rotate(const Status& status);  // disabled keys too: replace, then enable
Result<void> may_disable(const Status& status);
Result<void> may_enable(const Status& status);

// Makes `next` the current version. The one before it, and older ones that would outlive it, retire
// when the overlap ends; overlap 0 retires them at `now`, which is to say at once.
void rotate(Key& key, KeyVersion next, std::int64_t overlap_seconds, Time now);

// Ends what is left of overlaps: the retired version with this number, or each of them, stops at
// `now`. False, and nothing changed, if none of them works any more.
// Errors: Code::conflict "current_version", if it is the one that has not been rotated away;
// invalid_argument on field "number", if there is none.
Result<bool> finish_rotation(Key& key, std::optional<std::int64_t> number, Time now);

// True until `retires_at`.
inline bool still_works(const KeyVersion& version, Time now) {
  return !version.retires_at || now < *version.retires_at;
}

// Marks the key revoked. False, and nothing changed, if it was already: the first time and reason
// are kept.
bool revoke(Key& key, std::string_view reason, Time now);

}  // namespace keywright::domain
