#include "mcp_connect/counters.h"

#include <gtest/gtest.h>

namespace keywright::mcp_connect {
namespace {

using std::chrono::milliseconds;

TEST(CallCounters, CallsAreCountedByServerToolAndOutcome) {
  CallCounters counters;
  counters.count("github", "search", CallOutcome::success, milliseconds(10));
  counters.count("github", "search", CallOutcome::success, milliseconds(30));
  counters.count("github", "", CallOutcome::denied, milliseconds(1));
  int rows = 0;
  counters.visit([&](const CallCount& count) {
    ++rows;
    EXPECT_EQ(count.server, "github");
    if (count.tool == "stream") {
      EXPECT_EQ(count.outcome, CallOutcome::denied);
      return;
    }
    EXPECT_EQ(count.tool, "search");
    EXPECT_EQ(count.calls, 2u);
    EXPECT_DOUBLE_EQ(count.seconds, 0.04);
  });
  EXPECT_EQ(rows, 2);
}

TEST(CallCounters, NamesThatClientsMakeUpDoNotPileUp) {
  CallCounters counters;
  for (std::size_t i = 0; i < 2 * CallCounters::kRowsMax; ++i) {
    counters.count("github", "tool" + std::to_string(i), CallOutcome::denied, milliseconds(1));
    counters.count("", "guess" + std::to_string(i), CallOutcome::denied, milliseconds(1));
  }
  std::size_t rows = 0;
  std::uint64_t calls = 0;
  counters.visit([&](const CallCount& count) {
    ++rows;
    calls += count.calls;
  });
  EXPECT_LE(rows, CallCounters::kRowsMax + 1);
  EXPECT_EQ(calls, 4 * CallCounters::kRowsMax);
}

}  // namespace
}  // namespace keywright::mcp_connect
