// api/mcp/counters.h - how many calls there were, of what, and how they ended.
//
//   counters.count("tools/call", tool, CallOutcome::ok, duration);
//   counters.visit([&](const CallCount& count) { ... });        // for /metrics
//
// Labels are bounded: methods we know, tools we have, and "other" for the rest.
//
// Threading: any thread. Cost: two relaxed additions.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "api/mcp/tools.h"

namespace keywright::api_mcp {

enum class CallOutcome : unsigned char { ok, failed, denied };
inline constexpr std::array<std::string_view, 3> kOutcomeNames = {"success", "failed", "denied"};

struct CallCount {
  std::string_view method;
  std::string_view tool;  // "" where the method calls none
  std::string_view outcome;
  std::uint64_t calls = 0;
  double seconds = 0;  // together
};

class CallCounters {
 public:
  explicit CallCounters(const Tools& tools);

  void count(std::string_view method, const Tool* tool, CallOutcome outcome,
             std::chrono::nanoseconds duration);
  // Only what has happened at least once.
  void visit(const std::function<void(const CallCount&)>& visitor) const;

 private:
  struct Cell {
    std::atomic<std::uint64_t> calls{0};
    std::atomic<std::uint64_t> nanoseconds{0};
  };
  using Cells = std::array<Cell, kOutcomeNames.size()>;

  std::size_t row_of(std::string_view method, const Tool* tool) const;

  const Tools& tools_;
  std::size_t size_;
  std::unique_ptr<Cells[]> rows_;  // the tools, then the methods
};

}  // namespace keywright::api_mcp
