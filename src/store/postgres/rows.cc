#include "store/postgres/rows.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "base/text.h"

namespace keywright::store::postgres {
namespace {

using domain::AuditEvent;
using domain::Key;
using domain::KeyVersion;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Error(Code::internal, "store_damaged", "The store is damaged.").with_internal(what));
}

std::int64_t number(Time time) { return to_unix_milliseconds(time); }

std::optional<std::int64_t> number(const std::optional<Time>& time) {
  if (!time) return std::nullopt;
  return to_unix_milliseconds(*time);
}

Time read_time(const Row& row, int column) { return from_unix_milliseconds(row.integer(column)); }

std::optional<Time> read_optional_time(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return read_time(row, column);
}

// JSON that has been through the strict reader on its way in.
void bind_raw(Statement& statement, const json::Raw& raw) {
  if (raw.is_null()) {
    statement.bind_null();
  } else {
    statement.bind(raw.view());
  }
}

json::Raw read_raw(const Row& row, int column) {
  return json::Raw::trusted(std::string(row.text(column)));
}

template <std::size_t Size>
bool copy_bytes(ByteView bytes, std::array<std::uint8_t, Size>& out) {
  if (bytes.size() != Size) return false;
  std::ranges::copy(bytes, out.begin());
  return true;
}

// The number of a described enumerator.
template <class E>
bool read_enum(const Row& row, int column, E& out) {
  const std::int64_t value = row.integer(column);
  if (value < 0 || value > 255 || json::enum_name(static_cast<E>(value)).empty()) return false;
  out = static_cast<E>(value);
  return true;
}

void bind_version(Statement& statement, const KeyVersion& version) {
  statement.bind(version.number)
      .bind(ByteView(version.digest))
      .bind(version.shown.prefix)
      .bind(version.shown.last4)
      .bind(version.shown.mask)
      .bind(version.sealed_slow_hash)
      .bind(number(version.created_at))
      .bind(number(version.retires_at))
      .bind(version.slow_prefix)
      .bind(version.cell);
}

bool read_version(const Row& row, int first, KeyVersion& version) {
  version.number = row.integer(first);
  version.shown.prefix = row.text(first + 2);
  version.shown.last4 = row.text(first + 3);
  version.shown.mask = row.text(first + 4);
  version.sealed_slow_hash = row.text(first + 5);
  version.created_at = read_time(row, first + 6);
  version.retires_at = read_optional_time(row, first + 7);
  version.slow_prefix = row.text(first + 8);
  version.cell = row.integer(first + 9);
  return copy_bytes(row.blob(first + 1), version.digest);
}

// What list_keys() looks for text in. 0xff stands in no text.
std::string searched_text(const Key& key) {
  return fmt::format("{}\xff{}\xff{}", to_ascii_lower(key.name), to_ascii_lower(key.id.view()),
                     to_ascii_lower(key.current().shown.mask));
}

class Packer {
 public:
  void put(std::int64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> shift));
    }
  }
  void put(std::string_view text) {
    put(static_cast<std::int64_t>(text.size()));
    bytes.insert(bytes.end(), text.begin(), text.end());
  }

  Bytes bytes;
};

class Unpacker {
 public:
  explicit Unpacker(ByteView bytes) : rest_(bytes) {}

  std::int64_t number() {
    std::uint64_t value = 0;
    for (std::uint8_t byte : take(8)) value = value << 8 | byte;
    return static_cast<std::int64_t>(value);
  }
  std::string text() { return std::string(view_text(bytes())); }
  ByteView bytes() {
    const std::int64_t size = number();
    return take(size < 0 ? rest_.size() + 1 : static_cast<std::size_t>(size));
  }
  bool at_end() const { return rest_.empty(); }
  bool is_damaged() const { return damaged_; }

