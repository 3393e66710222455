#include "mcp_connect/counters.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace keywright::mcp_connect {
namespace {

using std::chrono::milliseconds;
using Named = CallCounters::Named;

TEST(CallCounters, CallsAreCountedByServerToolAndOutcome) {
  CallCounters counters;
  counters.count("github", "search", Named::by_client, CallOutcome::success, milliseconds(10));
  counters.count("github", "search", Named::by_client, CallOutcome::success, milliseconds(30));
  counters.count("github", "", Named::by_us, CallOutcome::denied, milliseconds(1));
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

// Everything counted, by "server/tool".
std::map<std::string, std::uint64_t> seen(const CallCounters& counters) {
  std::map<std::string, std::uint64_t> calls;
  counters.visit([&](const CallCount& count) {
    calls[std::string(count.server).append("/").append(count.tool)] += count.calls;
  });
  return calls;
}

TEST(CallCounters, ANameIsKnownOnceACallOfItWentWell) {
  CallCounters counters;
  counters.count("github", "search", Named::by_client, CallOutcome::failed, milliseconds(1));
  counters.count("github", "search", Named::by_client, CallOutcome::success, milliseconds(1));
  counters.count("github", "search", Named::by_client, CallOutcome::failed, milliseconds(1));
  counters.count("github", "ping", Named::by_us, CallOutcome::failed, milliseconds(1));
  const std::map<std::string, std::uint64_t> expected = {
      {"github/other", 1}, {"github/search", 2}, {"github/ping", 1}};
  EXPECT_EQ(seen(counters), expected);
}

TEST(CallCounters, NamesThatClientsMakeUpDoNotPileUpNorBlindAnotherServer) {
  CallCounters counters;
  const std::size_t calls = 2 * CallCounters::kRowsMax;
  for (std::size_t i = 0; i < calls; ++i) {
    const std::string name = std::to_string(i);
    counters.count("wild", "a" + name, Named::by_client, CallOutcome::success, milliseconds(1));
    counters.count("wild", "b" + name, Named::by_client, CallOutcome::denied, milliseconds(1));
    counters.count("", "c" + name, Named::by_client, CallOutcome::denied, milliseconds(1));
  }
  counters.count("github", "search", Named::by_client, CallOutcome::success, milliseconds(1));
  const auto rows = seen(counters);
  EXPECT_LE(rows.size(), CallCounters::kToolsMax + 3);
  EXPECT_EQ(rows.at("github/search"), 1u);
  EXPECT_EQ(rows.at("other/other"), calls);
  std::uint64_t sum = 0;
  for (const auto& [name, count] : rows) sum += count;
  EXPECT_EQ(sum, 3 * calls + 1);
}

TEST(CallCounters, ServersThatComeAndGoDoNotPileUp) {
  CallCounters counters;
  const std::size_t calls = 2 * CallCounters::kRowsMax;
  for (std::size_t i = 0; i < calls; ++i) {
    const std::string server = "s" + std::to_string(i);
    counters.count(server, "a", Named::by_client, CallOutcome::success, milliseconds(1));
    counters.count(server, "b", Named::by_client, CallOutcome::success, milliseconds(1));
  }
  const auto rows = seen(counters);
  EXPECT_LE(rows.size(), 2 * CallCounters::kRowsMax + 1);
  std::uint64_t sum = 0;
  for (const auto& [name, count] : rows) sum += count;
  EXPECT_EQ(sum, 2 * calls);
}

}  // namespace
}  // namespace keywright::mcp_connect
