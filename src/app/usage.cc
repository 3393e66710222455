#include "app/usage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace keywright::app {
namespace {

// Address space, not memory: room for every serial that this process will ever see.
constexpr std::size_t kReservedBytes = std::size_t{1} << 35;
constexpr std::size_t kStepBytes = std::size_t{4} << 20;

std::int64_t milliseconds(Time time) { return time.time_since_epoch().count(); }

Time time_of(std::int64_t ms) { return Time{std::chrono::milliseconds{ms}}; }

Error cannot(std::string_view what) {
  return Error(Code::unavailable, "store_unavailable", "The usage file cannot be used.")
      .with_internal(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

Result<std::unique_ptr<UsageFile>> UsageFile::open(const std::string& path) {
  int descriptor = -1;
  std::size_t existing_bytes = 0;
  if (!path.empty()) {
    descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail(cannot("open " + path));
    struct stat status{};
    if (::fstat(descriptor, &status) == 0) {
      existing_bytes = static_cast<std::size_t>(status.st_size);
    }
  }
  void* reserved = ::mmap(nullptr, kReservedBytes, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) {
    if (descriptor >= 0) ::close(descriptor);
    return fail(cannot("reserve address space"));
  }
  std::unique_ptr<UsageFile> file(new UsageFile(descriptor, static_cast<UsageCell*>(reserved)));
  const auto cells = static_cast<std::int64_t>(existing_bytes / sizeof(UsageCell));
  KW_CHECK_OK(file->grow(cells - 1));
  return file;
}

UsageFile::~UsageFile() {
  ::munmap(cells_, kReservedBytes);
  if (descriptor_ >= 0) ::close(descriptor_);
}

// Room on the disk for every page that will be written to: a page of a file that finds none ends
// the process (SIGBUS). Without room these counters live in memory until the next start.
bool UsageFile::allocate(std::size_t file_bytes) const {
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) return false;
  const auto size = static_cast<off_t>(file_bytes);
  if (status.st_size >= size) return true;
  const int error = ::posix_fallocate(descriptor_, status.st_size, size - status.st_size);
  if (error == 0) return true;
  // A part may have been allocated.
  const bool cut = ::ftruncate(descriptor_, status.st_size) == 0;
  log_warning("usage_file_full", {{"problem", std::strerror(error)}, {"cut", cut}});
  return false;
}

Result<void> UsageFile::grow(std::int64_t serial) {
  const std::int64_t have = mapped_cells_.load(std::memory_order_relaxed);
  if (serial < have) return {};
  const std::size_t mapped = mapped_steps_;
  const std::size_t wanted =
      (static_cast<std::size_t>(serial + 1) * sizeof(UsageCell) + kStepBytes - 1) / kStepBytes;
  if (wanted * kStepBytes > kReservedBytes) return fail(cannot("grow past the reserved range"));
  char* at = reinterpret_cast<char*>(cells_) + mapped * kStepBytes;
  const std::size_t bytes = (wanted - mapped) * kStepBytes;
  const int protection = PROT_READ | PROT_WRITE;
  const bool in_file = descriptor_ >= 0 && allocate(wanted * kStepBytes);
  const int flags = in_file ? MAP_SHARED | MAP_FIXED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  const auto offset = static_cast<off_t>(in_file ? mapped * kStepBytes : 0);
  if (::mmap(at, bytes, protection, flags, in_file ? descriptor_ : -1, offset) == MAP_FAILED) {
    return fail(cannot("map"));
  }
  mapped_steps_ = wanted;
  mapped_cells_.store(static_cast<std::int64_t>(wanted * kStepBytes / sizeof(UsageCell)),
                      std::memory_order_release);
  return {};
}

void UsageFile::flush() const {
  const std::size_t bytes = static_cast<std::size_t>(cells()) * sizeof(UsageCell);
  if (descriptor_ >= 0 && bytes > 0) ::msync(cells_, bytes, MS_SYNC);
}

LimitCells::LimitCells()
    : chunks_(new std::atomic<std::atomic<std::int64_t>*>[kChunksMax]()),
      free_by_count_(domain::kLimitsMax + 1) {}

std::uint32_t LimitCells::allocate(std::size_t count) {
  auto& freed = free_by_count_[count];
  if (!freed.empty()) {
    const std::uint32_t first = freed.back();
    freed.pop_back();
    for (std::uint32_t i = 0; i < count; ++i) at(first + i).store(0, std::memory_order_relaxed);
    return first;
  }
  for (std::uint32_t i = next_; i < next_ + count; ++i) {
    auto& chunk = chunks_[i / kChunk];
    if (chunk.load(std::memory_order_relaxed) != nullptr) continue;
    owned_.emplace_back(new std::atomic<std::int64_t>[kChunk]());
    chunk.store(owned_.back().get(), std::memory_order_release);
  }
  const std::uint32_t first = next_;
  next_ += static_cast<std::uint32_t>(count);
  return first;
}

void LimitCells::release(std::uint32_t first, std::size_t count) {
  free_by_count_[count].push_back(first);
}

// A key that is just being made has no cell yet.
Time UsageMeter::last_used_at(std::int64_t serial) const {
  if (serial >= file_->cells()) return Time{};
  return time_of(file_->cell(serial).last_used_at.load(std::memory_order_relaxed));
}

Time UsageMeter::last_used_at(const domain::KeyRecord& key) const {
  return last_used_at(key.serial);
}

Time UsageMeter::credits_as_of(std::int64_t serial) const {
  if (serial >= file_->cells()) return Time{};
  return time_of(file_->cell(serial).credits_as_of.load(std::memory_order_relaxed));
}

std::optional<IpAddress> UsageMeter::last_used_address(std::int64_t serial) const {
  if (serial >= file_->cells()) return std::nullopt;
  const UsageCell& cell = file_->cell(serial);
  const std::uint64_t halves[2] = {cell.address_high.load(std::memory_order_relaxed),
                                   cell.address_low.load(std::memory_order_relaxed)};
  if (halves[0] == 0 && halves[1] == 0) return std::nullopt;
  return IpAddress(std::bit_cast<IpAddress::Bytes16>(halves));
}

domain::LimitAnswer UsageMeter::take(const domain::KeyRecord& key, std::size_t limit_index,
                                     Time now, std::int64_t cost) {
  const domain::Limit& limit = key.policy->limits[limit_index];
  auto& state = limit_cells_.at(key.limits + static_cast<std::uint32_t>(limit_index));
  std::int64_t seen = state.load(std::memory_order_relaxed);
  while (true) {
    std::int64_t next = seen;
    const domain::LimitAnswer answer = domain::take(limit, next, now, cost);
    if (!answer.allowed || next == seen) return answer;
    if (state.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return answer;
  }
}

domain::LimitAnswer UsageMeter::peek(const domain::KeyRecord& key, std::size_t limit_index,
                                     Time now, std::int64_t cost) const {
  const auto& state = limit_cells_.at(key.limits + static_cast<std::uint32_t>(limit_index));
  return domain::peek(key.policy->limits[limit_index], state.load(std::memory_order_relaxed), now,
                      cost);
}

void UsageMeter::give_back(const domain::KeyRecord& key, std::size_t limit_index,
                           std::int64_t cost) {
  const domain::Limit& limit = key.policy->limits[limit_index];
  auto& state = limit_cells_.at(key.limits + static_cast<std::uint32_t>(limit_index));
  std::int64_t seen = state.load(std::memory_order_relaxed);
  while (!state.compare_exchange_weak(seen, domain::give_back(limit, seen, cost),
                                      std::memory_order_relaxed)) {
  }
}

// Raises the credits if a refill boundary has passed; whoever moves `credits_as_of` does it.
std::int64_t UsageMeter::refill(const domain::KeyRecord& key, Time now) const {
  UsageCell& cell = file_->cell(key.serial);
  std::int64_t remaining = cell.credits.load(std::memory_order_relaxed);
  if (!key.policy->refill) return remaining;
  std::int64_t as_of = cell.credits_as_of.load(std::memory_order_relaxed);
  if (milliseconds(domain::refill_boundary(key.policy->refill->interval, now)) <= as_of) {
    return remaining;
  }
  if (!cell.credits_as_of.compare_exchange_strong(as_of, milliseconds(now))) {
    return cell.credits.load(std::memory_order_relaxed);
  }
  const std::int64_t amount = key.policy->refill->amount;
  while (remaining < amount && !cell.credits.compare_exchange_weak(remaining, amount)) {
  }
  return std::max(remaining, amount);
}

bool UsageMeter::take_credits(const domain::KeyRecord& key, Time now, std::int64_t cost,
                              std::int64_t& remaining) {
  std::atomic<std::int64_t>& credits = file_->cell(key.serial).credits;
  remaining = refill(key, now);
  while (remaining >= cost) {
    if (credits.compare_exchange_weak(remaining, remaining - cost, std::memory_order_relaxed)) {
      remaining -= cost;
      return true;
    }
  }
  return false;
}

std::int64_t UsageMeter::peek_credits(const domain::KeyRecord& key, Time now) const {
  const UsageCell& cell = file_->cell(key.serial);
  return domain::refilled(cell.credits.load(std::memory_order_relaxed), key.policy->refill,
                          time_of(cell.credits_as_of.load(std::memory_order_relaxed)), now);
}

void UsageMeter::used(const domain::KeyRecord& key, Time now,
                      const std::optional<IpAddress>& address) {
  UsageCell& cell = file_->cell(key.serial);
  cell.last_used_at.store(milliseconds(now), std::memory_order_relaxed);
  if (key.cell != key.serial) {
    file_->cell(key.cell).last_used_at.store(milliseconds(now), std::memory_order_relaxed);
  }
  if (!address) return;
  const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(address->bytes());
  cell.address_high.store(halves[0], std::memory_order_relaxed);
  cell.address_low.store(halves[1], std::memory_order_relaxed);
}

void UsageMeter::set_credits(std::int64_t serial, std::int64_t remaining, Time set_at) {
  UsageCell& cell = file_->cell(serial);
  if (cell.credits_as_of.load(std::memory_order_relaxed) >= milliseconds(set_at)) return;
  cell.credits.store(remaining, std::memory_order_relaxed);
  cell.credits_as_of.store(milliseconds(set_at), std::memory_order_relaxed);
}

}  // namespace keywright::app
