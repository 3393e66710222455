#include "crypto/password.h"

#include <gtest/gtest.h>

namespace keywright::crypto {
namespace {

Secret<std::string> secret(std::string text) { return Secret<std::string>(std::move(text)); }

TEST(PasswordHasher, OnlyThePasswordItselfMatches) {
  PasswordHasher hasher(PasswordCost::lowest_for_tests());
  PasswordHash hash = hasher.hash(secret("correct horse")).value();
  EXPECT_TRUE(hash.encoded.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
  EXPECT_TRUE(hasher.verify(hash, secret("correct horse")).matches);
  for (const char* other : {"", "correct hors", "correct horse ", "Correct horse"}) {
    EXPECT_FALSE(hasher.verify(hash, secret(other)).matches) << other;
  }
}

TEST(PasswordHasher, TheSamePasswordHashesDifferentlyEachTime) {
  PasswordHasher hasher(PasswordCost::lowest_for_tests());
  EXPECT_NE(hasher.hash(secret("x")).value().encoded, hasher.hash(secret("x")).value().encoded);
}

TEST(PasswordHasher, LongPasswordsAndZeroBytesCountInFull) {
  PasswordHasher hasher(PasswordCost::lowest_for_tests());
  std::string text(1024, 'p');
  PasswordHash hash = hasher.hash(secret(text)).value();
  EXPECT_TRUE(hasher.verify(hash, secret(text)).matches);
  text.back() = 'q';
  EXPECT_FALSE(hasher.verify(hash, secret(text)).matches);
  PasswordHash zero = hasher.hash(secret(std::string("a\0b", 3))).value();
  EXPECT_FALSE(hasher.verify(zero, secret("a")).matches);
}

TEST(PasswordHasher, AnotherCostAsksForARehashOnlyWhenItMatches) {
  PasswordHasher old_cost(PasswordCost::lowest_for_tests());
  PasswordHasher new_cost(PasswordCost{16, 2});
  PasswordHash hash = old_cost.hash(secret("x")).value();
  EXPECT_FALSE(old_cost.verify(hash, secret("x")).needs_rehash);
  EXPECT_TRUE(new_cost.verify(hash, secret("x")).matches);
  EXPECT_TRUE(new_cost.verify(hash, secret("x")).needs_rehash);
  EXPECT_FALSE(new_cost.verify(hash, secret("y")).needs_rehash);
}

TEST(PasswordHasher, DamagedHashesMatchNothing) {
  PasswordHasher hasher(PasswordCost::lowest_for_tests());
  std::string good = hasher.hash(secret("x")).value().encoded;
  for (std::string bad : {std::string(), std::string("x"), good.substr(0, good.size() - 4),
                          good + std::string(200, 'A'), "$argon2id$v=19$" + good}) {
    EXPECT_FALSE(hasher.verify({bad}, secret("x")).matches) << bad;
  }
}

// A malformed stand-in would be refused before any work: the time would tell who exists.
TEST(PasswordHasher, AnUnknownUserCostsTheWholeHash) {
  PasswordHasher hasher(PasswordCost{64 * 1024, 1});
  auto spent = [](auto&& work) {
    timespec before{};
    timespec after{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    work();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return static_cast<double>(after.tv_sec - before.tv_sec) * 1e9 +
           static_cast<double>(after.tv_nsec - before.tv_nsec);
  };
  PasswordHash hash = hasher.hash(secret("x")).value();
  double known = spent([&] { hasher.verify(hash, secret("y")); });
  double unknown = spent([&] { hasher.verify_unknown_user(secret("y")); });
  EXPECT_GT(unknown, known / 4);
}

TEST(PasswordHasher, TheShippedCostIsTheOneOfTheDocumentation) {
  EXPECT_EQ(PasswordCost{}.memory_kibibytes, 65'536U);
  EXPECT_EQ(PasswordCost{}.passes, 3U);
}

}  // namespace
}  // namespace keywright::crypto
