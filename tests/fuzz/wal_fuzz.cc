// Any bytes as a write-ahead log, and (behind the first two bytes, which say how many) as its
// index: they are read to the end, and what is said to be kept is never more than what is known.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include "store/sqlite/wal_check.h"

namespace {

void write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const std::string folder = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
  static const std::string database = folder + "/keywright-fuzz-" + std::to_string(::getpid());
  if (size < 2) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t index_bytes = std::min<std::size_t>(data[0] | data[1] << 8, size - 2);
  write(database + "-shm", bytes.substr(2, index_bytes));
  write(database + "-wal", bytes.substr(2 + index_bytes));
  const auto damage = keywright::store::find_wal_damage(database);
  for (const char* suffix : {"-shm", "-wal"}) std::filesystem::remove(database + suffix);
  if (damage && damage->frames_known != 0 && damage->frames_known <= damage->frames_kept) {
    std::abort();
  }
  return 0;
}
