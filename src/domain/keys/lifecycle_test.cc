#include "domain/keys/lifecycle.h"

#include <chrono>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace keywright::domain {
namespace {

using std::chrono::seconds;

constexpr Time kNow = from_unix_milliseconds(1'800'000'000'000);

class Lifecycle : public testing::Test {
 protected:
  Lifecycle() {
    key_.created_at = kNow - seconds(1000);
    key_.versions.push_back({});
  }
  const Kind& kind(std::string_view name) { return *shipped_kinds().named(name); }
  std::string status(std::string_view kind_name = "access", bool owner_alive = true,
                     Time last_used_at = {}) {
    Status found = status_of(key_, kind(kind_name), owner_alive, last_used_at, kNow);
    return std::string(found.status) + "/" + found.status_reason;
  }
  Key key_;
};

TEST_F(Lifecycle, AKeyWithNothingAgainstItIsActive) { EXPECT_EQ(status(), "active/"); }

TEST_F(Lifecycle, ATimeEqualToTheExpiryIsExpired) {
  key_.expires_at = kNow + std::chrono::milliseconds(1);
  EXPECT_EQ(status(), "active/");
  key_.expires_at = kNow;
  EXPECT_EQ(status(), "expired/");
}

TEST_F(Lifecycle, APassedExpiryShowsIdleTimeoutForPersonalAndMcpKeysOnly) {
  key_.expires_at = kNow;
  for (const Kind& each : shipped_kinds().all()) {
    const bool idle = each.name == "personal" || each.name == "mcp";
    EXPECT_EQ(status(each.name), idle ? "expired/idle_timeout" : "expired/") << each.name;
  }
}

TEST_F(Lifecycle, IdleTimeCountsFromTheLastUseAndFromCreationBefore) {
  key_.idle_timeout_seconds = 1000;
  EXPECT_EQ(status(), "expired/idle_timeout");
  key_.idle_timeout_seconds = 1001;
  EXPECT_EQ(status(), "active/");
  key_.idle_timeout_seconds = 10;
  EXPECT_EQ(status("access", true, kNow - seconds(10)), "expired/idle_timeout");
  EXPECT_EQ(status("access", true, kNow - seconds(9)), "active/");
}

TEST_F(Lifecycle, OnceFoundIdleIsIdleForEver) {
  key_.idle_timeout_seconds = 10;
  key_.idle_expired_at = kNow - seconds(5);
  EXPECT_EQ(status("access", true, kNow), "expired/idle_timeout");
  key_.idle_timeout_seconds.reset();
  EXPECT_EQ(status("access", true, kNow), "expired/idle_timeout");
}

TEST_F(Lifecycle, TheStrongestReasonIsShown) {
  key_.state = KeyState::disabled;
  EXPECT_EQ(status(), "disabled/");
  EXPECT_EQ(status("access", false), "disabled/");
  key_.state = KeyState::active;
  EXPECT_EQ(status("access", false), "disabled/owner_inactive");
  key_.expires_at = kNow;
  EXPECT_EQ(status("access", false), "expired/");
  ASSERT_TRUE(revoke(key_, "leaked", kNow));
  EXPECT_EQ(status("access", false), "revoked/leaked");
}

TEST_F(Lifecycle, DeletingAKeyspaceRevokesItsKeys) {
  key_.keyspace_id = KeyspaceId{};
  EXPECT_EQ(status("customer", false), "revoked/keyspace_deleted");
  EXPECT_EQ(status("customer", true), "active/");
}

TEST_F(Lifecycle, TheFirstRevocationIsKept) {
  EXPECT_TRUE(revoke(key_, "leaked", kNow));
  EXPECT_FALSE(revoke(key_, "other", kNow + seconds(5)));
  EXPECT_EQ(key_.state_reason, "leaked");
  EXPECT_EQ(key_.revoked_at, kNow);
}

TEST_F(Lifecycle, IdleDeadlinesDoNotOverflow) {
  EXPECT_EQ(idle_deadline(kNow, {}, 60), kNow + seconds(60));
  EXPECT_EQ(idle_deadline(kNow, kNow + seconds(1), 60), kNow + seconds(61));
  EXPECT_EQ(idle_deadline(kNow, {}, -1), kNow);
  EXPECT_GT(idle_deadline(kNow, {}, std::numeric_limits<std::int64_t>::max()), kNow);
}

struct Rule {
  const char* status;
  const char* reason;
  bool edit, rotate, disable, enable;
};

TEST_F(Lifecycle, WhatMayHappenDependsOnTheStatus) {
  constexpr Rule kRules[] = {
      {"active", "", true, true, true, true},
      {"disabled", "", true, true, true, true},
      {"disabled", "owner_inactive", true, false, true, true},
      {"expired", "", true, false, true, false},
      {"expired", "idle_timeout", true, false, true, false},
      {"revoked", "leaked", false, false, false, false},
  };
  for (const Rule& rule : kRules) {
    const Status status{rule.status, rule.reason};
    EXPECT_EQ(may_edit(status).has_value(), rule.edit) << rule.status;
    EXPECT_EQ(may_rotate(status).has_value(), rule.rotate) << rule.status;
    EXPECT_EQ(may_disable(status).has_value(), rule.disable) << rule.status;
    EXPECT_EQ(may_enable(status).has_value(), rule.enable) << rule.status;
  }
  EXPECT_EQ(may_edit({"revoked", ""}).error().code(), Code::conflict);
}

TEST_F(Lifecycle, ALaterExpiryWakesAKeyUnlessItCountsAsIdle) {
  auto may = [&](std::string_view kind_name) {
    const Kind& of = kind(kind_name);
    return may_edit_expiry(key_, of, status_of(key_, of, true, {}, kNow)).has_value();
  };
  EXPECT_TRUE(may("access"));
  EXPECT_TRUE(may("personal"));
  key_.expires_at = kNow;
  EXPECT_TRUE(may("access"));
  EXPECT_FALSE(may("personal"));
  EXPECT_FALSE(may("mcp"));
  key_.idle_expired_at = kNow;
  EXPECT_FALSE(may("access"));
  revoke(key_, "", kNow);
  EXPECT_FALSE(may("access"));
}

TEST_F(Lifecycle, RotationRetiresTheOldVersionWhenTheOverlapEnds) {
  rotate(key_, {}, 60, kNow);
  ASSERT_EQ(key_.versions.size(), 2u);
  EXPECT_EQ(key_.current().number, 2);
  EXPECT_FALSE(key_.current().retires_at);
  EXPECT_EQ(key_.versions[1].retires_at, kNow + seconds(60));
  EXPECT_TRUE(still_works(key_.versions[1], kNow + seconds(59)));
  EXPECT_FALSE(still_works(key_.versions[1], kNow + seconds(60)));
}

TEST_F(Lifecycle, ALaterRotationNeverLengthensAnEarlierOverlap) {
  rotate(key_, {}, 60, kNow);
  rotate(key_, {}, 3600, kNow + seconds(10));
  EXPECT_EQ(key_.versions[2].retires_at, kNow + seconds(60));
  EXPECT_EQ(key_.versions[1].retires_at, kNow + seconds(3610));
  rotate(key_, {}, 0, kNow + seconds(20));
  EXPECT_EQ(key_.current().number, 4);
  for (std::size_t i = 1; i < key_.versions.size(); ++i) {
    EXPECT_FALSE(still_works(key_.versions[i], kNow + seconds(20))) << i;
  }
  EXPECT_TRUE(still_works(key_.current(), kNow + seconds(20)));
}

TEST_F(Lifecycle, ANewVersionNeverComesRetired) {
  KeyVersion next;
  next.retires_at = kNow;
  rotate(key_, next, 0, kNow);
  EXPECT_FALSE(key_.current().retires_at);
}

}  // namespace
}  // namespace keywright::domain
