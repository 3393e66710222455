// traces/postgres/postgres_outbox.h - the outbox in PostgreSQL. Of this room only.
//
//   PostgresOutbox outbox(connection);          // in a transaction
//
// Sequences must grow in the order of commits, or a cursor would pass by what is committed late. So
// whoever queues for a platform locks its row in trace_forwardings first.
//
// Errors: those of store/postgres/connection.h. Threading: as the connection.
#pragma once

#include <utility>

#include "store/postgres/connection.h"
#include "traces/outbox.h"

namespace keywright::traces {

class PostgresOutbox final : public Outbox {
 public:
  explicit PostgresOutbox(store::postgres::Connection& connection) : connection_(connection) {}

  Result<void> put(const ForwardingRow& row) override;
  Result<void> remove(domain::PlatformId platform) override;
  Result<void> delivered(domain::PlatformId platform, std::int64_t sequence,
                         std::string_view state) override;
  Result<void> bury(const DeadLetter& letter, std::string_view state) override;
  Result<std::int64_t> redrive(domain::PlatformId platform, std::int64_t sequence,
                               Time now) override;

  // Was a forwarding removed?
  bool has_removed() const { return has_removed_; }

 private:
  Result<void> lock(domain::PlatformId platform);
  Result<void> set_state(domain::PlatformId platform, std::string_view state);

  store::postgres::Connection& connection_;
  bool has_removed_ = false;
};

// Drops some of what belongs to no forwarding any more; how much.
Result<int> sweep_outbox(store::postgres::Connection& connection, int limit);

}  // namespace keywright::traces
