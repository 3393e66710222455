#include "mcp_connect/counters.h"

namespace keywright::mcp_connect {

namespace {

constexpr std::string_view kOther = "other";

}  // namespace

std::string_view name_of(CallOutcome outcome) {
  constexpr std::string_view kNames[kOutcomes] = {"success", "failed", "denied"};
  return kNames[static_cast<std::size_t>(outcome)];
}

// A server always has room for "other", so that one of them blinds nobody to the rest.
CallCounters::Row& CallCounters::row_of(std::string_view server, std::string_view tool,
                                        bool may_be_new) {
  auto found = servers_.find(server);
  const bool is_late = found == servers_.end() && servers_.size() >= kRowsMax;
  if (found == servers_.end()) {
    if (is_late) server = kOther;
    found = servers_.try_emplace(std::string(server)).first;
  }
  auto& tools = found->second;
  if (const auto known = tools.find(tool); known != tools.end()) return known->second;
  const bool has_room = !is_late && rows_ < kRowsMax && tools.size() < kToolsMax;
  if (!may_be_new || !has_room) tool = kOther;
  const auto [place, is_new] = tools.try_emplace(std::string(tool));
  rows_ += is_new ? 1 : 0;
  return place->second;
}

void CallCounters::count(std::string_view server, std::string_view tool, Named named,
                         CallOutcome outcome, std::chrono::nanoseconds duration) {
  const bool may_be_new = named == Named::by_us || outcome == CallOutcome::success;
  if (server.empty()) server = tool = kOther;
  const std::lock_guard lock(mutex_);
  Row& row = row_of(server, tool.empty() ? "stream" : tool, may_be_new);
  Cell& cell = row[static_cast<std::size_t>(outcome)];
  ++cell.calls;
  cell.duration += duration;
}

void CallCounters::visit(const std::function<void(const CallCount&)>& visitor) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [server, tools] : servers_) {
    for (const auto& [tool, row] : tools) {
      for (std::size_t i = 0; i < kOutcomes; ++i) {
        if (row[i].calls == 0) continue;
        const std::chrono::duration<double> seconds = row[i].duration;
        visitor({server, tool, static_cast<CallOutcome>(i), row[i].calls, seconds.count()});
      }
    }
  }
}

}  // namespace keywright::mcp_connect
