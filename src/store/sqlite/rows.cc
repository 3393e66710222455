#include "store/sqlite/rows.h"

#include <algorithm>

#include <fmt/core.h>

namespace keywright::store {
namespace {

using domain::AuditEvent;
using domain::Key;
using domain::KeyVersion;

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Error(Code::internal, "store_damaged", "The store is damaged.").with_internal(what));
}

void bind_optional(Query& query, const std::optional<Time>& time) {
  if (time) {
    query.bind(to_unix_milliseconds(*time));
  } else {
    query.bind_null();
  }
}

std::optional<Time> read_optional_time(const Query& query, int column) {
  if (query.is_null(column)) return std::nullopt;
  return from_unix_milliseconds(query.integer(column));
}

Time read_time(const Query& query, int column) {
  return from_unix_milliseconds(query.integer(column));
}

// JSON that has been through the strict reader on its way in.
void bind_raw(Query& query, const json::Raw& raw) {
  if (raw.is_null()) {
    query.bind_null();
  } else {
    query.bind(raw.view());
  }
}

json::Raw read_raw(const Query& query, int column) {
  return json::Raw::trusted(std::string(query.text(column)));
}

template <std::size_t Size>
bool read_bytes(const Query& query, int column, std::array<std::uint8_t, Size>& out) {
  const ByteView bytes = query.blob(column);
  if (bytes.size() != Size) return false;
  std::ranges::copy(bytes, out.begin());
  return true;
}

// The number of a described enumerator.
template <class E>
bool read_enum(const Query& query, int column, E& out) {
  const std::int64_t number = query.integer(column);
  if (number < 0 || number > 255 || json::enum_name(static_cast<E>(number)).empty()) return false;
  out = static_cast<E>(number);
  return true;
}

}  // namespace

void bind_version(Query& query, const KeyVersion& version) {
  query.bind(version.number)
      .bind(ByteView(version.digest))
      .bind(version.shown.prefix)
      .bind(version.shown.last4)
      .bind(version.shown.mask)
      .bind(version.sealed_slow_hash)
      .bind(to_unix_milliseconds(version.created_at));
  bind_optional(query, version.retires_at);
  query.bind(version.slow_prefix).bind(version.cell);
}

void bind_key(Query& query, const Key& key, std::string_view policy) {
  query.bind(key.serial)
      .bind(key.id.view())
      .bind(std::int64_t{key.kind})
      .bind(key.name)
      .bind(key.description)
      .bind(static_cast<std::int64_t>(key.owner.type))
      .bind(key.owner.id)
      .bind(ByteView(key.organization_id.value.bytes));
  if (key.keyspace_id) {
    query.bind(ByteView(key.keyspace_id->value.bytes));
  } else {
    query.bind_null();
  }
  query.bind(policy);
  bind_raw(query, key.metadata);
  query.bind(key.credits_remaining)
      .bind(to_unix_milliseconds(key.credits_set_at))
      .bind(static_cast<std::int64_t>(key.state))
      .bind(key.state_reason)
      .bind(key.created_by)
      .bind(to_unix_milliseconds(key.created_at));
  bind_optional(query, key.expires_at);
  if (key.idle_timeout_seconds) {
    query.bind(*key.idle_timeout_seconds);
  } else {
    query.bind_null();
  }
  bind_optional(query, key.idle_expired_at);
  bind_optional(query, key.revoked_at);
  bind_version(query, key.current());
  query.bind(static_cast<std::int64_t>(key.versions.size() - 1));
}

Result<KeyVersion> read_version(const Query& query, int first) {
  KeyVersion version;
  version.number = query.integer(first);
  if (!read_bytes(query, first + 1, version.digest)) return damaged("the digest of a key version");
  version.shown.prefix = query.text(first + 2);
  version.shown.last4 = query.text(first + 3);
  version.shown.mask = query.text(first + 4);
  version.sealed_slow_hash = query.text(first + 5);
  version.created_at = read_time(query, first + 6);
  version.retires_at = read_optional_time(query, first + 7);
  version.slow_prefix = query.text(first + 8);
  version.cell = query.integer(first + 9);
  return version;
}

std::int64_t older_versions(const Query& key_row) { return key_row.integer(31); }

