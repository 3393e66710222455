// store/sqlite/reader.h - one connection that only reads: lists, histories, checks, copies.
//
//   KW_TRY(auto reader, Reader::open(paths.database.string(), ""));
//   KW_TRY(AuditVerification found, reader->verify_audit());
//
// Also what another process uses on the store of a running server (`keywright audit verify`,
// `keywright backup`): it neither blocks the writer nor checkpoints (docs/adr/0005).
//
// Errors: those of sqlite.h and migrations.h (check_schema); not_found/store_not_found.
// Threading: one thread at a time. Cost: a page of a list a few hundred µs; it uses an index, and a
// filter without one of its own is applied to the rows of the next best.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/audit_chain.h"
#include "store/sqlite/sqlite.h"
#include "store/store.h"

namespace keywright::store {

class QueryText;
struct StoredEvent;

class Reader {
 public:
  static Result<std::unique_ptr<Reader>> open(const std::string& path, const std::string& vfs);

  Result<void> load(Loader& loader);
  Result<Position> position();
  Result<std::optional<std::string>> setting(std::string_view name);

  Result<std::optional<Record>> get_record(RecordType type, const Uuid& id);
  Result<PageOf<Record>> list_records(const RecordFilter& filter, const Page& page);
  Result<std::optional<domain::Key>> get_key(const domain::KeyId& id);
  Result<PageOf<domain::Key>> list_keys(const KeyFilter& filter, const Page& page);
  Result<PageOf<domain::AuditEvent>> list_audit(const AuditFilter& filter, const Page& page);

  // Streams: holds a few hundred events at a time, and lets the writer go on in between.
  Result<AuditVerification> verify_audit(const AuditStretch& stretch = {});
  // A whole copy of one moment; see Store::backup.
  Result<void> backup(const std::string& to_path, const std::function<void(int, int)>& progress);

 private:
  Reader() = default;

  // Prepared once for each text.
  Result<Statement*> statement(const SqlText& sql);
  Result<Statement*> statement(const QueryText& query);
  Result<AuditHeads> audit_heads();
  Result<std::vector<StoredEvent>> audit_rows(const QueryText& query);
  Result<void> add_older_versions(domain::Key& key);
  Result<void> load_records(Loader& loader);
  Result<void> load_keys(Loader& loader);

  Database database_;
  std::unordered_map<std::string, Statement> statements_;
};

}  // namespace keywright::store
