// traces/outbox.h - which traces still have to be sent on, and which could not be.
//
//   store.submit_work([=](Outbox& outbox) {
//     return outbox.delivered(platform, sequence, state);    // the cursor moves
//   }, done);
//   outbox.bury({.queued = row, .status = 400, ...}, state)  // a dead letter
//
// A platform that is forwarded has a row with its settings and its state, which mean nothing to
// this room. What is stored for such a platform gets a row in the outbox *in the same commit*, so
// that nothing which was acknowledged can be missed, and nothing is sent which was not stored.
// Sequences grow with every commit: they are the order of sending, and the cursor.
//
// A dead letter goes with its trace when that is dropped.
//
// Errors: those of the database. Threading: the thread that the store lends it to.
// Cost: a row of about 60 bytes for each trace that is sent on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "domain/access/ids.h"
#include "traces/trace_row.h"

namespace keywright::traces {

struct Queued {
  std::int64_t sequence = 0;
  domain::PlatformId platform;
  Number trace = 0;
  std::int64_t revision = 1;
  // Which OTLP spans came with this, as the store numbers them; 0: none.
  std::int64_t first_span = 0;
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

// Changes of the queue, within one transaction of the store (TraceStore::submit_work).
class Outbox {
 public:
  virtual ~Outbox() = default;

  // Keeps the state of a platform that was forwarded before.
  virtual Result<void> put(const ForwardingRow& row) = 0;
  virtual Result<void> remove(domain::PlatformId platform) = 0;

  // All up to this sequence.
  virtual Result<void> delivered(domain::PlatformId platform, std::int64_t sequence,
                                 std::string_view state) = 0;
  virtual Result<void> bury(const DeadLetter& letter, std::string_view state) = 0;
  // Dead letters go to the end of the queue: one, or (0) all of them. How many.
  virtual Result<std::int64_t> redrive(domain::PlatformId platform, std::int64_t sequence,
                                       Time now) = 0;
};

}  // namespace keywright::traces