 private:
  ByteView take(std::size_t size) {
    if (size > rest_.size()) {
      damaged_ = true;
      rest_ = {};
      return {};
    }
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  ByteView rest_;
  bool damaged_ = false;
};

// A serial that belongs to another key becomes null, which the table refuses.
constexpr Sql kReplaceKey(
    " ON CONFLICT (serial) DO UPDATE SET "
    "serial = CASE WHEN keys.id = excluded.id THEN keys.serial END, kind = excluded.kind, name = "
    "excluded.name, "
    "description = excluded.description, owner_type = excluded.owner_type, "
    "owner_id = excluded.owner_id, organization = excluded.organization, "
    "keyspace = excluded.keyspace, policy = excluded.policy, metadata = excluded.metadata, "
    "credits_remaining = excluded.credits_remaining, credits_set_at = excluded.credits_set_at, "
    "state = excluded.state, state_reason = excluded.state_reason, "
    "created_by = excluded.created_by, created_at = excluded.created_at, "
    "expires_at = excluded.expires_at, idle_timeout_seconds = excluded.idle_timeout_seconds, "
    "idle_expired_at = excluded.idle_expired_at, revoked_at = excluded.revoked_at, "
    "version = excluded.version, digest = excluded.digest, prefix = excluded.prefix, "
    "last4 = excluded.last4, mask = excluded.mask, sealed_slow_hash = excluded.sealed_slow_hash, "
    "version_created_at = excluded.version_created_at, "
    "version_retires_at = excluded.version_retires_at, slow_prefix = excluded.slow_prefix, "
    "usage_cell = excluded.usage_cell, older_versions = excluded.older_versions, "
    "searched = excluded.searched");

}  // namespace

Bytes pack_versions(std::span<const KeyVersion> versions) {
  Packer packer;
  for (const KeyVersion& version : versions) {
    packer.put(version.number);
    packer.put(version.cell);
    packer.put(view_text(version.digest));
    packer.put(number(version.created_at));
    packer.put(number(version.retires_at).value_or(kNever));
    for (const std::string* text :
         {&version.shown.prefix, &version.shown.last4, &version.shown.mask,
          &version.sealed_slow_hash, &version.slow_prefix}) {
      packer.put(std::string_view(*text));
    }
  }
  return std::move(packer.bytes);
}

bool unpack_versions(ByteView bytes, std::vector<KeyVersion>& versions) {
  Unpacker unpacker(bytes);
  while (!unpacker.at_end()) {
    KeyVersion version;
    version.number = unpacker.number();
    version.cell = unpacker.number();
    if (!copy_bytes(unpacker.bytes(), version.digest)) return false;
    version.created_at = from_unix_milliseconds(unpacker.number());
    const std::int64_t retires_at = unpacker.number();
    if (retires_at != kNever) version.retires_at = from_unix_milliseconds(retires_at);
    for (std::string* text : {&version.shown.prefix, &version.shown.last4, &version.shown.mask,
                              &version.sealed_slow_hash, &version.slow_prefix}) {
      *text = unpacker.text();
    }
    if (unpacker.is_damaged()) return false;
    versions.push_back(std::move(version));
  }
  return true;
}

