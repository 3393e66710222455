// store/postgres/postgres_usage_store.h - the counts of keys in a table that all nodes add to.
//
//   PostgresUsageStore usage(store);                       // a PostgresStore
//
// Each node adds what it counted to the row of the minute, the hour and the day, so that a row is
// the sum of all nodes. It has a connection of its own to write: no change of a key waits for
// counts. Rows
// are added in the same order by every node, so that two of them cannot wait for each other.
//
// Errors: those of connection.h. Where the answer to a commit was lost, what it added may be added
// once more. Threading: as store/usage_store.h.
// Cost: add is one round trip, read one, drop_old one for each step.
#pragma once

#include <memory>

#include "store/postgres/reader.h"
#include "store/usage_store.h"

namespace keywright::store::postgres {

class PostgresStore;

class PostgresUsageStore final : public UsageStore {
 public:
  explicit PostgresUsageStore(PostgresStore& store);

  Result<void> add(Time minute, std::span<const UsageCount> counts) override;
  Result<std::vector<UsageRow>> read(std::span<const std::int64_t> serials, UsageStep step,
                                     Time from, Time to) override;
  Result<void> drop_old(Time now) override;

 private:
  // The connection, made anew if it is gone.
  Result<Connection*> ready();

  ReaderPool& readers_;
  Opener opener_;
  std::unique_ptr<Connection> writer_;
};

}  // namespace keywright::store::postgres
