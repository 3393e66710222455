#include "store/sqlite/ballast.h"

#include <fcntl.h>

#include "store/sqlite/files.h"

namespace keywright::store {
namespace {

constexpr std::uint64_t kProbeBytes = 64 << 10;

Result<void> reserve(const std::filesystem::path& path, std::uint64_t bytes) {
  KW_TRY(File file, File::open(path, O_RDWR | O_CREAT));
  auto reserved = file.allocate(0, bytes);
  if (!reserved) {
    std::error_code error;
    std::filesystem::remove(path, error);
  }
  return reserved;
}

}  // namespace

Result<void> Ballast::fill() { return reserve(path_, bytes_); }

void Ballast::release() {
  std::error_code error;
  std::filesystem::remove(path_, error);
}

bool Ballast::has_room() const {
  std::filesystem::path probe = path_;
  probe += ".probe";
  const bool fits = reserve(probe, kProbeBytes).has_value();
  std::error_code error;
  std::filesystem::remove(probe, error);
  return fits;
}

}  // namespace keywright::store
