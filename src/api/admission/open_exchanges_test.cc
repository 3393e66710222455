#include "api/admission/open_exchanges.h"

#include <gtest/gtest.h>

#include <memory>

#include "app/harness_test.h"

namespace keywright::admission {
namespace {

using app::Harness;

class Open final : public OpenExchange {
 public:
  using OpenExchange::OpenExchange;
  ~Open() override = default;
  std::string refused;  // why
  std::function<void()> when_refused;

 protected:
  void on_refused(const Error& why) override {
    refused = why.reason();
    if (when_refused) when_refused();
  }
};

class OpenExchanges : public ::testing::Test {
 protected:
  Standing standing(std::string_view token) {
    app::Presented presented{domain::Carrier::bearer, token};
    auto caller = app::admit(harness.directory, presented, domain::Audience::service,
                             IpAddress::from_v4(192, 0, 2, 1), harness.clock.now());
    EXPECT_TRUE(caller);
    Standing made;
    if (caller) made.caller = *caller;
    return made;
  }
  std::unique_ptr<Open> open(Standing standing) {
    return std::make_unique<Open>(loop, harness.directory, harness.clock, std::move(standing));
  }
  app::Answer key() {
    return harness.call("keys.create", harness.owner, R"({"kind":"access","name":"k"})");
  }
  void revoke(const app::Answer& key) {
    EXPECT_TRUE(harness.call("keys.revoke", harness.owner, "{}", {{"id", key.text("id")}}).ok());
  }

  Harness harness;
  net::Loop loop;
};

TEST_F(OpenExchanges, WhatMayGoOnGoesOnAndWhatMayNotIsToldOnce) {
  const auto lost = key();
  const auto stays = key();
  const auto first = open(standing(lost.text("key")));
  const auto second = open(standing(stays.text("key")));
  revoke(lost);
  EXPECT_EQ(first->refused, "");
  look_at_open_exchanges();
  EXPECT_EQ(first->refused, "unauthenticated");
  EXPECT_EQ(second->refused, "");
  first->refused.clear();
  revoke(key());
  look_at_open_exchanges();
  EXPECT_EQ(first->refused, "");
}

TEST_F(OpenExchanges, AKeyThatExpiredMeanwhileIsRefusedThoughNoRecordMoved) {
  const Time end = harness.clock.now() + std::chrono::seconds(10);
  const auto made =
      harness.call("keys.create", harness.owner,
                   R"({"kind":"access","name":"k","expires_at":")" + format_rfc3339(end) + R"("})");
  const auto exchange = open(standing(made.text("key")));
  EXPECT_TRUE(exchange->check_again());
  harness.clock.advance(std::chrono::seconds(10));
  EXPECT_EQ(exchange->check_again().error().reason(), "unauthenticated");
}

TEST_F(OpenExchanges, RecordsThatMayBeTooOldLetNothingGoOn) {
  bool fresh = true;
  harness.directory.set_fresh([&fresh] { return fresh; });
  const auto exchange = open(standing(key().text("key")));
  EXPECT_TRUE(exchange->check_again());
  fresh = false;
  EXPECT_EQ(exchange->check_again().error().reason(), "store_unavailable");
}

TEST_F(OpenExchanges, ADeletedServiceIsALostRightNotALostKey) {
  const std::string id =
      harness.create("services.create", harness.owner,
                     R"({"name":"s","slug":"s","upstream_url":"https://example.com"})");
  Standing asked = standing(key().text("key"));
  asked.resource_type = domain::ResourceType::service;
  asked.resource_id = id;
  const auto exchange = open(asked);
  EXPECT_TRUE(exchange->check_again());
  EXPECT_TRUE(harness.call("services.delete", harness.owner, "", {{"id", id}}).ok());
  EXPECT_EQ(exchange->check_again().error().code(), Code::permission_denied);
  look_at_open_exchanges();
  EXPECT_EQ(exchange->refused, "insufficient_scope");
}

TEST_F(OpenExchanges, OneThatIsRefusedMayEndAnyOther) {
  const auto lost = key();
  auto first = open(standing(lost.text("key")));
  auto second = open(standing(lost.text("key")));
  auto third = open(standing(lost.text("key")));
  // Whichever comes first ends the other two.
  const auto end_others = [&](Open* self) {
    for (auto* each : {&first, &second, &third}) {
      if (each->get() != self) each->reset();
    }
  };
  for (auto* each : {first.get(), second.get(), third.get()}) {
    each->when_refused = [&, each] { end_others(each); };
  }
  revoke(lost);
  look_at_open_exchanges();
  EXPECT_EQ((first ? 1 : 0) + (second ? 1 : 0) + (third ? 1 : 0), 1);
}

}  // namespace
}  // namespace keywright::admission
