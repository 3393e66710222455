#include "store/policy_text.h"

#include <gtest/gtest.h>

namespace keywright::store {
namespace {

using domain::Policy;

Policy full_policy() {
  Policy policy;
  policy.scope = domain::Scope{false, {"a", "b"}, "invoice"};
  policy.permissions = std::vector<std::string>{"tools/call:search", "a.b.*"};
  policy.limits = {{"burst", 10, 1, domain::LimitAlgorithm::gcra},
                   {"day", 1000, 86400, domain::LimitAlgorithm::fixed}};
  policy.refill = domain::Refill{500, domain::RefillInterval::weekly};
  policy.has_credits = true;
  policy.allowed_cidrs = {*Cidr::parse("192.0.2.0/24"), *Cidr::parse("2001:db8::/32")};
  return policy;
}

void expect_same_after_storing(const Policy& policy) {
  auto read = read_policy_text(policy_text(policy));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, policy);
}

TEST(PolicyText, EveryFieldComesBack) { expect_same_after_storing(full_policy()); }

TEST(PolicyText, NothingIsStoredForAPolicyThatNarrowsNothing) {
  EXPECT_EQ(policy_text(Policy{}), "");
  expect_same_after_storing(Policy{});
}

TEST(PolicyText, NoPermissionsAtAllDifferFromNoneListed) {
  Policy none_listed;
  none_listed.permissions = std::vector<std::string>{};
  EXPECT_NE(policy_text(none_listed), policy_text(Policy{}));
  expect_same_after_storing(none_listed);
}

TEST(PolicyText, AllAndAnEmptyListDoNotMix) {
  Policy all;
  all.scope = domain::Scope{true, {}, ""};
  Policy empty;
  empty.scope = domain::Scope{false, {}, ""};
  expect_same_after_storing(all);
  expect_same_after_storing(empty);
  EXPECT_NE(policy_text(all), policy_text(empty));
}

TEST(PolicyText, DamagedTextIsAnErrorNotACrash) {
  const std::string text = policy_text(full_policy());
  for (std::size_t length = 1; length < text.size(); ++length) {
    EXPECT_FALSE(read_policy_text(text.substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(read_policy_text(R"({"scope":7})").has_value());
  EXPECT_FALSE(read_policy_text(R"({"allowed_cidrs":["192.0.2.1/24"]})").has_value());
}

TEST(PolicyText, AReaderGivesWhatParsingGives) {
  PolicyReader reader;
  const std::string text = policy_text(full_policy());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(*reader.read(text), full_policy());
  EXPECT_EQ(*reader.read(""), Policy{});
  EXPECT_FALSE(reader.read("{").has_value());
}

}  // namespace
}  // namespace keywright::store
