#include "domain/keys/lifecycle.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace keywright::domain {
namespace {

constexpr std::string_view kIdleTimeout = "idle_timeout";

bool is_idle(const Key& key, Time last_used_at, Time now) {
  if (key.idle_expired_at) return true;
  return key.idle_timeout_seconds &&
         is_past(idle_deadline(key.created_at, last_used_at, *key.idle_timeout_seconds), now);
}

tl::unexpected<Error> revoked() {
  return fail(Code::conflict, "key_revoked", "This key is revoked and stays so.");
}

tl::unexpected<Error> expired() {
  return fail(Code::conflict, "key_expired", "This key has expired. Create a new one.");
}

}  // namespace

Status status_of(const Key& key, const Kind& kind, bool owner_alive, Time last_used_at, Time now) {
  if (key.state == KeyState::revoked) return {"revoked", key.state_reason};
  // The owner of a customer key lives outside: only its keyspace can have gone, and took it along.
  if (!owner_alive && key.keyspace_id) return {"revoked", "keyspace_deleted"};
  if (key.expires_at && is_past(*key.expires_at, now)) {
    return {"expired", kind.expired_shows_idle_timeout ? std::string(kIdleTimeout) : ""};
  }
  if (is_idle(key, last_used_at, now)) return {"expired", std::string(kIdleTimeout)};
  if (key.state == KeyState::disabled) return {"disabled", key.state_reason};
  if (!owner_alive) return {"disabled", "owner_inactive"};
  return {"active", ""};
}

Time idle_deadline(Time created_at, Time last_used_at, std::int64_t idle_timeout_seconds) {
  const std::int64_t seconds =
      std::clamp<std::int64_t>(idle_timeout_seconds, 0, kIdleTimeoutSecondsMax);
  return std::max(created_at, last_used_at) + std::chrono::seconds(seconds);
}

Result<void> may_edit(const Status& status) {
  if (status.status == "revoked") return revoked();
  return {};
}

Result<void> may_edit_expiry(const Key& key, const Kind& kind, const Status& status) {
  KW_CHECK_OK(may_edit(status));
  if (status.status != "expired") return {};
  const bool by_date = !key.idle_expired_at && status.status_reason != kIdleTimeout;
  if (kind.expired_shows_idle_timeout || !by_date) return expired();
  return {};
}

Result<void> may_rotate(const Status& status) {
  KW_CHECK_OK(may_edit(status));
  if (status.status == "expired") return expired();
  if (status.status_reason == "owner_inactive") {
    return fail(Code::conflict, "owner_inactive",
                "This key's owner is not active: a new secret would open nothing.");
  }
  return {};
}

Result<void> may_disable(const Status& status) { return may_edit(status); }

Result<void> may_enable(const Status& status) {
  KW_CHECK_OK(may_edit(status));
  if (status.status == "expired") return expired();
  return {};
}

void rotate(Key& key, KeyVersion next, std::int64_t overlap_seconds, Time now) {
  const Time end =
      now + std::chrono::seconds(std::clamp<std::int64_t>(overlap_seconds, 0, kOverlapSecondsMax));
  for (KeyVersion& version : key.versions) {
    if (!version.retires_at || *version.retires_at > end) version.retires_at = end;
  }
  next.number = key.versions.empty() ? 1 : key.versions.front().number + 1;
  next.retires_at.reset();
  key.versions.insert(key.versions.begin(), std::move(next));
}

Result<bool> finish_rotation(Key& key, std::optional<std::int64_t> number, Time now) {
  bool ended = false;
  bool found = false;
  for (KeyVersion& version : key.versions) {
    if (number && version.number != *number) continue;
    found = true;
    if (!version.retires_at) {
      if (!number) continue;
      return fail(Code::conflict, "current_version",
                  "This is the key's newest secret. Rotate the key to replace it, or revoke the "
                  "key.");
    }
    if (!still_works(version, now)) continue;
    version.retires_at = now;
    ended = true;
  }
  if (number && !found) return fail(invalid_field("number", "no secret of this key has it"));
  return ended;
}

bool revoke(Key& key, std::string_view reason, Time now) {
  if (key.state == KeyState::revoked) return false;
  key.state = KeyState::revoked;
  key.state_reason = reason;
  key.revoked_at = now;
  return true;
}

}  // namespace keywright::domain
