// decide() must not touch the heap: it runs on every request, and an allocator has its own locks.
// Replaces operator new for the whole test executable, with one that counts.

#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "domain/keys/decide_world.h"

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace keywright::domain {
namespace {

std::size_t allocations_of_one_decision(World& world, Outcome expected) {
  const std::size_t before = allocations;
  const Decision decision = world.decide();
  const std::size_t made = allocations - before;
  EXPECT_EQ(decision.outcome, expected);
  return made;
}

TEST(DecideAllocation, TheCounterCounts) {
  const std::size_t before = allocations;
  ::operator delete(::operator new(1));  // called by name: a new-expression may be optimised away
  EXPECT_EQ(allocations, before + 1);
}

TEST(DecideAllocation, NoOutcomeOfAnyKindAllocates) {
  for (const Kind& kind : shipped_kinds().all()) {
    for (int i = 0; i <= static_cast<int>(Outcome::usage_exceeded); ++i) {
      const auto outcome = static_cast<Outcome>(i);
      World world(kind.name);
      world.records.fake_meter.credits = 1000;
      world.break_with(outcome);
      // The fake compares ids as text; without things to compare it allocates nothing.
      if (outcome == Outcome::out_of_scope) world.records.services.clear();
      EXPECT_EQ(allocations_of_one_decision(world, outcome), 0u)
          << kind.name << " " << name_of(outcome);
    }
  }
}

TEST(DecideAllocation, AListedScopeWithPermissionsAllocatesNothing) {
  World world("connect");
  world.policy.scope = Scope{
      false,
      {world.records.mcp_servers[1].id.to_string(), world.records.mcp_servers[0].id.to_string()},
      ""};
  world.policy.permissions = {{"tools/call:*"}};
  world.permissions = {"tools/call:search_in_a_repository_with_a_long_name"};
  world.ask.permissions = world.permissions;
  world.ask.resource = resource_ref(ResourceType::mcp_server, "github");
  EXPECT_EQ(allocations_of_one_decision(world, Outcome::valid), 0u);
}

TEST(DecideAllocation, ExplainingMayAllocate) {
  World world("access");
  world.break_with(Outcome::expired);
  world.ask.explain = true;
  EXPECT_GT(allocations_of_one_decision(world, Outcome::expired), 0u);
}

}  // namespace
}  // namespace keywright::domain
