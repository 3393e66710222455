// mcp_connect/counters.h - how many calls there were of which server and tool, and how they ended.
//
//   counters.count("github", "search", CallOutcome::success, duration);
//   counters.visit([&](const CallCount& count) { ... });        // for /metrics
//
// Names of tools come from clients, so they are bounded: after kRowsMax pairs of server and tool,
// and for calls that reached no server, everything new is counted as "other".
//
// Threading: any thread. Cost: one lock and a look-up.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace keywright::mcp_connect {

enum class CallOutcome : unsigned char { success, failed, denied };
inline constexpr std::size_t kOutcomes = 3;
std::string_view name_of(CallOutcome outcome);

struct CallCount {
  std::string_view server;
  std::string_view tool;  // of a tools/call, else the method
  CallOutcome outcome = CallOutcome::success;
  std::uint64_t calls = 0;
  double seconds = 0;  // together
};

class CallCounters {
 public:
  static constexpr std::size_t kRowsMax = 500;

  // `server` "" = none was reached.
  void count(std::string_view server, std::string_view tool, CallOutcome outcome,
             std::chrono::nanoseconds duration);
  // Only what has happened at least once.
  void visit(const std::function<void(const CallCount&)>& visitor) const;

 private:
  struct Cell {
    std::uint64_t calls = 0;
    std::chrono::nanoseconds duration{};
  };
  using Row = std::array<Cell, kOutcomes>;

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Row> rows_;
};

}  // namespace keywright::mcp_connect
