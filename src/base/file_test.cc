#include "base/file.h"

#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace keywright {
namespace {

namespace fs = std::filesystem;

class File : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "keywright-file-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  static mode_t mode_of(const fs::path& path) {
    struct stat status{};
    return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }

  std::ptrdiff_t entries() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  fs::path folder_;
};

TEST_F(File, IsReadBackAsWritten) {
  std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(atomic_write_file(folder_ / "f", bytes, 0640));
  EXPECT_EQ(read_file(folder_ / "f", 4).value(), bytes);
  EXPECT_EQ(mode_of(folder_ / "f"), 0640U);
}

TEST_F(File, ReplacingLeavesOneFileWithTheNewContent) {
  ASSERT_TRUE(atomic_write_file(folder_ / "f", "old", 0644));
  ASSERT_TRUE(atomic_write_file(folder_ / "f", "new", 0600));
  EXPECT_EQ(read_file(folder_ / "f", 100).value(), "new");
  EXPECT_EQ(mode_of(folder_ / "f"), 0600U);
  EXPECT_EQ(entries(), 1);
}

TEST_F(File, CreateNeverReplaces) {
  ASSERT_TRUE(create_file(folder_ / "f", "first", 0600));
  auto again = create_file(folder_ / "f", "second", 0600);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason(), "file_exists");
  EXPECT_EQ(read_file(folder_ / "f", 100).value(), "first");
  EXPECT_EQ(entries(), 1);
}

TEST_F(File, AFailedWriteLeavesNothingBehind) {
  fs::create_directory(folder_ / "taken");
  auto written = atomic_write_file(folder_ / "taken", "x", 0600);
  ASSERT_FALSE(written);
  EXPECT_EQ(entries(), 1);
  EXPECT_EQ(atomic_write_file(folder_ / "no" / "f", "x", 0600).error().code(), Code::not_found);
}

TEST_F(File, LargerThanAllowedIsRefused) {
  std::string bytes(10'000, 'x');
  ASSERT_TRUE(atomic_write_file(folder_ / "f", bytes, 0600));
  EXPECT_EQ(read_file(folder_ / "f", 9'999).error().code(), Code::too_large);
  EXPECT_EQ(read_file(folder_ / "f", 10'000).value(), bytes);
}

TEST_F(File, AMissingFileIsNamedInTheError) {
  auto missing = read_file(folder_ / "missing", 1);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason(), "file_not_found");
  EXPECT_NE(missing.error().detail().find("missing"), std::string::npos);
  EXPECT_FALSE(read_file(folder_, 1));
}

TEST_F(File, APrivateFileThatOthersMayReadIsRefusedWithTheRemedy) {
  for (mode_t mode : {0640U, 0604U, 0620U, 0601U}) {
    ASSERT_TRUE(atomic_write_file(folder_ / "key", "k", mode));
    auto refused = read_private_file(folder_ / "key", 10);
    ASSERT_FALSE(refused) << mode;
    EXPECT_EQ(refused.error().code(), Code::permission_denied);
    EXPECT_NE(refused.error().detail().find("chmod 600"), std::string::npos);
  }
  ASSERT_TRUE(atomic_write_file(folder_ / "key", "k", 0600));
  EXPECT_EQ(read_private_file(folder_ / "key", 10).value(), "k");
  ASSERT_TRUE(atomic_write_file(folder_ / "key", "k", 0400));
  EXPECT_TRUE(read_private_file(folder_ / "key", 10));
}

TEST_F(File, DirectoriesAreMadePrivateWithTheirParents) {
  ASSERT_TRUE(make_private_directories(folder_ / "a" / "b" / ""));
  EXPECT_EQ(mode_of(folder_ / "a"), 0700U);
  EXPECT_EQ(mode_of(folder_ / "a" / "b"), 0700U);
  EXPECT_TRUE(make_private_directories(folder_ / "a" / "b"));
  ASSERT_TRUE(create_file(folder_ / "f", "", 0600));
  EXPECT_FALSE(make_private_directories(folder_ / "f"));
  EXPECT_FALSE(make_private_directories(folder_ / "f" / "g"));
}

}  // namespace
}  // namespace keywright
