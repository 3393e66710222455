// traces/postgres/trace_group.h - what was submitted while a commit was under way, as one
// transaction. Of this room only.
//
//   TraceGroup group(connection, tools, submissions);
//   auto stored = group.write();                       // one list for each submission
//   if (!stored && group.may_be_tried_again()) ...     // surely nothing of it is stored
//   hook(group.queued());
//
// Unique keys cannot span partitions, so what makes a trace come again, (platform, source, external
// id), has a row in trace_identities. The group inserts or locks those rows, in an order that every
// process keeps, and learns how the traces stand; what two processes are told of one trace at the
// same time is written one after the other. Then it decides in memory what every write does, and
// sends the outcome, in a few statements, with the COMMIT.
//
// Errors: those of store/postgres/connection.h.
// Threading: one thread. Lifetime: submissions outlive the group.
// Cost: two round trips and a commit, a third for spans that join a trace that is there.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "store/postgres/connection.h"
#include "traces/postgres/days.h"
#include "traces/postgres/numbers.h"
#include "traces/trace_store.h"

namespace keywright::traces {

struct GroupTools {
  const Clock& clock;
  UuidGenerator& ids;
  Numbers& numbers;
  Days& days;
  std::int64_t spans_per_trace_max = kSpansPerTraceMax;
};

class TraceGroup {
 public:
  using Writes = std::vector<TraceWrite>;

  TraceGroup(store::postgres::Connection& connection, const GroupTools& tools,
             std::vector<const Writes*> submissions);

  Result<std::vector<std::vector<StoredTrace>>> write();

  // After a failure. The answer to a COMMIT may have been lost on its way.
  bool may_be_tried_again() const { return !is_committing_ || !connection_.is_broken(); }
  // Platforms for which something was queued.
  std::vector<domain::PlatformId> queued() const;

 private:
  struct Span {
    const SpanWrite* write = nullptr;
    Uuid context;
    std::optional<std::int64_t> revision;
    std::int64_t check = 0;
  };
  // A trace: how it stands, and what becomes of it.
  struct Entry {
    TraceRow row;
    crypto::Sha256 digest{};
    bool is_stored = false;            // before this group
    bool exists = false;               // stored, or made by an earlier write of the group
    const TraceWrite* last = nullptr;  // that changed it; null: nothing did
    std::map<std::string, std::optional<std::int64_t>, std::less<>> known_spans;  // their checks
    std::map<std::string_view, Span> spans;
    std::map<Uuid, Packed> contexts;
  };
  using Identity = std::tuple<Uuid, std::int64_t, std::string_view>;

  static Identity identity_of(const TraceWrite& write);
  void collect();
  Result<void> begin();
  Result<void> find_spans();
  void note_identities(const store::postgres::Rows& rows);
  StoredTrace apply(Entry& entry, const TraceWrite& write);
  void apply_native(Entry& entry, const TraceWrite& write);
  bool is_change(const Entry& entry, const TraceWrite& write,
                 const std::vector<std::int64_t>& checks) const;
  std::int64_t apply_spans(Entry& entry, const TraceWrite& write,
                           const std::vector<std::int64_t>& checks);
  bool is_sent_on(const TraceWrite& write) const;
  void queue(const Entry& entry, const TraceWrite& write, bool with_spans);
  Result<void> finish();
  void add_new_traces(std::vector<store::postgres::Statement>& statements) const;
  void add_changed_traces(std::vector<store::postgres::Statement>& statements) const;
  void add_spans(std::vector<store::postgres::Statement>& statements) const;
  void add_identities(std::vector<store::postgres::Statement>& statements) const;
  void add_queued(std::vector<store::postgres::Statement>& statements) const;

  store::postgres::Connection& connection_;
  GroupTools tools_;
  const std::vector<const Writes*> submissions_;
  std::vector<Entry> entries_;
  std::map<Identity, std::size_t> identities_;      // into entries_
  std::vector<std::vector<std::size_t>> entry_of_;  // of each write
  std::set<domain::PlatformId> forwarded_;
  std::vector<Queued> queued_;
  bool is_committing_ = false;
};

}  // namespace keywright::traces
