#include "store/sqlite/wal_check.h"

#include <atomic>
#include <bit>
#include <cstring>
#include <string>
#include <string_view>

#include <fcntl.h>

#include <fmt/core.h>

#include "base/log.h"
#include "store/sqlite/files.h"
#include "store/sqlite/sqlite.h"

namespace keywright::store {
namespace {

// The file format of SQLite, section 4: numbers are big-endian, checksums run over 32-bit words in
// the order that the magic number names.
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // its last bit: words are big-endian
constexpr std::uint32_t kFormat = 3'007'000;
// The index begins with two copies of its header.
constexpr std::size_t kIndexHeaderBytes = 48;
constexpr std::size_t kPageBytesMin = 512;
constexpr std::size_t kPageBytesMax = 65'536;

std::atomic<std::uint64_t> found_damaged{0};

std::filesystem::path beside(const std::filesystem::path& database, std::string_view suffix) {
  return database.native() + std::string(suffix);
}

std::uint32_t native_word(std::string_view bytes, std::size_t offset) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data() + offset, sizeof(word));
  return word;
}

std::uint32_t swapped(std::uint32_t word) {
  return word << 24 | (word & 0xff00) << 8 | (word >> 8 & 0xff00) | word >> 24;
}

std::uint32_t big_word(std::string_view bytes, std::size_t offset) {
  static_assert(std::endian::native == std::endian::little);
  return swapped(native_word(bytes, offset));
}

struct Checksum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  void add(std::string_view bytes, bool is_big_endian) {
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
      const std::uint32_t one = native_word(bytes, i);
      const std::uint32_t two = native_word(bytes, i + 4);
      first += (is_big_endian ? swapped(one) : one) + second;
      second += (is_big_endian ? swapped(two) : two) + first;
    }
  }
  bool operator==(const Checksum&) const = default;
};

Checksum stored_checksum(std::string_view bytes, std::size_t offset) {
  return {big_word(bytes, offset), big_word(bytes, offset + 4)};
}

// How many frames were committed, as the index of a log with these salts knows; 0 if it does not.
std::uint64_t frames_in_index(const std::filesystem::path& database, std::string_view salts) {
  auto file = File::open(beside(database, "-shm"), O_RDONLY);
  if (!file) return 0;
  const auto read = file->read_at(0, 2 * kIndexHeaderBytes);
  if (!read || read->size() < 2 * kIndexHeaderBytes) return 0;
  const std::string_view header = std::string_view(*read).substr(0, kIndexHeaderBytes);
  Checksum sum;
  sum.add(header.substr(0, 40), false);  // of this machine
  const bool is_sound = header == std::string_view(*read).substr(kIndexHeaderBytes) &&
                        native_word(header, 0) == kFormat &&
                        sum == Checksum{native_word(header, 40), native_word(header, 44)};
  if (!is_sound || header.substr(32, 8) != salts) return 0;
  return native_word(header, 16);
}

class Walk {
 public:
  explicit Walk(File& file) : file_(file) {}

  // False if the log cannot hold frames.
  bool begin() {
    const auto read = file_.read_at(0, kHeaderBytes);
    if (!read || read->size() < kHeaderBytes) return false;
    header_ = *read;
    is_big_endian_ = (big_word(header_, 0) & 1) != 0;
    page_bytes_ = big_word(header_, 8);
    sum_.add(std::string_view(header_).substr(0, 24), is_big_endian_);
    is_header_sound_ = (big_word(header_, 0) & ~1U) == kMagic && big_word(header_, 4) == kFormat &&
                       std::has_single_bit(page_bytes_) && page_bytes_ >= kPageBytesMin &&
                       page_bytes_ <= kPageBytesMax && sum_ == stored_checksum(header_, 24);
    return header_.find_first_not_of('\0') != std::string::npos;
  }

  void go() {
    const std::size_t frame_bytes = kFrameHeaderBytes + page_bytes_;
    for (std::uint64_t offset = kHeaderBytes;; offset += frame_bytes) {
      const auto frame = file_.read_at(offset, frame_bytes);
      if (!frame || frame->size() < frame_bytes) return;
      take(*frame);
    }
  }

