#include "api/mcp/counters.h"

#include <algorithm>

namespace keywright::api_mcp {
namespace {

constexpr std::array<std::string_view, 7> kMethods = {
    "tools/call", "tools/list", "initialize", "server/discover", "ping", "notification", "other"};
constexpr std::size_t kOther = kMethods.size() - 1;

}  // namespace

CallCounters::CallCounters(const Tools& tools)
    : tools_(tools),
      size_(tools.all().size() + kMethods.size()),
      rows_(std::make_unique<Cells[]>(size_)) {}

std::size_t CallCounters::row_of(std::string_view method, const Tool* tool) const {
  if (tool != nullptr) return tools_.index_of(*tool);
  const auto known = std::find(kMethods.begin(), kMethods.end(), method);
  const std::size_t index =
      known == kMethods.end() ? kOther : static_cast<std::size_t>(known - kMethods.begin());
  return tools_.all().size() + index;
}

void CallCounters::count(std::string_view method, const Tool* tool, CallOutcome outcome,
                         std::chrono::nanoseconds duration) {
  Cell& cell = rows_[row_of(method, tool)][static_cast<std::size_t>(outcome)];
  cell.calls.fetch_add(1, std::memory_order_relaxed);
  const auto spent = std::max<std::int64_t>(duration.count(), 0);
  cell.nanoseconds.fetch_add(static_cast<std::uint64_t>(spent), std::memory_order_relaxed);
}

void CallCounters::visit(const std::function<void(const CallCount&)>& visitor) const {
  const std::size_t tools = tools_.all().size();
  for (std::size_t row = 0; row < size_; ++row) {
    for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
      const Cell& cell = rows_[row][i];
      CallCount count;
      count.calls = cell.calls.load(std::memory_order_relaxed);
      if (count.calls == 0) continue;
      count.seconds = static_cast<double>(cell.nanoseconds.load(std::memory_order_relaxed)) / 1e9;
      count.method = row < tools ? "tools/call" : kMethods[row - tools];
      count.tool = row < tools ? std::string_view(tools_.all()[row].name)
                               : std::string_view(row == tools ? "other" : "");
      count.outcome = kOutcomeNames[i];
      visitor(count);
    }
  }
}

}  // namespace keywright::api_mcp
