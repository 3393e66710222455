#include "traces/postgres/days.h"

namespace keywright::traces {

Result<void> Days::ensure(store::postgres::Connection& connection, Day day) {
  if (known_.contains(day)) return {};
  KW_CHECK_OK(connection.run(store::postgres::Statement("SELECT make_trace_day(?)", day)));
  known_.insert(day);
  return {};
}

}  // namespace keywright::traces
