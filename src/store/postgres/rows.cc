#include "store/postgres/rows.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/core.h>

#include "base/text.h"

namespace keywright::store::postgres {
namespace {

using domain::AuditEvent;
using domain::Key;
using domain::KeyVersion;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

template <std::size_t Size>
bool copy_bytes(ByteView bytes, std::array<std::uint8_t, Size>& out) {
  if (bytes.size() != Size) return false;
  std::ranges::copy(bytes, out.begin());
  return true;
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
constexpr Sql kOrReplace(
    " ON CONFLICT (serial) DO UPDATE SET "
    "serial = CASE WHEN keys.id = excluded.id THEN keys.serial END, "
    "searched = excluded.searched, ");

}  // namespace

Bytes pack_versions(std::span<const KeyVersion> versions) {
  Packer packer;
  for (const KeyVersion& version : versions) {
    packer.put(version.number);
    packer.put(version.cell);
    packer.put(view_text(version.digest));
    packer.put(columns::number(version.created_at));
    packer.put(columns::number(version.retires_at).value_or(kNever));
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
  columns::write_key(statement, key, policy_text(key.policy));
  const Bytes older = pack_versions(std::span(key.versions).subspan(1));
  statement.bind(ByteView(older)).bind(searched_text(key));
  return std::move(statement.add(kOrReplace).add(Sql(columns::kReplacingKey.data())));
}

Result<Key> read_key(const Row& row, PolicyReader& policies) {
  auto key = columns::read_key(row, policies);
  if (!key || unpack_versions(row.blob(columns::kOlderVersions), key->versions)) return key;
  return columns::damaged_key(*key, "older_versions");
}

Statement put_event(std::int64_t event_number, const AuditEvent& event,
                    const crypto::Sha256& hash) {
  Statement statement(
      "INSERT INTO audit_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  columns::write_event(statement, event_number, event, hash);
  return statement;
}

Result<StoredEvent> read_event(const Row& row) { return columns::read_event(row); }

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

Result<Record> read_record(const Row& row) { return columns::read_record(row); }

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
