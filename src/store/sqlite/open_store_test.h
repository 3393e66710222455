// store/sqlite/open_store_test.h - for tests: a directory that goes away, and a store in it.
//
// Threading: one thread. Lifetime: the directory is removed with its owner.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "store/sqlite/sqlite_store.h"

namespace keywright::store {

class TestDirectory {
 public:
  TestDirectory() {
    // In memory where there is such a place: no test relies on what a sync does there.
    const std::filesystem::path memory = "/dev/shm";
    const bool in_memory = ::access(memory.c_str(), W_OK) == 0;
    std::string name =
        ((in_memory ? memory : std::filesystem::temp_directory_path()) / "keywright-test-XXXXXX")
            .string();
    path_ = ::mkdtemp(name.data());
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A store that can be closed and opened again.
struct OpenStore {
  explicit OpenStore(std::filesystem::path where, SqliteOptions with = small())
      : directory(std::move(where)), options(std::move(with)) {
    open();
  }

  static SqliteOptions small() { return {.readers = 2, .ballast_bytes = 256 << 10, .vfs = ""}; }

  void open() {
    auto opened = SqliteStore::open(directory, options, clock, random);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail() << " " << opened.error().internal();
    store = std::move(*opened);
  }
  void reopen() {
    store.reset();
    open();
  }
  SqliteStore* operator->() { return store.get(); }

  std::filesystem::path directory;
  SqliteOptions options;
  TestClock clock;
  SeededRandom random{1};
  std::unique_ptr<SqliteStore> store;
};

// Runs SQL on a database file as somebody with a shell would.
inline void run_sql(const std::filesystem::path& database, Sql sql) {
  auto opened = Database::open(database.string(), Database::Access::read_write, "");
  ASSERT_TRUE(opened.has_value()) << opened.error().internal();
  auto ran = opened->run(sql);
  ASSERT_TRUE(ran.has_value()) << ran.error().internal();
}

// What SQLite finds wrong with a database file; "" = nothing.
inline std::string damage_of(const std::filesystem::path& database) {
  auto opened = Database::open(database.string(), Database::Access::read_only, "");
  auto found = opened ? find_damage(*opened) : fail(opened.error());
  return found ? *found : found.error().internal();
}

}  // namespace keywright::store
