// traces/postgres/trace_queries.h - what is read of the trace store. Of this room only.
//
// Errors: those of store/postgres/connection.h; invalid_argument/invalid_cursor;
// unavailable/trace_damaged. Threading: as the connection.
// Cost: a list is a round trip; a trace four, of one state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/postgres/connection.h"
#include "traces/trace_store.h"

namespace keywright::traces {

Result<Page> list_traces(store::postgres::Connection& connection, const Query& query);
Result<std::optional<WholeTrace>> get_trace(store::postgres::Connection& connection,
                                            domain::ProjectId project, const Uuid& id,
                                            std::string_view span_cursor, int span_limit);

// See TraceStore.
Result<std::vector<ForwardingRow>> read_forwardings(store::postgres::Connection& connection);
Result<std::optional<ForwardingRow>> read_forwarding(store::postgres::Connection& connection,
                                                     domain::PlatformId platform);
Result<std::vector<Queued>> read_queued(store::postgres::Connection& connection,
                                        domain::PlatformId platform, std::int64_t after, int limit);
Result<QueueState> read_queue_state(store::postgres::Connection& connection,
                                    domain::PlatformId platform, std::int64_t after);
Result<std::vector<BuriedTrace>> read_buried(store::postgres::Connection& connection,
                                             domain::PlatformId platform, std::int64_t before,
                                             int limit);
Result<std::optional<TraceToSend>> read_to_send(store::postgres::Connection& connection,
                                                const Queued& queued);
Result<std::string> read_unrouted(store::postgres::Connection& connection,
                                  domain::ProjectId project);

}  // namespace keywright::traces
