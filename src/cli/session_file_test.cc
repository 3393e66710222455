#include "cli/session_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "base/uuid.h"

namespace keywright::cli {
namespace {

class SessionFile : public ::testing::Test {
 protected:
  SessionFile() {
    std::string name = (std::filesystem::temp_directory_path() / "keywright-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  ~SessionFile() override { std::filesystem::remove_all(directory_); }

  static StoredSession session() {
    return {Secret<std::string>(std::string("kws_example")), "ada@example.com"};
  }

  std::filesystem::path directory_;
};

TEST_F(SessionFile, IsKeptForOneServerAndOnlyItsOwnerReadsIt) {
  const SessionFiles files(directory_ / "new");
  ASSERT_TRUE(files.save("http://127.0.0.1:8080", session()));
  struct stat status{};
  ASSERT_EQ(0, stat(files.path_of("http://127.0.0.1:8080").c_str(), &status));
  EXPECT_EQ(0600U, status.st_mode & 0777U);
  auto loaded = files.load("http://127.0.0.1:8080");
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ("kws_example", (*loaded)->token.reveal());
  EXPECT_EQ("ada@example.com", (*loaded)->email);
  auto other = files.load("http://127.0.0.1:8081");
  ASSERT_TRUE(other);
  EXPECT_FALSE(*other);
}

TEST_F(SessionFile, OfAnotherServerIsNotUsed) {
  const SessionFiles files(directory_);
  ASSERT_TRUE(files.save("http://good", session()));
  std::filesystem::rename(files.path_of("http://good"), files.path_of("http://evil"));
  EXPECT_FALSE(files.load("http://evil"));
}

TEST_F(SessionFile, ThatOthersMayReadIsRefused) {
  const SessionFiles files(directory_);
  ASSERT_TRUE(files.save("http://a", session()));
  std::filesystem::permissions(files.path_of("http://a"), std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  EXPECT_FALSE(files.load("http://a"));
}

TEST_F(SessionFile, IsRemovedOnce) {
  const SessionFiles files(directory_);
  ASSERT_TRUE(files.save("http://a", session()));
  EXPECT_TRUE(*files.remove("http://a"));
  EXPECT_FALSE(*files.remove("http://a"));
}

TEST(ConfigurationDirectory, FollowsTheEnvironment) {
  std::map<std::string, std::string> variables{{"HOME", "/home/ada"}};
  const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  EXPECT_EQ("/home/ada/.config/keywright", configuration_directory(environment));
  variables["XDG_CONFIG_HOME"] = "/xdg";
  EXPECT_EQ("/xdg/keywright", configuration_directory(environment));
  variables["KEYWRIGHT_CONFIG_DIR"] = "/own";
  EXPECT_EQ("/own", configuration_directory(environment));
}

}  // namespace
}  // namespace keywright::cli
