// store/columns.h - which column holds what of a key, an audit event and a record: said once for
// all stores that have columns.
//
//   columns::write_key(to, key, policy_text(key.policy));   // to.bind(...) for each, in order
//   KW_TRY(domain::Key key, columns::read_key(row, policies));
//   sql += Sql(columns::kReplacingKey.data());              // ... ON CONFLICT DO UPDATE SET
//
// `to` has bind() for std::int64_t, text, bytes, a Uuid and an optional number, and bind_null().
// `row` has integer(column), text(column), blob(column) and is_null(column). Text is text and bytes
// are bytes: a store that tells them apart keeps them so. What is bound lives as long as the value
// that it is of. Reading is total: a row that holds anything unexpected is an error, never a crash
// or a wider key.
//
// Errors: internal/store_damaged, with which row in `internal`.
// Threading: plain functions; a PolicyReader belongs to one thread. Cost: none of its own.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/bytes.h"
#include "domain/audit/event.h"
#include "domain/keys/key.h"
#include "store/policy_text.h"
#include "store/store.h"

namespace keywright::store {

struct StoredEvent {
  std::int64_t number = 0;
  domain::AuditEvent event;
  crypto::Sha256 hash{};
};

}  // namespace keywright::store

namespace keywright::store::columns {

// 32 columns. The last one is the store's own, and so may be more after it.
inline constexpr char kOfKey[] =
    "serial, id, kind, name, description, owner_type, owner_id, organization, keyspace, policy, "
    "metadata, credits_remaining, credits_set_at, state, state_reason, created_by, created_at, "
    "expires_at, idle_timeout_seconds, idle_expired_at, revoked_at, version, digest, prefix, "
    "last4, mask, sealed_slow_hash, version_created_at, version_retires_at, slow_prefix, "
    "usage_cell, older_versions";
inline constexpr int kFirstOfVersion = 21;
inline constexpr int kOlderVersions = 31;
// 10 columns, of one secret; those of the current one stand among those of the key.
inline constexpr char kOfVersion[] =
    "version, digest, prefix, last4, mask, sealed_slow_hash, version_created_at, "
    "version_retires_at, slow_prefix, usage_cell";
// 17 columns.
inline constexpr char kOfEvent[] =
    "number, id, organization, time, actor_type, actor_id, actor_key_id, action, object_type, "
    "object_id, object_name, outcome, reason, request_id, address, details, hash";
// 5 columns.
inline constexpr char kOfRecord[] = "type, id, organization, parent, body";

// "kind = excluded.kind, name = excluded.name" of "kind, name". Ends with a zero.
consteval std::array<char, 2048> replacing(std::string_view columns) {
  std::array<char, 2048> text{};
  char* end = text.data();
  const auto add = [&end](std::string_view piece) { end = std::ranges::copy(piece, end).out; };
  while (!columns.empty()) {
    const std::string_view column = columns.substr(0, columns.find(", "));
    columns.remove_prefix(std::min(column.size() + 2, columns.size()));
    for (std::string_view piece : {column, std::string_view(" = excluded."), column}) add(piece);
    if (!columns.empty()) add(", ");
  }
  return text;
}

// What a newer state of a key puts in the place of an older one: all but the serial and the id.
inline constexpr auto kReplacingKey =
    replacing(std::string_view(kOfKey).substr(std::string_view("serial, id, ").size()));

inline tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Error(Code::internal, "store_damaged", "The store is damaged.").with_internal(what));
}

inline std::int64_t number(Time time) { return to_unix_milliseconds(time); }
inline std::optional<std::int64_t> number(const std::optional<Time>& time) {
  if (!time) return std::nullopt;
  return to_unix_milliseconds(*time);
}

// JSON that has been through the strict reader on its way in.
template <class To>
void write_raw(To& to, const json::Raw& raw) {
  if (raw.is_null()) {
    to.bind_null();
  } else {
    to.bind(raw.view());
  }
}

template <class To>
void write_version(To& to, const domain::KeyVersion& version) {
  to.bind(version.number);
  to.bind(ByteView(version.digest));
  to.bind(version.shown.prefix);
  to.bind(version.shown.last4);
  to.bind(version.shown.mask);
  to.bind(version.sealed_slow_hash);
  to.bind(number(version.created_at));
  to.bind(number(version.retires_at));
  to.bind(version.slow_prefix);
  to.bind(version.cell);
}

// All but the last column.
template <class To>
void write_key(To& to, const domain::Key& key, std::string_view policy) {
  to.bind(key.serial);
  to.bind(key.id.view());
  to.bind(std::int64_t{key.kind});
  to.bind(key.name);
  to.bind(key.description);
  to.bind(static_cast<std::int64_t>(key.owner.type));
  to.bind(key.owner.id);
  to.bind(key.organization_id.value);
  if (key.keyspace_id) {
    to.bind(key.keyspace_id->value);
  } else {
    to.bind_null();
  }
  to.bind(policy);
  write_raw(to, key.metadata);
  to.bind(key.credits_remaining);
  to.bind(number(key.credits_set_at));
  to.bind(static_cast<std::int64_t>(key.state));
  to.bind(key.state_reason);
  to.bind(key.created_by);
  to.bind(number(key.created_at));
  to.bind(number(key.expires_at));
  to.bind(key.idle_timeout_seconds);
  to.bind(number(key.idle_expired_at));
  to.bind(number(key.revoked_at));
  write_version(to, key.current());
}