Result<Key> read_key(const Query& query, PolicyReader& policies) {
  Key key;
  key.serial = query.integer(0);
  auto wrong = [&](std::string_view field) {
    return damaged(fmt::format("the {} of the key with serial {}", field, key.serial));
  };
  const std::string_view id = query.text(1);
  if (id.size() != key.id.text.size()) return wrong("id");
  std::ranges::copy(id, key.id.text.begin());
  const std::int64_t kind = query.integer(2);
  if (kind < 0 || kind > 255) return wrong("kind");
  key.kind = static_cast<unsigned char>(kind);
  key.name = query.text(3);
  key.description = query.text(4);
  if (!read_enum(query, 5, key.owner.type)) return wrong("owner_type");
  key.owner.id = query.text(6);
  if (!read_bytes(query, 7, key.organization_id.value.bytes)) return wrong("organization");
  if (!query.is_null(8)) {
    if (!read_bytes(query, 8, key.keyspace_id.emplace().value.bytes)) return wrong("keyspace");
  }
  auto policy = policies.read(query.text(9));
  if (!policy) return wrong("policy");
  key.policy = std::move(*policy);
  key.metadata = read_raw(query, 10);
  key.credits_remaining = query.integer(11);
  key.credits_set_at = read_time(query, 12);
  if (!read_enum(query, 13, key.state)) return wrong("state");
  key.state_reason = query.text(14);
  key.created_by = query.text(15);
  key.created_at = read_time(query, 16);
  key.expires_at = read_optional_time(query, 17);
  if (!query.is_null(18)) key.idle_timeout_seconds = query.integer(18);
  key.idle_expired_at = read_optional_time(query, 19);
  key.revoked_at = read_optional_time(query, 20);
  auto version = read_version(query, 21);
  if (!version) return wrong("digest");
  key.versions.push_back(std::move(*version));
  return key;
}

void bind_event(Query& query, std::int64_t number, const AuditEvent& event,
                const crypto::Sha256& hash) {
  query.bind(number)
      .bind(ByteView(event.id.bytes))
      .bind(ByteView(event.organization_id.value.bytes))
      .bind(to_unix_milliseconds(event.time))
      .bind(event.actor.type)
      .bind(event.actor.id)
      .bind(event.actor.key_id)
      .bind(event.action)
      .bind(event.object.type)
      .bind(event.object.id)
      .bind(event.object.name)
      .bind(event.outcome)
      .bind(event.reason)
      .bind(event.request_id)
      .bind(event.address);
  bind_raw(query, event.details);
  query.bind(ByteView(hash));
}

Result<StoredEvent> read_event(const Query& query) {
  StoredEvent stored;
  AuditEvent& event = stored.event;
  stored.number = query.integer(0);
  if (!read_bytes(query, 1, event.id.bytes) ||
      !read_bytes(query, 2, event.organization_id.value.bytes) ||
      !read_bytes(query, 16, stored.hash)) {
    return damaged(fmt::format("audit event {}", stored.number));
  }
  event.time = read_time(query, 3);
  event.actor = {std::string(query.text(4)), std::string(query.text(5)),
                 std::string(query.text(6))};
  event.action = query.text(7);
  event.object = {std::string(query.text(8)), std::string(query.text(9)),
                  std::string(query.text(10))};
  event.outcome = query.text(11);
  event.reason = query.text(12);
  event.request_id = query.text(13);
  event.address = query.text(14);
  event.details = read_raw(query, 15);
  return stored;
}

Result<Record> read_record(const Query& query) {
  const std::int64_t type = query.integer(0);
  Record record{};
  if (type < 0 || type > 255 || name_of(static_cast<RecordType>(type)).empty() ||
      !read_bytes(query, 1, record.id.bytes) || !read_bytes(query, 2, record.organization.bytes) ||
      !read_bytes(query, 3, record.parent.bytes)) {
    return damaged(fmt::format("a record of type {}", type));
  }
  record.type = static_cast<RecordType>(type);
  record.body = query.text(4);
  return record;
}

Result<crypto::Sha256> read_hash(const Query& query, int column) {
  crypto::Sha256 hash;
  if (!read_bytes(query, column, hash)) return damaged("a hash");
  return hash;
}

}  // namespace keywright::store
