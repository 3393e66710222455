#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "app/passwords.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "server/admin.h"

namespace keywright::server {
namespace {

namespace fs = std::filesystem;

class InstallationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { app::use_password_cost(crypto::PasswordCost::lowest_for_tests()); }
  void SetUp() override {
    std::string pattern = testing::TempDir() + "keywright-installation-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    place_.data_directory = directory_ / "data";
  }
  void TearDown() override { fs::remove_all(directory_); }

  Result<SetupDone> set_up_here(std::string email = "ada@example.com") {
    return set_up_installation(place_, {"Acme", std::move(email), ""}, password_, clock_, random_);
  }
  Result<std::unique_ptr<Core>> open() {
    return Core::open(place_, Missing::refuse, clock_, random_);
  }

  fs::path directory_;
  Place place_;
  Secret<std::string> password_{std::string("correct horse battery staple")};
  TestClock clock_;
  SystemRandom random_;
};

TEST_F(InstallationTest, SetUpMakesAnOwnerWhoCanSignIn) {
  auto done = set_up_here("Ada@Example.com");
  ASSERT_TRUE(done) << done.error().detail();
  auto core = open();
  ASSERT_TRUE(core) << core.error().detail();
  const domain::User* ada = (*core)->directory.find_user_by_email("ada@example.com");
  ASSERT_NE(ada, nullptr);
  EXPECT_EQ(ada->id, done->user_id);
  EXPECT_EQ(ada->membership_in(done->organization_id)->role, domain::Role::owner);
  EXPECT_TRUE(app::password_hasher().verify({ada->password_hash}, password_).matches);
}

TEST_F(InstallationTest, SetUpIsRefusedASecondTime) {
  ASSERT_TRUE(set_up_here());
  auto again = set_up_here("eve@example.com");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason(), "already_set_up");
}

TEST_F(InstallationTest, SetUpThatIsRefusedLeavesNothingBehind) {
  EXPECT_FALSE(set_up_here("no address"));
  password_ = Secret<std::string>(std::string("short"));
  EXPECT_FALSE(set_up_here());
  EXPECT_FALSE(fs::exists(place_.data_directory));
}

TEST_F(InstallationTest, FilesAreReadableByTheirOwnerOnly) {
  ASSERT_TRUE(set_up_here());
  const auto others = fs::perms::group_all | fs::perms::others_all;
  for (const auto& entry : fs::recursive_directory_iterator(place_.data_directory)) {
    EXPECT_EQ(entry.status().permissions() & others, fs::perms::none) << entry.path();
  }
}

TEST_F(InstallationTest, SecondProcessOnTheSameDirectoryIsRefused) {
  ASSERT_TRUE(set_up_here());
  auto first = open();
  ASSERT_TRUE(first);
  auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason(), "data_in_use");
  EXPECT_NE(second.error().detail().find(place_.data_directory.native()), std::string::npos);
}

TEST_F(InstallationTest, WrongDigestKeyRefusesToStart) {
  ASSERT_TRUE(set_up_here());
  fs::rename(place_.key_file(), directory_ / "right.key");
  ASSERT_TRUE(crypto::Keyring::create_file(place_.key_file(), clock_, random_));
  auto wrong = open();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason(), "wrong_digest_key");
  place_.digest_key_file = directory_ / "right.key";
  EXPECT_TRUE(open());
}

TEST_F(InstallationTest, MissingDigestKeyIsNotReplacedByANewOne) {
  ASSERT_TRUE(set_up_here());
  fs::remove(place_.key_file());
  auto missing = Core::open(place_, Missing::create, clock_, random_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason(), "digest_key_missing");
  EXPECT_FALSE(fs::exists(place_.key_file()));
}

TEST_F(InstallationTest, RotatedDigestKeyIsAcceptedAndNoted) {
  ASSERT_TRUE(set_up_here());
  auto keyring = crypto::Keyring::load_file(place_.key_file());
  ASSERT_TRUE(keyring);
  auto rotated = keyring->rotated(clock_, random_);
  ASSERT_TRUE(rotated);
  ASSERT_TRUE(rotated->save_file(place_.key_file()));
  EXPECT_TRUE(open());
  EXPECT_TRUE(open());
}

