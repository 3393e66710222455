// store/sqlite/files.h - the files of a store's directory that SQLite does not look after.
//
//   StorePaths paths("/var/lib/keywright");
//   KW_TRY(File journal, File::open(paths.journal, O_RDWR | O_CREAT));
//   KW_CHECK_OK(journal.write_at(offset, bytes));
//   KW_CHECK_OK(journal.sync());               // only now is it safe
//
// Errors: storage_full/storage_full, not_found/file_not_found, unavailable/store_io_error. After a
// failed sync() nothing is known of what was written: close the file and read it again.
// Threading: one thread at a time. Cost: blocking system calls; sync() waits for the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace keywright::store {

struct StorePaths {
  explicit StorePaths(const std::filesystem::path& directory);

  std::filesystem::path directory;
  std::filesystem::path database;  // keywright.db, with -wal and -shm beside it while in use
  std::filesystem::path journal;   // revocations.journal
  std::filesystem::path ballast;   // ballast: space kept for removals on a full disk
  std::filesystem::path lock;      // keywright.lock: held by the one process that may write
};

class File {
 public:
  File() = default;
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File();

  // `flags` of open(2); a new file is readable by its owner only.
  static Result<File> open(const std::filesystem::path& path, int flags);

  explicit operator bool() const { return descriptor_ >= 0; }

  Result<std::uint64_t> size() const;
  // Up to `size` bytes; fewer only at the end of the file.
  Result<std::string> read_at(std::uint64_t offset, std::size_t size) const;
  Result<void> write_at(std::uint64_t offset, ByteView bytes);
  // Makes sure that the disk has room for this range; new bytes read as zero.
  Result<void> allocate(std::uint64_t offset, std::uint64_t size);
  Result<void> sync();
  // False if another process holds it. Held until the file is closed.
  Result<bool> lock();

 private:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

// After this, files that were made, renamed or removed in `directory` stay so.
Result<void> sync_directory(const std::filesystem::path& directory);

Result<void> rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace keywright::store
