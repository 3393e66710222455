#include "mcp_connect/counters.h"

namespace keywright::mcp_connect {

std::string_view name_of(CallOutcome outcome) {
  constexpr std::string_view kNames[kOutcomes] = {"success", "failed", "denied"};
  return kNames[static_cast<std::size_t>(outcome)];
}

void CallCounters::count(std::string_view server, std::string_view tool, CallOutcome outcome,
                         std::chrono::nanoseconds duration) {
  static const std::pair<std::string, std::string> kOther{"other", "other"};
  const std::lock_guard lock(mutex_);
  std::pair<std::string, std::string> name{server, tool.empty() ? "stream" : tool};
  const bool has_room = rows_.size() < kRowsMax || rows_.contains(name);
  Row& row = rows_[server.empty() || !has_room ? kOther : name];
  Cell& cell = row[static_cast<std::size_t>(outcome)];
  ++cell.calls;
  cell.duration += duration;
}

void CallCounters::visit(const std::function<void(const CallCount&)>& visitor) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, row] : rows_) {
    for (std::size_t i = 0; i < kOutcomes; ++i) {
      if (row[i].calls == 0) continue;
      const std::chrono::duration<double> seconds = row[i].duration;
      visitor(
          {name.first, name.second, static_cast<CallOutcome>(i), row[i].calls, seconds.count()});
    }
  }
}

}  // namespace keywright::mcp_connect