TEST_F(InstallationTest, DirectoryWithoutAStoreIsNoInstallation) {
  EXPECT_EQ(open().error().reason(), "not_an_installation");
  EXPECT_EQ(verify_audit(place_).error().reason(), "not_an_installation");
  EXPECT_EQ(backup(place_, directory_ / "b.db", {}).error().reason(), "not_an_installation");
  EXPECT_FALSE(fs::exists(place_.data_directory));
}

TEST_F(InstallationTest, ResetPasswordEndsTheOldOne) {
  ASSERT_TRUE(set_up_here());
  const Secret<std::string> fresh(std::string("another horse entirely"));
  ASSERT_TRUE(reset_password(place_, "", fresh, clock_, random_));
  auto core = open();
  ASSERT_TRUE(core);
  const domain::User* ada = (*core)->directory.find_user_by_email("ada@example.com");
  EXPECT_TRUE(app::password_hasher().verify({ada->password_hash}, fresh).matches);
  EXPECT_FALSE(app::password_hasher().verify({ada->password_hash}, password_).matches);
}

TEST_F(InstallationTest, ResetOfAnUnknownAddressSaysSo) {
  ASSERT_TRUE(set_up_here());
  auto done = reset_password(place_, "eve@example.com", password_, clock_, random_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason(), "user_not_found");
}

TEST_F(InstallationTest, ResetLinkPointsToTheConsole) {
  ASSERT_TRUE(set_up_here());
  auto link =
      make_reset_link(place_, "ada@example.com", "https://keys.example.com/", clock_, random_);
  ASSERT_TRUE(link) << link.error().detail();
  EXPECT_TRUE(link->reveal().starts_with("https://keys.example.com/console/reset#token="));
}

TEST_F(InstallationTest, AuditCanBeVerifiedAndBackedUpWhileTheStoreIsInUse) {
  ASSERT_TRUE(set_up_here());
  auto core = open();
  ASSERT_TRUE(core);
  auto seen = verify_audit(place_);
  ASSERT_TRUE(seen) << seen.error().detail();
  EXPECT_TRUE(seen->intact) << seen->problem;
  EXPECT_GE(seen->events, 1u);
  EXPECT_TRUE(backup(place_, directory_ / "backup.db", {}));
  EXPECT_EQ(backup(place_, directory_ / "backup.db", {}).error().reason(), "file_exists");
}

TEST_F(InstallationTest, RestoreBringsBackTheStore) {
  const auto done = set_up_here();
  ASSERT_TRUE(done);
  ASSERT_TRUE(backup(place_, directory_ / "backup.db", {}));
  ASSERT_TRUE(reset_password(place_, "", Secret<std::string>(std::string("another one entirely")),
                             clock_, random_));
  auto restored = restore(place_, directory_ / "backup.db", clock_, random_);
  ASSERT_TRUE(restored) << restored.error().detail();
  auto core = open();
  ASSERT_TRUE(core) << core.error().detail();
  const domain::User* ada = (*core)->directory.find_user_by_email("ada@example.com");
  EXPECT_TRUE(app::password_hasher().verify({ada->password_hash}, password_).matches);
}

TEST_F(InstallationTest, RestoreIsRefusedWhileTheStoreIsInUse) {
  ASSERT_TRUE(set_up_here());
  ASSERT_TRUE(backup(place_, directory_ / "backup.db", {}));
  auto core = open();
  ASSERT_TRUE(core);
  auto restored = restore(place_, directory_ / "backup.db", clock_, random_);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().reason(), "data_in_use");
}

TEST_F(InstallationTest, RestoreRefusesWhatIsNoBackupOfThisStore) {
  ASSERT_TRUE(set_up_here());
  std::ofstream(directory_ / "text.db") << "no database";
  EXPECT_FALSE(restore(place_, directory_ / "text.db", clock_, random_));
  EXPECT_FALSE(restore(place_, directory_ / "none.db", clock_, random_));
  Place other;
  other.data_directory = directory_ / "other";
  ASSERT_TRUE(
      set_up_installation(other, {"Other", "eve@example.com", ""}, password_, clock_, random_));
  ASSERT_TRUE(backup(other, directory_ / "other.db", {}));
  auto restored = restore(place_, directory_ / "other.db", clock_, random_);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().reason(), "not_restorable");
  EXPECT_TRUE(open());
}

}  // namespace
}  // namespace keywright::server
