#include "store/conformance/conformance.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "store/policy_text.h"

namespace keywright::store {
namespace {

std::string text_of(const std::optional<Time>& time) {
  return time ? std::to_string(to_unix_milliseconds(*time)) : "none";
}

std::string text_of(const domain::KeyVersion& version) {
  return fmt::format("  version {} cell {} {} [{}|{}|{}] '{}' '{}' {} {}\n", version.number,
                     version.cell, encode_hex(version.digest), version.shown.prefix,
                     version.shown.last4, version.shown.mask, version.sealed_slow_hash,
                     version.slow_prefix, to_unix_milliseconds(version.created_at),
                     text_of(version.retires_at));
}

}  // namespace

std::string text_of(const domain::Key& key) {
  std::string text =
      fmt::format("{} {} kind {} name '{}' description '{}' owner {} '{}' in {} keyspace {}\n",
                  key.serial, key.id.view(), key.kind, key.name, key.description,
                  static_cast<int>(key.owner.type), key.owner.id, key.organization_id.to_string(),
                  key.keyspace_id ? key.keyspace_id->to_string() : "none");
  text += fmt::format("  policy '{}' metadata {} credits {} at {}\n", policy_text(key.policy),
                      key.metadata.view(), key.credits_remaining,
                      to_unix_milliseconds(key.credits_set_at));
  text += fmt::format("  state {} '{}' by '{}' {} expires {} idle {} {} revoked {}\n",
                      static_cast<int>(key.state), key.state_reason, key.created_by,
                      to_unix_milliseconds(key.created_at), text_of(key.expires_at),
                      key.idle_timeout_seconds ? std::to_string(*key.idle_timeout_seconds) : "none",
                      text_of(key.idle_expired_at), text_of(key.revoked_at));
  for (const domain::KeyVersion& version : key.versions) text += text_of(version);
  return text;
}

std::string text_of(const Record& record) {
  return fmt::format("{} {} in {} of {}: {}", name_of(record.type), record.id.to_string(),
                     record.organization.to_string(), record.parent.to_string(), record.body);
}

}  // namespace keywright::store
