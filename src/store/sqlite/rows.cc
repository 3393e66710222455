#include "store/sqlite/rows.h"

namespace keywright::store {
namespace {

// A Query as columns.h binds to it.
class Bound {
 public:
  explicit Bound(Query& query) : query_(query) {}

  void bind(std::int64_t number) { query_.bind(number); }
  void bind(std::string_view text) { query_.bind(text); }
  void bind(ByteView bytes) { query_.bind(bytes); }
  void bind(const Uuid& id) { query_.bind(ByteView(id.bytes)); }
  void bind(const std::optional<std::int64_t>& number) {
    if (number) {
      query_.bind(*number);
    } else {
      query_.bind_null();
    }
  }
  void bind_null() { query_.bind_null(); }

 private:
  Query& query_;
};

}  // namespace

void bind_version(Query& query, const domain::KeyVersion& version) {
  Bound to(query);
  columns::write_version(to, version);
}

void bind_key(Query& query, const domain::Key& key, std::string_view policy) {
  Bound to(query);
  columns::write_key(to, key, policy);
  query.bind(static_cast<std::int64_t>(key.versions.size() - 1));
}

Result<domain::KeyVersion> read_version(const Query& query, int first) {
  return columns::read_version(query, first);
}

std::int64_t older_versions(const Query& key_row) {
  return key_row.integer(columns::kOlderVersions);
}

Result<domain::Key> read_key(const Query& query, PolicyReader& policies) {
  return columns::read_key(query, policies);
}

void bind_event(Query& query, std::int64_t number, const domain::AuditEvent& event,
                const crypto::Sha256& hash) {
  Bound to(query);
  columns::write_event(to, number, event, hash);
}

Result<StoredEvent> read_event(const Query& query) { return columns::read_event(query); }

Result<Record> read_record(const Query& query) { return columns::read_record(query); }

Result<crypto::Sha256> read_hash(const Query& query, int column) {
  crypto::Sha256 hash;
  if (!columns::read_bytes(query, column, hash)) return columns::damaged("a hash");
  return hash;
}

}  // namespace keywright::store
