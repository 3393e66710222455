#include "crypto/keyring.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/file.h"
#include "crypto/token_digest.h"

namespace keywright::crypto {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kText =
    "keywright-keyring 1\n"
    "1 2026-11-20T22:33:51.123Z BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n";

class KeyringFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "keywright-keyring-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ / "digest.key";
  }
  void TearDown() override { fs::remove_all(folder_); }

  TestClock clock_;
  SeededRandom random_{1};
  fs::path folder_;
  fs::path path_;
};

// The stored digests of every installation depend on these bytes: they never change.
TEST(Keyring, DerivesTheSameKeysForever) {
  Keyring keyring = Keyring::parse(kText).value();
  EXPECT_EQ(keyring.newest().version, 1U);
  EXPECT_EQ(format_rfc3339(keyring.newest().created_at), "2026-11-20T22:33:51.123Z");
  EXPECT_EQ(encode_hex(keyring.newest().digest.mac("m")),
            "bb7e67b0f8168e29618bb669300e3077db13b9cc00a907c363af903bacfb193e");
  EXPECT_EQ(keyring.check_value(),
            "c97a01a0332dad05b1dc1ef30080e2ffe874c0e530f41d98ea07e97cdf2ffa7a");
}

TEST(Keyring, EachPurposeHasAKeyOfItsOwn) {
  Keyring keyring = Keyring::parse(kText).value();
  const DerivedKeys& keys = keyring.newest();
  std::vector<Sha256> tags;
  for (const MacKey* key :
       {&keys.digest, &keys.jwt, &keys.session, &keys.row, &keys.cursor, &keys.check}) {
    Sha256 tag = key->mac("m");
    for (const Sha256& other : tags) EXPECT_NE(tag, other);
    tags.push_back(tag);
  }
}

TEST(Keyring, RotationAddsANewestAndKeepsTheOld) {
  TestClock clock;
  SeededRandom random(1);
  Keyring first = Keyring::generate(clock, random);
  std::string sealed = first.sealer().seal("value", "place", random);
  clock.advance(std::chrono::hours(1));
  Keyring second = first.rotated(clock, random).value();

  ASSERT_EQ(second.versions().size(), 2U);
  EXPECT_EQ(second.newest().version, 2U);
  EXPECT_EQ(second.newest().created_at, clock.now());
  EXPECT_NE(token_digest(second.newest().digest, "t"), token_digest(first.newest().digest, "t"));
  ASSERT_NE(second.find_version(1), nullptr);
  EXPECT_EQ(token_digest(second.find_version(1)->digest, "t"),
            token_digest(first.newest().digest, "t"));
  EXPECT_EQ(second.find_version(3), nullptr);
  EXPECT_EQ(second.sealer().open(sealed, "place").value().reveal(), "value");
  EXPECT_TRUE(second.sealer().is_stale(sealed));
}

TEST(Keyring, TheCheckValueTellsTheWrongKeyringFromAnOldVersion) {
  TestClock clock;
  SeededRandom random(1);
  Keyring first = Keyring::generate(clock, random);
  Keyring other = Keyring::generate(clock, random);
  Keyring second = first.rotated(clock, random).value();
  ASSERT_NE(second.find_by_check_value(first.check_value()), nullptr);
  EXPECT_EQ(second.find_by_check_value(first.check_value())->version, 1U);
  EXPECT_EQ(second.find_by_check_value(second.check_value())->version, 2U);
  EXPECT_EQ(other.find_by_check_value(first.check_value()), nullptr);
  EXPECT_EQ(first.find_by_check_value(""), nullptr);
}

TEST(Keyring, OrderCommentsAndBlankLinesDoNotMatter) {
  Keyring keyring = Keyring::parse(
                        "keywright-keyring 1\r\n"
                        "# made by hand\n"
                        "\n"
                        "3 2026-01-01T00:00:00Z AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
                        "7 2026-01-02T00:00:00Z AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ")
                        .value();
  EXPECT_EQ(keyring.newest().version, 7U);
  EXPECT_EQ(keyring.versions()[1].version, 3U);
}

TEST(Keyring, OtherTextIsRefusedWithTheLineAndWithoutTheKey) {
  std::string line = "1 2026-11-20T22:33:51.123Z BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n";
  std::string first = "keywright-keyring 1\n";
  for (const std::string& text :
       {std::string(), std::string("\n"), line, "keywright-keyring 2\n" + line, first,
        first + "# nothing\n", first + line + line, first + "0" + line, first + "x" + line,
        first + "-" + line, first + line.substr(2), first + "1 yesterday " + line.substr(27),
        first + line.substr(0, line.size() - 2) + "\n", first + line.substr(0, 30),
        first + "1  " + line.substr(2), first + line + "trailing"}) {
    auto refused = Keyring::parse(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().reason(), "invalid_keyring");
    EXPECT_EQ(refused.error().detail().find("BwcH"), std::string::npos);
    EXPECT_TRUE(refused.error().detail().starts_with("Line "));
  }
}

TEST_F(KeyringFile, IsMadeOnceAndReadBack) {
  Keyring made = Keyring::create_file(path_, clock_, random_).value();
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  Keyring loaded = Keyring::load_file(path_).value();
  EXPECT_EQ(loaded.check_value(), made.check_value());
  EXPECT_EQ(loaded.newest().created_at, clock_.now());
  auto again = Keyring::create_file(path_, clock_, random_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason(), "file_exists");
  EXPECT_EQ(Keyring::load_file(path_).value().check_value(), made.check_value());
}

TEST_F(KeyringFile, ARotatedKeyringReplacesTheFile) {
  Keyring made = Keyring::create_file(path_, clock_, random_).value();
  Keyring rotated = made.rotated(clock_, random_).value();
  ASSERT_TRUE(rotated.save_file(path_));
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  Keyring loaded = Keyring::load_file(path_).value();
  EXPECT_EQ(loaded.versions().size(), 2U);
  EXPECT_EQ(loaded.check_value(), rotated.check_value());
  EXPECT_EQ(loaded.find_by_check_value(made.check_value())->version, 1U);
}

TEST_F(KeyringFile, AFileThatOthersMayReadIsRefusedWithTheRemedy) {
  ASSERT_TRUE(atomic_write_file(path_, kText, 0644));
  auto refused = Keyring::load_file(path_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "file_permission");
  EXPECT_NE(refused.error().detail().find("chmod 600"), std::string::npos);
}

TEST_F(KeyringFile, RotationStopsAtTheMostVersionsAFileMayHold) {
  Keyring keyring = Keyring::generate(clock_, random_);
  for (int i = 1; i < 64; ++i) keyring = keyring.rotated(clock_, random_).value();
  ASSERT_TRUE(keyring.save_file(path_));
  EXPECT_EQ(Keyring::load_file(path_).value().versions().size(), 64U);
  auto refused = keyring.rotated(clock_, random_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "keyring_full");
}

}  // namespace
}  // namespace keywright::crypto
