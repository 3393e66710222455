// base/file.h - small whole files: read them, and replace them so that a crash leaves old or new.
//
//   KW_TRY(std::string text, read_file(path, 1 << 20));
//   KW_CHECK_OK(atomic_write_file(path, text, 0600));     // durable once it returned
//
// Errors: not_found/file_not_found, permission_denied/file_permission, too_large/file_too_large,
// storage_full/storage_full, internal/file_error. The detail names the path and says what to do:
// these are for operators, not for clients of the API.
// Threading: any thread; two writers of one path: the later rename wins, and both files are whole.
// Cost: blocking system calls, and two fsync(2) for a write. Never on an io thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

namespace keywright {

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);

// For files that hold secrets: refuses one that anybody but its owner may read or write.
Result<std::string> read_private_file(const std::filesystem::path& path, std::size_t max_bytes);

// A temporary file beside `path`, written, synced, renamed over it, and the directory synced.
// `mode` is set as given, whatever the umask.
Result<void> atomic_write_file(const std::filesystem::path& path, std::string_view bytes,
                               mode_t mode);

// As above, but refuses to replace: conflict/file_exists.
Result<void> create_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode);

// The directory and its missing parents, each 0700. One that exists keeps its mode.
Result<void> make_private_directories(const std::filesystem::path& path);

}  // namespace keywright
