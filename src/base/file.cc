#include "base/file.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/secret.h"

namespace keywright {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  bool is_open() const { return value_ >= 0; }
  // False when the system reports a write that failed late.
  bool close() { return ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

auto fail_with(int error, std::string_view what, const fs::path& path) {
  std::string detail =
      fmt::format("Cannot {} {}: {}.", what, path.native(), std::generic_category().message(error));
  switch (error) {
    case ENOENT: return fail(Code::not_found, "file_not_found", detail);
    case EACCES:
    case EPERM:
    case EROFS: return fail(Code::permission_denied, "file_permission", detail);
    case EEXIST: return fail(Code::conflict, "file_exists", detail);
    case ENOSPC:
    case EDQUOT: return fail(Code::storage_full, "storage_full", detail);
    default: return fail(Code::internal, "file_error", detail);
  }
}

Result<std::string> read_descriptor(int descriptor, const fs::path& path, std::size_t max_bytes) {
  std::string text;
  text.reserve(
      8192);  // small files are never copied while they are read: less for secrets to leave
  for (;;) {
    std::size_t before = text.size();
    if (before > max_bytes) {
      wipe_memory(text.data(), text.size());
      return fail(Code::too_large, "file_too_large",
                  fmt::format("{} is larger than {} bytes.", path.native(), max_bytes));
    }
    text.resize(before + 4096);
    ssize_t taken = ::read(descriptor, text.data() + before, 4096);
    if (taken < 0 && errno != EINTR) return fail_with(errno, "read", path);
    text.resize(before + static_cast<std::size_t>(taken < 0 ? 0 : taken));
    if (taken == 0) return text;
  }
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t taken = ::write(descriptor, bytes.data(), bytes.size());
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(taken));
  }
  return true;
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

Result<void> sync_directory(const fs::path& directory) {
  Descriptor descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.is_open() || ::fsync(descriptor.get()) != 0) {
    return fail_with(errno, "sync the directory", directory);
  }
  return {};
}

// Gives the temporary file its final name. Without `replace` an existing file stays.
bool move_into_place(const char* temporary, const char* path, bool replace) {
  if (replace) return ::rename(temporary, path) == 0;
  if (::renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  // Some network file systems know no such rename; a link never replaces either.
  return ::link(temporary, path) == 0 && ::unlink(temporary) == 0;
}

Result<void> write_beside_and_move(const fs::path& path, std::string_view bytes, mode_t mode,
                                   bool replace) {
  std::string temporary = path.native() + ".tmp-XXXXXX";
  Descriptor descriptor(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!descriptor.is_open()) return fail_with(errno, "create a file beside", path);
  bool written = write_all(descriptor.get(), bytes) && ::fchmod(descriptor.get(), mode) == 0 &&
                 ::fsync(descriptor.get()) == 0 && descriptor.close() &&
                 move_into_place(temporary.c_str(), path.c_str(), replace);
  if (!written) {
    int error = errno;
    ::unlink(temporary.c_str());
    return fail_with(error, "write", path);
  }
  return sync_directory(parent_of(path));
}

}  // namespace

Result<std::string> read_file(const fs::path& path, std::size_t max_bytes) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor.is_open()) return fail_with(errno, "read", path);
  return read_descriptor(descriptor.get(), path, max_bytes);
}

Result<std::string> read_private_file(const fs::path& path, std::size_t max_bytes) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor.is_open()) return fail_with(errno, "read", path);
  struct stat status{};
  if (::fstat(descriptor.get(), &status) != 0) return fail_with(errno, "read", path);
  if ((status.st_mode & 077) != 0) {
    return fail(
        Code::permission_denied, "file_permission",
        fmt::format("{0} holds secrets, but others than its owner may use it (mode {1:04o})."
                    " Run: chmod 600 '{0}'",
                    path.native(), status.st_mode & 07777));
  }
  return read_descriptor(descriptor.get(), path, max_bytes);
}

Result<void> atomic_write_file(const fs::path& path, std::string_view bytes, mode_t mode) {
  return write_beside_and_move(path, bytes, mode, true);
}

Result<void> create_file(const fs::path& path, std::string_view bytes, mode_t mode) {
  return write_beside_and_move(path, bytes, mode, false);
}

Result<void> make_private_directories(const fs::path& path) {
  if (path.empty()) return {};
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return fail_with(ENOTDIR, "create the directory", path);
  }
  if (path.has_parent_path() && path.parent_path() != path) {
    KW_CHECK_OK(make_private_directories(path.parent_path()));
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_with(errno, "create the directory", path);
  }
  return sync_directory(parent_of(path));
}

}  // namespace keywright
