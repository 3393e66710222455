#include "store/sqlite/files.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

namespace keywright::store {
namespace {

tl::unexpected<Error> system_error(int error, std::string_view doing) {
  std::string internal = fmt::format("{}: {}", doing, std::strerror(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return fail(Error(Code::storage_full, "storage_full", "The disk of the store is full.")
                    .with_internal(internal));
  }
  if (error == ENOENT) {
    return fail(Error(Code::not_found, "file_not_found", fmt::format("{}: no such file.", doing))
                    .with_internal(internal));
  }
  return fail(Error(Code::unavailable, "store_io_error", internal).with_internal(internal));
}

}  // namespace

StorePaths::StorePaths(const std::filesystem::path& where)
    : directory(where),
      database(where / "keywright.db"),
      journal(where / "revocations.journal"),
      ballast(where / "ballast"),
      lock(where / "keywright.lock") {}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<File> File::open(const std::filesystem::path& path, int flags) {
  int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (descriptor < 0) return system_error(errno, "opening " + path.string());
  return File(descriptor);
}

Result<std::uint64_t> File::size() const {
  struct stat status = {};
  if (::fstat(descriptor_, &status) != 0) return system_error(errno, "asking a file's size");
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::string> File::read_at(std::uint64_t offset, std::size_t size) const {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    ssize_t got =
        ::pread(descriptor_, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, "reading");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

Result<void> File::write_at(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    ssize_t put = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error(errno, "writing");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Result<void> File::allocate(std::uint64_t offset, std::uint64_t size) {
  int error = EINTR;
  while (error == EINTR) {
    error = ::posix_fallocate(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size));
  }
  if (error != 0) return system_error(error, "reserving space");
  return {};
}

Result<void> File::sync() {
  if (::fdatasync(descriptor_) != 0) return system_error(errno, "syncing");
  return {};
}

Result<bool> File::lock() {
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return system_error(errno, "locking");
}

Result<void> sync_directory(const std::filesystem::path& directory) {
  int descriptor =
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_error(errno, "opening " + directory.string());
  int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (error != 0) return system_error(error, "syncing " + directory.string());
  return {};
}

Result<void> rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return system_error(errno, fmt::format("renaming {} to {}", from.string(), to.string()));
}

}  // namespace keywright::store
