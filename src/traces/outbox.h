// traces/outbox.h - which traces still have to be sent on, and which could not be.
//
//   Outbox outbox(database);                          // of the connection that writes
//   if (KW_TRY(outbox.takes(platform))) outbox.add({.platform = platform, .trace = number, ...});
//   outbox.delivered(platform, sequence, state);      // the cursor moves
//   outbox.bury({.queued = row, .status = 400, ...}); // a dead letter
//
// A platform that is forwarded has a row with its settings and its state, which mean nothing to
// this room. What is stored for such a platform gets a row in the outbox *in the same commit*, so
// that nothing which was acknowledged can be missed, and nothing is sent which was not stored.
// Sequences grow with every commit: they are the order of sending, and the cursor.
//
// A dead letter goes with its trace when that is dropped.
//
// Errors: those of store/sqlite/sqlite.h. Threading: the thread of the connection.
// Lifetime: the database outlives it. Cost: a row of about 60 bytes for each trace that is sent on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/access/ids.h"
#include "store/sqlite/sqlite.h"
#include "traces/trace_rows.h"

namespace keywright::traces {

struct Queued {
  std::int64_t sequence = 0;
  domain::PlatformId platform;
  Number trace = 0;
  std::int64_t revision = 1;
  std::int64_t first_span = 0;  // rows of OTLP spans that came with this; 0: none
  std::int64_t last_span = 0;
  std::int64_t hops = 0;  // how often it was forwarded before it came here
  Time queued_at;
};

struct DeadLetter {
  Queued queued;
  Time failed_at;
  std::int64_t attempts = 0;
  std::int64_t status = 0;  // of the last answer; 0: there was none
  std::string problem;
};

struct BuriedTrace {
  DeadLetter letter;
  Uuid trace_id;  // nil: the trace was dropped meanwhile
};

// What waits for a platform.
struct QueueState {
  std::int64_t queued = 0;
  std::optional<Time> oldest_at;
  std::int64_t dead = 0;
};

struct SpanToSend {
  std::string json;
  std::string context;  // {"resource":...,"scope":...}
};

// A trace as it is now, with those of its spans that are to be sent.
struct TraceToSend {
  TraceRow row;
  std::string body;  // native
  std::vector<SpanToSend> spans;
};

struct ForwardingRow {
  domain::PlatformId platform;
  domain::ProjectId project;
  std::string settings;  // JSON
  std::string state;     // JSON
};

class Outbox {
 public:
  static Result<Outbox> open(store::Database& database);

  // Is this platform forwarded?
  Result<bool> takes(domain::PlatformId platform);
  Result<void> add(const Queued& queued);

  // Keeps the state of a platform that was forwarded before.
  Result<void> put(const ForwardingRow& row);
  Result<void> remove(domain::PlatformId platform);

  // All up to this sequence.
  Result<void> delivered(domain::PlatformId platform, std::int64_t sequence,
                         std::string_view state);
  Result<void> bury(const DeadLetter& letter, std::string_view state);
  // Dead letters go to the end of the queue: one, or (0) all of them. How many.
  Result<std::int64_t> redrive(domain::PlatformId platform, std::int64_t sequence, Time now);

  Result<void> forget(Number trace);
  // Drops some of what belongs to no forwarding any more; how much.
  Result<int> sweep(int limit);
  // Was a forwarding removed since this was asked last?
  bool take_removed() { return std::exchange(removed_, false); }

 private:
  explicit Outbox(store::Database& database) : database_(&database) {}
  Result<void> prepare();
  Result<void> set_state(domain::PlatformId platform, std::string_view state);

  store::Database* database_;
  bool removed_ = false;
  store::Statement takes_, add_, put_, remove_, set_state_, delivered_, bury_, unqueue_;
  store::Statement redrive_, dug_up_, forget_, forget_dead_, sweep_, sweep_dead_;
};

// The columns that read_queued() reads.
#define KW_QUEUED_COLUMNS \
  "sequence, platform, trace, revision, first_span, last_span, hops, queued_at"
Queued read_queued(const store::Query& query);

}  // namespace keywright::traces