template <class To>
void write_event(To& to, std::int64_t event_number, const domain::AuditEvent& event,
                 const crypto::Sha256& hash) {
  to.bind(event_number);
  to.bind(event.id);
  to.bind(event.organization_id.value);
  to.bind(number(event.time));
  for (const std::string* text :
       {&event.actor.type, &event.actor.id, &event.actor.key_id, &event.action, &event.object.type,
        &event.object.id, &event.object.name, &event.outcome, &event.reason, &event.request_id,
        &event.address}) {
    to.bind(*text);
  }
  write_raw(to, event.details);
  to.bind(ByteView(hash));
}

template <class Row>
Time read_time(const Row& row, int column) {
  return from_unix_milliseconds(row.integer(column));
}

template <class Row>
std::optional<Time> read_optional_time(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return read_time(row, column);
}

template <class Row>
json::Raw read_raw(const Row& row, int column) {
  return json::Raw::trusted(std::string(row.text(column)));
}

template <class Row, std::size_t Size>
bool read_bytes(const Row& row, int column, std::array<std::uint8_t, Size>& out) {
  const ByteView bytes = row.blob(column);
  if (bytes.size() != Size) return false;
  std::ranges::copy(bytes, out.begin());
  return true;
}

// The number of a described enumerator.
template <class Row, class E>
bool read_enum(const Row& row, int column, E& out) {
  const std::int64_t value = row.integer(column);
  if (value < 0 || value > 255 || json::enum_name(static_cast<E>(value)).empty()) return false;
  out = static_cast<E>(value);
  return true;
}

template <class Row>
Result<domain::KeyVersion> read_version(const Row& row, int first) {
  domain::KeyVersion version;
  version.number = row.integer(first);
  if (!read_bytes(row, first + 1, version.digest)) return damaged("the digest of a key version");
  version.shown.prefix = row.text(first + 2);
  version.shown.last4 = row.text(first + 3);
  version.shown.mask = row.text(first + 4);
  version.sealed_slow_hash = row.text(first + 5);
  version.created_at = read_time(row, first + 6);
  version.retires_at = read_optional_time(row, first + 7);
  version.slow_prefix = row.text(first + 8);
  version.cell = row.integer(first + 9);
  return version;
}

inline tl::unexpected<Error> damaged_key(const domain::Key& key, std::string_view field) {
  return damaged(fmt::format("the {} of the key with serial {}", field, key.serial));
}

// With its current version only.
template <class Row>
Result<domain::Key> read_key(const Row& row, PolicyReader& policies) {
  domain::Key key;
  key.serial = row.integer(0);
  const std::string_view id = row.text(1);
  if (id.size() != key.id.text.size()) return damaged_key(key, "id");
  std::ranges::copy(id, key.id.text.begin());
  const std::int64_t kind = row.integer(2);
  if (kind < 0 || kind > 255) return damaged_key(key, "kind");
  key.kind = static_cast<unsigned char>(kind);
  key.name = row.text(3);
  key.description = row.text(4);
  if (!read_enum(row, 5, key.owner.type)) return damaged_key(key, "owner_type");
  key.owner.id = row.text(6);
  if (!read_bytes(row, 7, key.organization_id.value.bytes)) {
    return damaged_key(key, "organization");
  }
  if (!row.is_null(8) && !read_bytes(row, 8, key.keyspace_id.emplace().value.bytes)) {
    return damaged_key(key, "keyspace");
  }
  auto policy = policies.read(row.text(9));
  if (!policy) return damaged_key(key, "policy");
  key.policy = std::move(*policy);
  key.metadata = read_raw(row, 10);
  key.credits_remaining = row.integer(11);
  key.credits_set_at = read_time(row, 12);
  if (!read_enum(row, 13, key.state)) return damaged_key(key, "state");
  key.state_reason = row.text(14);
  key.created_by = row.text(15);
  key.created_at = read_time(row, 16);
  key.expires_at = read_optional_time(row, 17);
  if (!row.is_null(18)) key.idle_timeout_seconds = row.integer(18);
  key.idle_expired_at = read_optional_time(row, 19);
  key.revoked_at = read_optional_time(row, 20);
  auto version = read_version(row, kFirstOfVersion);
  if (!version) return damaged_key(key, "digest");
  key.versions.push_back(std::move(*version));
  return key;
}

template <class Row>
Result<StoredEvent> read_event(const Row& row) {
  StoredEvent stored;
  domain::AuditEvent& event = stored.event;
  stored.number = row.integer(0);
  if (!read_bytes(row, 1, event.id.bytes) ||
      !read_bytes(row, 2, event.organization_id.value.bytes) || !read_bytes(row, 16, stored.hash)) {
    return damaged(fmt::format("audit event {}", stored.number));
  }
  event.time = read_time(row, 3);
  event.actor = {std::string(row.text(4)), std::string(row.text(5)), std::string(row.text(6))};
  event.action = row.text(7);
  event.object = {std::string(row.text(8)), std::string(row.text(9)), std::string(row.text(10))};
  event.outcome = row.text(11);
  event.reason = row.text(12);
  event.request_id = row.text(13);
  event.address = row.text(14);
  event.details = read_raw(row, 15);
  return stored;
}

template <class Row>
Result<Record> read_record(const Row& row) {
  const std::int64_t type = row.integer(0);
  Record record{};
  if (type < 0 || type > 255 || name_of(static_cast<RecordType>(type)).empty() ||
      !read_bytes(row, 1, record.id.bytes) || !read_bytes(row, 2, record.organization.bytes) ||
      !read_bytes(row, 3, record.parent.bytes)) {
    return damaged(fmt::format("a record of type {}", type));
  }
  record.type = static_cast<RecordType>(type);
  record.body = row.text(4);
  return record;
}

}  // namespace keywright::store::columns
