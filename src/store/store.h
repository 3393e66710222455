// store/store.h - where every change becomes durable, and what is read back from there.
//
//   std::vector<Result<Position>> at = store.commit(transactions);   // one fsync for the group
//
// A Transaction is everything one change does: rows, keys, the audit events that tell of it, and
// one entry of the change log. commit() makes a group of transactions durable together, in order,
// or none of them. One exception: on a full disk those that remove access are made durable without
// the others. Only when it has returned may a change become visible in memory.
//
// Reading is for people (lists, histories) and for the start; a check never reads the store.
// Objects are kept as one JSON body each (the store form of their description) under a type, an id,
// the organization and the parent they belong to: what is searched for is a column, what is only
// shown is in the body. Keys have columns of their own: there are millions of them, they are
// searched by many fields, and they must load fast.
//
// Errors: `storage_full` (507) when the disk is full, `unavailable` when the store cannot be
// reached or met a fault of its disk: then nothing is written any more until it was opened again,
// since what the disk holds is not known. A cursor that no page gave is invalid_argument on field
// "cursor". Text: any bytes come back as they were given, NUL included. Threading: the writer's
// functions belong to one thread at a time. Readers' functions may be called from any worker thread
// at once, never from an io thread: they block. Serials, position() and writable() from any thread.
// Implementations: store/sqlite (default), store/memory (reference, tests). Both pass
// store/conformance.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/uuid.h"
#include "domain/audit/event.h"
#include "domain/keys/key.h"

namespace keywright::store {

using Position = std::uint64_t;

// The numbers are stored: append only.
enum class RecordType : unsigned char {
  organization,
  user,
  membership,
  project,
  platform,
  target,
  mcp_server,
  registry,
  service,
  keyspace,
  session,
  ticket,
};
std::string_view name_of(RecordType type);

struct Record {
  RecordType type;
  Uuid id;
  Uuid organization = {};  // nil where a record belongs to none
  Uuid parent = {};        // membership, session, ticket: the user; platform: the project; else nil
  std::string body = {};   // JSON, store form
};

struct RecordWrite {
  Record record;
  bool deleted = false;  // then only type and id count
};

// The answer that a repeated request with the same Idempotency-Key gets.
struct IdempotentAnswer {
  std::string caller;        // whose Idempotency-Key it is: "user:<id>" or "key:<id>"
  std::string key;           // the header's value
  std::string request_hash;  // hex SHA-256 of method, path and body
  int status = 0;
  std::string body;  // without any secret
  Time expires_at;
};

struct Transaction {
  std::vector<RecordWrite> records;
  std::vector<domain::Key> keys;  // each as it is after the change, whole
  std::vector<domain::AuditEvent> events;
  std::optional<IdempotentAnswer> idempotent_answer;
  bool removes_access = false;  // then it must succeed on a full disk, and is journalled
};

// What no store takes, before anything is written: a key without a secret or without a serial.
Result<void> check_transaction(const Transaction& transaction);

inline constexpr int kPageItemsMax = 1000;

// Newest first. What is stored while somebody turns pages moves nothing to another page.
struct Page {
  int limit = 50;          // taken as 1 to kPageItemsMax
  std::string after = {};  // opaque: what a previous page gave as `next`; "" = from the newest
};

template <class T>
struct PageOf {
  std::vector<T> items;
  std::string next;  // "" = no more
};

struct RecordFilter {
  RecordType type;
  std::optional<Uuid> organization = {};
  std::optional<Uuid> parent = {};
};

struct KeyFilter {
  std::optional<Uuid> organization = {};
  std::optional<domain::KeyOwner> owner = {};
  std::optional<unsigned char> kind = {};
  std::optional<Uuid> keyspace = {};
  std::string created_by = {};  // "" = anybody
  std::string text = {};        // part of name, id or mask; ASCII letters in either case
  bool include_revoked = false;
};

struct AuditFilter {
  std::optional<Uuid> organization = {};
  std::string key_id = {};  // as object or as actor
  std::string actor = {};   // actor id
  std::string action = {};  // whole, or a prefix ending in ".*"
  std::string object_id = {};
  std::optional<Time> from = {};  // inclusive
  std::optional<Time> to = {};    // exclusive
  std::string request_id = {};
};

// A part of the audit log's chain. Without fields: all of it.
struct AuditStretch {
  std::uint64_t after = 0;  // this many events were found to fit before
  crypto::Sha256 head{};    // the hash of the last of them
  std::uint64_t events_max = std::numeric_limits<std::uint64_t>::max();  // about, at once
};

struct AuditVerification {
  std::uint64_t events = 0;   // that fit, from the first one on
  std::uint64_t written = 0;  // that there should be
  crypto::Sha256 head{};      // the hash of the last one that fits
  bool complete = false;      // nothing is left to be looked at
  bool intact = false;        // so far
  std::string problem;        // names the first event that does not fit
};

// What a start loads. Calls come in the order below, each collection whole before the next.
class Loader {
 public:
  virtual void record(Record record) = 0;
  virtual void keys_to_come(std::size_t) {}  // about how many
  virtual void key(domain::Key key) = 0;

 protected:
  ~Loader() = default;
};

class Store {
 public:
  virtual ~Store() = default;

  // Writer thread. One result for each transaction, in order.
  virtual std::vector<Result<Position>> commit(std::span<const Transaction> group) = 0;
  virtual Result<std::optional<IdempotentAnswer>> find_idempotent(std::string_view caller,
                                                                  std::string_view key) = 0;

  // At start. Records arrive ordered by type, then id; keys by serial. A row that cannot be read is
  // left out and logged: that key is denied, the others live.
  virtual Result<void> load(Loader& loader) = 0;

  virtual Position position() = 0;  // of the last durable transaction; 0 = none yet
  // From 1. Reserved for the caller; what was not committed may be given out again by a later
  // start.
  virtual std::int64_t next_key_serial() = 0;
  virtual std::int64_t next_user_serial() = 0;

  // Writer thread. Values that describe the installation, such as the check value of the digest
  // key.
  virtual Result<std::optional<std::string>> setting(std::string_view name) = 0;
  virtual Result<void> set_setting(std::string_view name, std::string_view value) = 0;

  // Readers.
  virtual Result<PageOf<Record>> list_records(const RecordFilter& filter, const Page& page) = 0;
  virtual Result<std::optional<domain::Key>> get_key(const domain::KeyId& id) = 0;
  virtual Result<PageOf<domain::Key>> list_keys(const KeyFilter& filter, const Page& page) = 0;
  virtual Result<PageOf<domain::AuditEvent>> list_audit(const AuditFilter& filter,
                                                        const Page& page) = 0;
  virtual Result<AuditVerification> verify_stretch(const AuditStretch& stretch) = 0;
  Result<AuditVerification> verify_audit() { return verify_stretch({}); }

  // A consistent copy while everything goes on, readable by its owner only, without the digest key;
  // refuses to replace a file. `progress` gets done and total pages.
  virtual Result<void> backup(const std::string& to_path,
                              const std::function<void(int, int)>& progress) = 0;

  // True if a write of a few kilobytes would fit; asked once a second when the disk was full.
  virtual bool writable() = 0;
};

}  // namespace keywright::store
