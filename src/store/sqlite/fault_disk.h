// store/sqlite/fault_disk.h - for tests: a file layer under SQLite that fails when told, and that
// knows what of it a power cut would leave.
//
//   FaultDisk disk;                                   // registers itself as "fault"
//   SqliteOptions options{.vfs = disk.name()};
//   disk.fail_sync(3);                                // the third sync from now: EIO
//   disk.set_room(1 << 20);                           // files may grow by this much in all
//   disk.cut_power(directory, random);                // the files as they may be found afterwards
//
// Only SQLite's own files go through it: the journal and the ballast do not. The ballast is known
// by its path, and takes room away while it exists.
//
// Threading: one test at a time, its store may have threads. Lifetime: outlives every store on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "base/random.h"

namespace keywright::store {

class FaultDisk {
 public:
  FaultDisk();
  FaultDisk(const FaultDisk&) = delete;
  FaultDisk& operator=(const FaultDisk&) = delete;
  ~FaultDisk();

  std::string name() const { return "fault"; }

  // `number` counts from now, 1 is the next one; 0 = none fails.
  void fail_sync(int number);
  void fail_write(int number);
  int writes() const { return writes_; }

  // How far all files together may grow from now on. While `ballast` exists, its size is not room.
  void set_room(std::int64_t bytes, std::filesystem::path ballast = {});

  // Called after each write and each sync with the lock held by the store: look, do not call it.
  void set_observer(std::function<void()> observer) { observer_ = std::move(observer); }
  // What was synced, and of what was not a random choice of whole and half sectors.
  void cut_power(const std::filesystem::path& into, Random& random);

  struct File;

 private:
  struct Write {
    std::uint64_t offset;
    std::string bytes;
  };
  struct Contents {
    std::string durable;
    std::vector<Write> pending;
  };

  friend struct FaultDiskMethods;

  int take_write(File& file, const void* bytes, int size, sqlite3_int64 offset);
  int take_sync(File& file);

  sqlite3_vfs vfs_{};
  std::mutex mutex_;
  std::map<std::string, Contents> files_;  // by name, without directory
  std::function<void()> observer_;
  std::filesystem::path ballast_;
  std::int64_t room_ = -1;
  int writes_ = 0;
  int failing_sync_ = 0, failing_write_ = 0;
};

}  // namespace keywright::store
