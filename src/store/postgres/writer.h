// store/postgres/writer.h - the one connection of a node that writes, and its turn among the nodes.
//
//   KW_TRY(Turn turn, writer.begin(applied));     // every other node waits from now on
//   ...                                           // apply turn.missing, then decide
//   KW_TRY(Written written, writer.write(group)); // durable; the turn is over
//   writer.abandon();                             // or nothing is written
//
// A turn is a transaction that has locked log_head: what it reads is the newest there is, and the
// order of turns is the order of the log. It must be short: PostgreSQL ends one that stands still
// for two seconds, so that a process that was stopped in its turn stops nobody else.
//
// Errors: those of connection.h. After a commit without an answer it is not known whether the group
// was written; the next begin() finds out, as for changes of other nodes.
// Threading: one thread at a time; serials from any. Lifetime: clock and random outlive it.
// Cost: a turn is two round trips and PostgreSQL's commit.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "store/postgres/log.h"
#include "store/postgres/nodes.h"
#include "store/postgres/reader.h"
#include "store/postgres/removals.h"
#include "store/store.h"

namespace keywright::store::postgres {

struct Turn {
  Missing missing;          // since the point asked for
  std::vector<Node> nodes;  // all that may answer; others have to wait for this turn to join
};

class Writer {
 public:
  // While `is_gone`, no turn begins, and nobody waits for one.
  Writer(const Secret<std::string>& url, const Clock& clock, Random& random,
         const std::atomic<bool>& is_gone)
      : opener_(url, {}, clock), clock_(clock), random_(random), is_gone_(is_gone) {}

  // Reads serials and position. Errors: those of connection.h.
  Result<void> look();

  Result<Turn> begin(const LogPoint& applied);
  // In a turn. One position for each transaction; the last one's entry is in `head()`.
  Result<std::vector<Position>> write(std::span<const Transaction> group);
  void abandon();
  bool in_turn() const { return in_turn_; }
  const LogPoint& head() const { return heads_.log; }

  // Of this node and, once they are noted there, of others. As a turn: one thread at a time.
  Removals& removals() { return removals_; }

  // In a turn or between two.
  Result<Rows> run(const Statement& statement);

  std::int64_t next_key_serial() { return next_key_serial_.fetch_add(1); }    // any thread
  std::int64_t next_user_serial() { return next_user_serial_.fetch_add(1); }  // any thread

 private:
  struct Heads {
    LogPoint log;
    std::int64_t audit_events = 0;
    crypto::Sha256 audit_head{};
  };

  Result<void> connect();
  Result<void> take_heads(const Rows& rows);
  void add(const Transaction& transaction, Heads& heads, std::vector<Statement>& statements);

  Opener opener_;
  const Clock& clock_;
  Random& random_;
  const std::atomic<bool>& is_gone_;
  std::unique_ptr<Connection> connection_;
  bool in_turn_ = false;
  Heads heads_;
  Removals removals_;
  std::atomic<std::int64_t> next_key_serial_{1};
  std::atomic<std::int64_t> next_user_serial_{1};
};

}  // namespace keywright::store::postgres