Statement put_key(const Key& key) {
  Statement statement(
      "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  statement.bind(key.serial)
      .bind(key.id.view())
      .bind(std::int64_t{key.kind})
      .bind(key.name)
      .bind(key.description)
      .bind(static_cast<std::int64_t>(key.owner.type))
      .bind(key.owner.id)
      .bind(key.organization_id.value);
  if (key.keyspace_id) {
    statement.bind(key.keyspace_id->value);
  } else {
    statement.bind_null();
  }
  statement.bind(policy_text(key.policy));
  bind_raw(statement, key.metadata);
  statement.bind(key.credits_remaining)
      .bind(number(key.credits_set_at))
      .bind(static_cast<std::int64_t>(key.state))
      .bind(key.state_reason)
      .bind(key.created_by)
      .bind(number(key.created_at))
      .bind(number(key.expires_at))
      .bind(key.idle_timeout_seconds)
      .bind(number(key.idle_expired_at))
      .bind(number(key.revoked_at));
  bind_version(statement, key.current());
  const Bytes older = pack_versions(std::span(key.versions).subspan(1));
  statement.bind(ByteView(older)).bind(searched_text(key));
  return statement.add(kReplaceKey);
}

Result<Key> read_key(const Row& row, PolicyReader& policies) {
  Key key;
  key.serial = row.integer(0);
  auto wrong = [&](std::string_view field) {
    return damaged(fmt::format("the {} of the key with serial {}", field, key.serial));
  };
  const std::string_view id = row.text(1);
  if (id.size() != key.id.text.size()) return wrong("id");
  std::ranges::copy(id, key.id.text.begin());
  const std::int64_t kind = row.integer(2);
  if (kind < 0 || kind > 255) return wrong("kind");
  key.kind = static_cast<unsigned char>(kind);
  key.name = row.text(3);
  key.description = row.text(4);
  if (!read_enum(row, 5, key.owner.type)) return wrong("owner_type");
  key.owner.id = row.text(6);
  if (!copy_bytes(row.blob(7), key.organization_id.value.bytes)) return wrong("organization");
  if (!row.is_null(8)) {
    if (!copy_bytes(row.blob(8), key.keyspace_id.emplace().value.bytes)) return wrong("keyspace");
  }
  auto policy = policies.read(row.text(9));
  if (!policy) return wrong("policy");
  key.policy = std::move(*policy);
  key.metadata = read_raw(row, 10);
  key.credits_remaining = row.integer(11);
  key.credits_set_at = read_time(row, 12);
  if (!read_enum(row, 13, key.state)) return wrong("state");
  key.state_reason = row.text(14);
  key.created_by = row.text(15);
  key.created_at = read_time(row, 16);
  key.expires_at = read_optional_time(row, 17);
  if (!row.is_null(18)) key.idle_timeout_seconds = row.integer(18);
  key.idle_expired_at = read_optional_time(row, 19);
  key.revoked_at = read_optional_time(row, 20);
  if (!read_version(row, 21, key.versions.emplace_back())) return wrong("digest");
  if (!unpack_versions(row.blob(31), key.versions)) return wrong("older_versions");
  return key;
}

Statement put_event(std::int64_t event_number, const AuditEvent& event,
                    const crypto::Sha256& hash) {
  Statement statement(
      "INSERT INTO audit_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  statement.bind(event_number)
      .bind(event.id)
      .bind(event.organization_id.value)
      .bind(number(event.time));
  for (const std::string* text :
       {&event.actor.type, &event.actor.id, &event.actor.key_id, &event.action, &event.object.type,
        &event.object.id, &event.object.name, &event.outcome, &event.reason, &event.request_id,
        &event.address}) {
    statement.bind(std::string_view(*text));
  }
  bind_raw(statement, event.details);
  return std::move(statement.bind(ByteView(hash)));
}

Result<StoredEvent> read_event(const Row& row) {
  StoredEvent stored;
  AuditEvent& event = stored.event;
  stored.number = row.integer(0);
  if (!copy_bytes(row.blob(1), event.id.bytes) ||
      !copy_bytes(row.blob(2), event.organization_id.value.bytes) ||
      !copy_bytes(row.blob(16), stored.hash)) {
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

Statement put_record(const RecordWrite& write) {
  const Record& record = write.record;
  const auto type = static_cast<std::int64_t>(record.type);
  if (write.deleted) {
    return Statement("DELETE FROM records WHERE type = ? AND id = ?", type, record.id);
  }
  return Statement(
      "INSERT INTO records VALUES (?, ?, ?, ?, ?) ON CONFLICT (type, id) DO UPDATE SET "
      "organization = excluded.organization, parent = excluded.parent, body = excluded.body",
      type, record.id, record.organization, record.parent, record.body);
}

Result<Record> read_record(const Row& row) {
  const std::int64_t type = row.integer(0);
  Record record{};
  if (type < 0 || type > 255 || name_of(static_cast<RecordType>(type)).empty() ||
      !copy_bytes(row.blob(1), record.id.bytes) ||
      !copy_bytes(row.blob(2), record.organization.bytes) ||
      !copy_bytes(row.blob(3), record.parent.bytes)) {
    return damaged(fmt::format("a record of type {}", type));
  }
  record.type = static_cast<RecordType>(type);
  record.body = row.text(4);
  return record;
}

Bytes pack_subjects(const Transaction& transaction) {
  Bytes bytes;
  const auto add = [&](std::uint8_t type, bool removes_access, ByteView id) {
    bytes.push_back(type);
    bytes.push_back(removes_access ? 1 : 0);
    bytes.insert(bytes.end(), id.begin(), id.end());
    bytes.insert(bytes.end(), 16 - id.size(), 0);
  };
  for (const RecordWrite& write : transaction.records) {
    add(static_cast<std::uint8_t>(1 + static_cast<int>(write.record.type)),
        write.deleted || transaction.removes_access, write.record.id.bytes);
  }
  for (const Key& key : transaction.keys) {
    add(Subject::kKey, transaction.removes_access, view_bytes(key.id.view()));
  }
  return bytes;
}

std::vector<Subject> unpack_subjects(ByteView bytes) {
  std::vector<Subject> subjects;
  for (; bytes.size() >= Subject::kBytes; bytes = bytes.subspan(Subject::kBytes)) {
    Subject& subject = subjects.emplace_back();
    subject.type = bytes[0];
    subject.removes_access = bytes[1] != 0;
    std::ranges::copy(bytes.subspan(2, 16), subject.id.begin());
  }
  return subjects;
}

}  // namespace keywright::store::postgres
