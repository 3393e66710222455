#include "app/usage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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

// Stands in `credits_as_of` of cell 0.
constexpr std::int64_t kLayout = 0x6b77'7573'0000'0002;
constexpr off_t kLayoutAt = 2 * sizeof(std::int64_t);

std::atomic<std::uint64_t> meters_made{0};

// Which PendingUses this thread writes to, and of which meter.
struct Deferring {
  std::uint64_t meter = 0;
  PendingUses* uses = nullptr;
};
thread_local Deferring deferring;

bool has_layout(int descriptor) {
  std::int64_t layout = 0;
  return ::pread(descriptor, &layout, sizeof layout, kLayoutAt) == sizeof layout &&
         layout == kLayout;
}

Error cannot(std::string_view what) {
  return Error(Code::unavailable, "store_unavailable", "The usage file cannot be used.")
      .with_internal(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

Result<std::unique_ptr<UsageFile>> UsageFile::open_afresh(const std::string& path) {
  log_warning("usage_file_set_aside", {{"path", path + ".old"}});
  if (::rename(path.c_str(), (path + ".old").c_str()) != 0) return fail(cannot("set aside"));
  return open(path);
}

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
    if (existing_bytes != 0 && !has_layout(descriptor)) {
      ::close(descriptor);
      return open_afresh(path);
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
  KW_CHECK_OK(file->grow(std::max<std::int64_t>(cells - 1, 0)));
  file->cell(0).credits_as_of.store(kLayout);
  KW_CHECK_OK(file->map_pending(path.empty() ? path : path + ".pending"));
  return file;
}

Result<void> UsageFile::map_pending(const std::string& path) {
  constexpr std::size_t kBytes = kThreadsMax * sizeof(PendingUses);
  const int descriptor =
      path.empty() ? -1 : ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (!path.empty() && descriptor < 0) return fail(cannot("open " + path));
  // On a full disk they live in memory until the next start.
  const bool in_file = descriptor >= 0 && ::posix_fallocate(descriptor, 0, kBytes) == 0;
  void* mapped =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
             in_file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, in_file ? descriptor : -1, 0);
  if (descriptor >= 0) ::close(descriptor);
  if (mapped == MAP_FAILED) return fail(cannot("map pending uses"));
  pending_ = static_cast<PendingUses*>(mapped);
  for (PendingUses& uses : pending()) write(uses);
  return {};
}

UsageFile::~UsageFile() {
  if (pending_ != nullptr) {
    for (PendingUses& uses : pending()) write(uses);
    ::munmap(pending_, kThreadsMax * sizeof(PendingUses));
  }
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

void UsageFile::write(const PendingUses::Use& use) const {
  UsageCell& cell = cells_[use.serial];
  cell.last_used_at.store(use.used_at, std::memory_order_relaxed);
  cell.accepted.fetch_add(1, std::memory_order_relaxed);
  if (use.cell != use.serial) {
    cells_[use.cell].last_used_at.store(use.used_at, std::memory_order_relaxed);
  }
  if (use.address_high == 0 && use.address_low == 0) return;
  cell.address_high.store(use.address_high, std::memory_order_relaxed);
  cell.address_low.store(use.address_low, std::memory_order_relaxed);
}

// All cells are asked for before the first is written to, so that they come at the same time.
void UsageFile::write(PendingUses& uses) const {
  const std::uint32_t count = std::min(uses.count(), PendingUses::kUsesMax);
  for (std::uint32_t i = 0; i < count; ++i) prefetch(uses.at(i).serial);
  const auto cells = static_cast<std::uint64_t>(this->cells());
  for (std::uint32_t i = 0; i < count; ++i) {
    const PendingUses::Use use = uses.at(i);
    // A torn file of before a crash of the machine may say anything.
    if (use.serial < cells && use.cell < cells) write(use);
  }
  if (count > 0) uses.clear();
}

LimitCells::LimitCells()
    : chunks_(new std::atomic<std::atomic<std::int64_t>*>[kChunksMax]()),
      free_by_count_(kWidthMax * domain::kLimitsMax + 1) {}

std::uint32_t LimitCells::allocate(std::size_t limits) {
  const std::size_t count = limits * width_;
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

void LimitCells::release(std::uint32_t first, std::size_t limits) {
  free_by_count_[limits * width_].push_back(first);
}

UsageMeter::UsageMeter(std::unique_ptr<UsageFile> file)
    : file_(std::move(file)), number_(meters_made.fetch_add(1) + 1) {}

void UsageMeter::defer_on_this_thread() {
  if (pending_of_this_thread() != nullptr) return;
  const std::size_t at = threads_.fetch_add(1);
  if (at < UsageFile::kThreadsMax) deferring = {number_, &file_->pending()[at]};
}

PendingUses* UsageMeter::pending_of_this_thread() const {
  return deferring.meter == number_ ? deferring.uses : nullptr;
}

void UsageMeter::write_pending() {
  if (PendingUses* mine = pending_of_this_thread()) file_->write(*mine);
}

bool UsageMeter::has_pending() const {
  return std::ranges::any_of(file_->pending(),
                             [](const PendingUses& uses) { return uses.count() > 0; });
}

// Pending uses first: what is moved meanwhile is then found in the cell.
std::optional<PendingUses::Use> UsageMeter::last_use(std::int64_t number) const {
  std::optional<PendingUses::Use> last;
  for (const PendingUses& uses : file_->pending()) {
    const auto found = uses.last_of(number);
    if (found && (!last || found->used_at > last->used_at)) last = found;
  }
  if (number >= file_->cells()) return last;  // a key that is just being made has no cell yet
  const UsageCell& cell = file_->cell(number);
  const std::int64_t used_at = cell.last_used_at.load(std::memory_order_relaxed);
  if (last && last->used_at >= used_at) return last;
  return PendingUses::Use{.used_at = used_at,
                          .address_high = cell.address_high.load(std::memory_order_relaxed),
                          .address_low = cell.address_low.load(std::memory_order_relaxed)};
}

Time UsageMeter::last_used_at(std::int64_t serial) const {
  const auto last = last_use(serial);
  return last ? time_of(last->used_at) : Time{};
}

// Keys with an idle timeout are not deferred, and nobody else's last use decides.
Time UsageMeter::last_used_at(const domain::KeyRecord& key) const {
  if (key.serial >= file_->cells()) return Time{};
  return time_of(file_->cell(key.serial).last_used_at.load(std::memory_order_relaxed));
}

Time UsageMeter::credits_as_of(std::int64_t serial) const {
  if (serial >= file_->cells()) return Time{};
  return time_of(file_->cell(serial).credits_as_of.load(std::memory_order_relaxed));
}

std::optional<IpAddress> UsageMeter::last_used_address(std::int64_t serial) const {
  const auto last = last_use(serial);
  if (!last || (last->address_high == 0 && last->address_low == 0)) return std::nullopt;
  const std::uint64_t halves[2] = {last->address_high, last->address_low};
  return IpAddress(std::bit_cast<IpAddress::Bytes16>(halves));
}

void UsageMeter::share() {
  shares_ = Shares::make();
  if (shares_ == nullptr) log_error("limits_not_shared", {{"problem", std::strerror(errno)}});
  if (shares_ != nullptr) limit_cells_.set_width(LimitCells::kWidthMax);
}

std::int64_t UsageMeter::parts(const domain::KeyRecord& key, std::size_t limit_index) const {
  if (shares_ == nullptr) return domain::kWholeShare;
  return shares_->parts(limit_share(key, limit_index).load(std::memory_order_relaxed));
}

domain::LimitAnswer UsageMeter::take(const domain::KeyRecord& key, std::size_t limit_index,
                                     Time now, std::int64_t cost) {
  const domain::Limit& limit = key.policy->limits[limit_index];
  auto& state = limit_state(key, limit_index);
  const std::int64_t share = parts(key, limit_index);
  std::int64_t seen = state.load(std::memory_order_relaxed);
  while (true) {
    std::int64_t next = seen;
    const domain::LimitAnswer answer = domain::take(limit, next, now, cost, share);
    if (answer.allowed && next != seen &&
        !state.compare_exchange_weak(seen, next, std::memory_order_relaxed)) {
      continue;
    }
    const bool runs_low = !answer.allowed || answer.remaining < limit.limit / 2;
    if (shares_ != nullptr && runs_low && share != domain::kWholeShare) {
      shares_->press(limit_share(key, limit_index), Shares::kWants, key,
                     static_cast<std::int64_t>(limit_index));
    }
    return answer;
  }
}

domain::LimitAnswer UsageMeter::peek(const domain::KeyRecord& key, std::size_t limit_index,
                                     Time now, std::int64_t cost) const {
  return domain::peek(key.policy->limits[limit_index],
                      limit_state(key, limit_index).load(std::memory_order_relaxed), now, cost,
                      parts(key, limit_index));
}

void UsageMeter::give_back(const domain::KeyRecord& key, std::size_t limit_index,
                           std::int64_t cost) {
  const domain::Limit& limit = key.policy->limits[limit_index];
  auto& state = limit_state(key, limit_index);
  const std::int64_t share = parts(key, limit_index);
  std::int64_t seen = state.load(std::memory_order_relaxed);
  while (!state.compare_exchange_weak(seen, domain::give_back(limit, seen, cost, share),
                                      std::memory_order_relaxed)) {
  }
}

// Raises the credits if a refill boundary has passed; whoever moves `credits_as_of` does it.
std::int64_t UsageMeter::refill(const domain::KeyRecord& key, Time now) const {
  UsageCell& cell = file_->cell(key.serial);
  std::int64_t remaining = cell.credits.load(std::memory_order_relaxed);
  if (!key.policy->refill) return remaining;
  if (shares_ != nullptr && shares_->nodes() > 1) return remaining;  // nodes agree on it
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
  if (shares_ != nullptr) {
    Shares::Credit& credit = shares_->credit(key.serial);
    credit.begun.store(std::max(remaining, amount), std::memory_order_relaxed);
    credit.configured.store(std::max(remaining, amount), std::memory_order_relaxed);
    credit.elsewhere.store(0, std::memory_order_relaxed);
  }
  return std::max(remaining, amount);
}

bool UsageMeter::take_credits(const domain::KeyRecord& key, Time now, std::int64_t cost,
                              std::int64_t& remaining) {
  std::atomic<std::int64_t>& credits = file_->cell(key.serial).credits;
  remaining = refill(key, now);
  bool taken = false;
  while (!taken && remaining >= cost) {
    taken = credits.compare_exchange_weak(remaining, remaining - cost, std::memory_order_relaxed);
  }
  if (taken) remaining -= cost;
  if (shares_ != nullptr) {
    Shares::Credit& credit = shares_->credit(key.serial);
    const bool runs_low = !taken || remaining < credit.begun.load(std::memory_order_relaxed) / 2;
    shares_->press(credit.flags, runs_low ? Shares::kWants : 0, key, Shares::kCredits);
    remaining += credit.elsewhere.load(std::memory_order_relaxed);
  }
  return taken;
}

std::int64_t UsageMeter::peek_credits(const domain::KeyRecord& key, Time now) const {
  const UsageCell& cell = file_->cell(key.serial);
  std::int64_t remaining = cell.credits.load(std::memory_order_relaxed);
  if (shares_ != nullptr) remaining += shares_->credit(key.serial).elsewhere.load();
  return domain::refilled(remaining, key.policy->refill,
                          time_of(cell.credits_as_of.load(std::memory_order_relaxed)), now);
}

void UsageMeter::used(const domain::KeyRecord& key, Time now,
                      const std::optional<IpAddress>& address) {
  PendingUses::Use use{.serial = static_cast<std::uint32_t>(key.serial),
                       .cell = key.cell,
                       .used_at = milliseconds(now)};
  if (address) {
    const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(address->bytes());
    use.address_high = halves[0];
    use.address_low = halves[1];
  }
  PendingUses* mine = key.idle_timeout_seconds == 0 ? pending_of_this_thread() : nullptr;
  if (mine == nullptr) return file_->write(use);
  mine->add(use);
  if (mine->is_full()) file_->write(*mine);
}

void UsageMeter::refused(const domain::KeyRecord& key, domain::Outcome why) {
  file_->cell(key.serial).refused.fetch_add(1, std::memory_order_relaxed);
  refusals_.add(key.serial, why);
}

TakenCounts UsageMeter::take_counts() {
  TakenCounts taken;
  for (std::int64_t serial = 1; serial < file_->cells(); ++serial) {
    UsageCell& cell = file_->cell(serial);
    if (cell.accepted.load(std::memory_order_relaxed) == 0 &&
        cell.refused.load(std::memory_order_relaxed) == 0) {
      continue;
    }
    taken.keys.push_back({serial, cell.accepted.exchange(0, std::memory_order_relaxed),
                          cell.refused.exchange(0, std::memory_order_relaxed)});
  }
  refusals_.take([&](std::int64_t serial, domain::Outcome why, std::uint32_t count) {
    taken.refusals.push_back({serial, why, count});
  });
  return taken;
}

// What a process before this one counted is in the table that nodes share.
void UsageMeter::set_shared_credits(std::int64_t serial, std::int64_t remaining, Time set_at) {
  UsageCell& cell = file_->cell(serial);
  Shares::Credit& credit = shares_->credit(serial);
  const bool is_known = (credit.flags.fetch_or(Shares::kKnown) & Shares::kKnown) != 0;
  if (is_known && cell.credits_as_of.load() >= milliseconds(set_at)) return;
  const std::int64_t mine = shares_->credits_of(remaining, serial);
  credit.configured.store(remaining);
  credit.begun.store(mine);
  credit.elsewhere.store(remaining - mine);
  cell.credits.store(mine);
  cell.credits_as_of.store(milliseconds(set_at));
}

void UsageMeter::set_credits(std::int64_t serial, std::int64_t remaining, Time set_at) {
  if (shares_ != nullptr) return set_shared_credits(serial, remaining, set_at);
  UsageCell& cell = file_->cell(serial);
  if (cell.credits_as_of.load(std::memory_order_relaxed) >= milliseconds(set_at)) return;
  cell.credits.store(remaining, std::memory_order_relaxed);
  cell.credits_as_of.store(milliseconds(set_at), std::memory_order_relaxed);
}

}  // namespace keywright::app