  bool is_header_sound() const { return is_header_sound_; }
  std::string_view salts() const { return std::string_view(header_).substr(16, 8); }
  std::uint64_t committed() const { return committed_; }
  // A commit behind what can be read, with more behind itself; its last frame. 0: there is none.
  std::uint64_t last_lost() const { return last_lost_; }

 private:
  void take(std::string_view frame) {
    ++number_;
    const bool is_of_this_log = frame.substr(8, 8) == salts();
    const bool is_commit = big_word(frame, 4) != 0;
    if (is_whole_) {
      Checksum sum = sum_;
      sum.add(frame.substr(0, 8), is_big_endian_);
      sum.add(frame.substr(kFrameHeaderBytes), is_big_endian_);
      is_whole_ = is_of_this_log && big_word(frame, 0) != 0 && sum == stored_checksum(frame, 16);
      if (is_whole_) {
        sum_ = sum;
        if (is_commit) committed_ = number_;
        return;
      }
    }
    if (!is_of_this_log) return;
    if (has_lost_commit_) last_lost_ = number_;
    has_lost_commit_ = has_lost_commit_ || is_commit;
  }

  File& file_;
  std::string header_;
  std::uint32_t page_bytes_ = 0;
  bool is_big_endian_ = false;
  bool is_header_sound_ = false;
  Checksum sum_;
  bool is_whole_ = true;  // so far
  bool has_lost_commit_ = false;
  std::uint64_t number_ = 0;
  std::uint64_t committed_ = 0;
  std::uint64_t last_lost_ = 0;
};

void keep_copy(const std::filesystem::path& log, const std::filesystem::path& copy) {
  std::error_code error;
  std::filesystem::copy_file(log, copy, std::filesystem::copy_options::skip_existing, error);
  if (error) {
    log_error("store_log_not_kept", {{"file", log.native()}, {"why", error.message()}});
    std::filesystem::remove(copy, error);
  }
}

}  // namespace

std::optional<WalDamage> find_wal_damage(const std::filesystem::path& database) {
  auto file = File::open(beside(database, "-wal"), O_RDONLY);
  if (!file) return std::nullopt;
  Walk walk(*file);
  if (!walk.begin()) return std::nullopt;
  WalDamage damage;
  damage.salts = std::uint64_t{big_word(walk.salts(), 0)} << 32 | big_word(walk.salts(), 4);
  const std::uint64_t in_index = frames_in_index(database, walk.salts());
  if (!walk.is_header_sound()) {
    damage.frames_known = in_index;
    return damage;
  }
  walk.go();
  damage.frames_kept = walk.committed();
  damage.frames_known = std::max(in_index, walk.last_lost());
  if (damage.frames_known <= damage.frames_kept) return std::nullopt;
  return damage;
}

bool restore_order(const std::filesystem::path& database) {
  const auto damage = find_wal_damage(database);
  if (!damage) return false;
  found_damaged.fetch_add(1, std::memory_order_relaxed);
  const std::filesystem::path log = beside(database, "-wal");
  const std::filesystem::path copy =
      beside(database, fmt::format("-wal.damaged-{:016x}", damage->salts));
  keep_copy(log, copy);
  log_error("store_log_damaged",
            {{"file", log.native()},
             {"kept", copy.native()},
             {"frames_kept", damage->frames_kept},
             {"frames_known", damage->frames_known},
             {"next",
              "The last changes are lost, though they were acknowledged. Look at the disk, "
              "and at docs/operating/backup-and-restore.md: a damaged log."}});
  // What SQLite leaves of it must not be taken for damage again.
  auto opened = Database::open(database.native(), Database::Access::read_write, "");
  if (opened) (void)opened->run("PRAGMA wal_checkpoint(TRUNCATE)");
  return true;
}

std::uint64_t damaged_wals() { return found_damaged.load(std::memory_order_relaxed); }

}  // namespace keywright::store
