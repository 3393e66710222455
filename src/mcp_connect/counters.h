// mcp_connect/counters.h - how many calls there were of which server and tool, and how they ended.
//
//   counters.count("github", "search", CallOutcome::success, duration);
//   counters.visit([&](const CallCount& count) { ... });        // for /metrics
//
// Names of tools come from clients, so they are bounded: one is counted by itself once a call of it
// went well, up to kToolsMax of a server and kRowsMax of all; what is new after that, or never went
// well, is "other" of its server. Calls that reached no server are "other" of "other".
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
  static constexpr std::size_t kRowsMax = 2000;
  static constexpr std::size_t kToolsMax = 200;
  // Whether a name is one of ours, or came from a client.
  enum class Named : bool { by_us, by_client };

  // `server` "" = none was reached.
  void count(std::string_view server, std::string_view tool, Named named, CallOutcome outcome,
             std::chrono::nanoseconds duration);
  // Only what has happened at least once.
  void visit(const std::function<void(const CallCount&)>& visitor) const;

 private:
  struct Cell {
    std::uint64_t calls = 0;
    std::chrono::nanoseconds duration{};
  };
  using Row = std::array<Cell, kOutcomes>;

  Row& row_of(std::string_view server, std::string_view tool, bool may_be_new);

  mutable std::mutex mutex_;
  // These two: guarded by mutex_.
  std::map<std::string, std::map<std::string, Row, std::less<>>, std::less<>> servers_;
  std::size_t rows_ = 0;
};

}  // namespace keywright::mcp_connect
