// store/postgres/removals.h - what took access away lately, and would be lost with the end of a
// log.
//
//   removals.note_loaded(store.take_loaded_removals(), {}, now);
//   removals.note(transaction, {position, entry}, now);        // each that is applied or written
//   KW_TRY(Transaction lost, removals.find_lost(connection));  // after a fail-over
//
// A server that is promoted may lack the last changes. A node that had applied them still has, for
// a day, each record and each key that access was taken away from, as it is now, and where in the
// log that was; one that starts reads that of the day before in the log. If the log has no such
// entry, the removal is lost and has to be written again; a later change of the same that took
// nothing away comes with it.
//
// Errors: those of connection.h. Threading: one thread at a time. Cost: memory for a day of
// removals; find_lost() is one query.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "store/postgres/log.h"

namespace keywright::store::postgres {

class Removals {
 public:
  static constexpr std::chrono::hours kKept{24};

  void note(const Transaction& transaction, const LogPoint& at, Time now);
  // What a follower has read.
  void note(const Missing& missing, Time now);
  // What a load has read, after find_lost(): that is still to be written again, and stays noted.
  void note_loaded(Missing removals, const Transaction& lost, Time now);

  // Rows as they are now; deleted ones only with type and id.
  Result<Transaction> find_lost(Connection& connection) const;

  // The same, where what the log holds is known.
  struct Standing {
    std::map<Position, Uuid> entries;  // at positions(), as far as there are any
    Position head = 0;
    Position oldest = 0;  // what is older was trimmed, not lost; 0: the log is empty

    bool lacks(const LogPoint& at) const;
  };
  static Result<Standing> find_standing(Connection& connection,
                                        std::span<const std::int64_t> positions);
  std::vector<std::int64_t> positions() const;  // of all removals
  Transaction lost_from(const Standing& standing) const;

  // Where the newest of those that were noted last is, or in another log the place it began at.
  const std::optional<LogPoint>& last() const { return last_; }
  void begin_log_at(const LogPoint& point) { last_ = point; }

 private:
  template <class T>
  struct Noted {
    T row;
    LogPoint at;
    Time time;
  };

  void note_record(const RecordWrite& write, const LogPoint* at, Time now);
  void note_key(const domain::Key& key, const LogPoint* at, Time now);
  void forget_old(Time now);

  std::map<std::pair<RecordType, Uuid>, Noted<RecordWrite>> records_;
  std::map<domain::KeyId, Noted<domain::Key>> keys_;
  std::optional<LogPoint> last_;
  Time forgotten_at_;
};

}  // namespace keywright::store::postgres
