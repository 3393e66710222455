#include "crypto/sealed.h"

#include <gtest/gtest.h>

namespace keywright::crypto {
namespace {

SealKey key_of(std::uint32_t version, std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(fill);
  return {version, Key256(bytes)};
}

template <class... Keys>
Sealer sealer_of(Keys&&... keys) {
  std::vector<SealKey> all;
  (all.push_back(std::forward<Keys>(keys)), ...);
  return Sealer(std::move(all));
}

std::string opened(const Result<Secret<std::string>>& value) {
  return value ? value->reveal() : value.error().reason();
}

TEST(Sealer, OpensWhatItSealedAtItsPlace) {
  SeededRandom random(1);
  Sealer sealer = sealer_of(key_of(1, 7));
  for (std::string value : {std::string(), std::string("Bearer abc"), std::string(5'000, 'v')}) {
    std::string sealed = sealer.seal(value, "place", random);
    EXPECT_EQ(sealed.size(), value.size() + 45);
    EXPECT_EQ(opened(sealer.open(sealed, "place")), value);
    EXPECT_EQ(opened(sealer.open(sealed, "other")), "seal_broken");
    EXPECT_EQ(opened(sealer.open(sealed, "")), "seal_broken");
  }
}

TEST(Sealer, TheValueIsNotInTheSealedText) {
  SeededRandom random(1);
  Sealer sealer = sealer_of(key_of(1, 7));
  std::string first = sealer.seal("secret value", "p", random);
  EXPECT_EQ(first.find("secret"), std::string::npos);
  EXPECT_NE(first, sealer.seal("secret value", "p", random));
}

TEST(Sealer, AnyChangedByteIsNoticed) {
  SeededRandom random(1);
  Sealer sealer = sealer_of(key_of(1, 7));
  std::string sealed = sealer.seal("value", "place", random);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(sealer.open(changed, "place")) << i;
    EXPECT_FALSE(sealer.open(sealed.substr(0, i), "place")) << i;
  }
  EXPECT_FALSE(sealer.open(sealed + "x", "place"));
}

TEST(Sealer, OldKeysStillOpenAndAreStale) {
  SeededRandom random(1);
  std::string old = sealer_of(key_of(1, 7)).seal("value", "place", random);
  Sealer rotated = sealer_of(key_of(2, 8), key_of(1, 7));
  EXPECT_EQ(opened(rotated.open(old, "place")), "value");
  EXPECT_TRUE(rotated.is_stale(old));
  std::string fresh = rotated.seal("value", "place", random);
  EXPECT_FALSE(rotated.is_stale(fresh));
  EXPECT_EQ(opened(sealer_of(key_of(1, 7)).open(fresh, "place")), "seal_unknown_key");
}

TEST(Sealer, AKeyOfTheSameNumberButOtherBytesDoesNotOpen) {
  SeededRandom random(1);
  std::string sealed = sealer_of(key_of(1, 7)).seal("value", "place", random);
  EXPECT_EQ(opened(sealer_of(key_of(1, 8)).open(sealed, "place")), "seal_broken");
}

}  // namespace
}  // namespace keywright::crypto
