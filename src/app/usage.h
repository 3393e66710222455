// app/usage.h - counters of keys: last use, credits, limits. The one thing a check writes.
//
// Last use, credits and the counts of the running minute live in a key's cell of a memory-mapped
// file, numbered by the key's serial: kill -9 loses nothing, and a check costs no system call. The
// file is written back by the kernel, and by flush() at least once a minute. Limit states are
// volatile: after a restart every window starts afresh.
//
// A thread that called defer_on_this_thread() notes its uses in a PendingUses of its own, mapped
// too, and moves them to the cells 64 at a time or when told to (write_pending()). Who asks for a
// last use is told of pending ones as well. Keys with an idle timeout are never deferred, because
// their cell decides.
//
// Credits of a cell count from what a person last set (Key::credits_set_at); a cell that is older
// than that, as after a restore of the database alone, starts from it again.
//
// Threading: cells are atomics, read and written by any io thread; grow() and allocate_limits()
// belong to the writer. Lifetime: the mapping never moves, so a cell's address is stable; a thread
// that defers ends before the meter. Cost: a deferred use is a few stores in warm memory and a 64th
// of moving them; one that is not, one or two cache lines.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/pending_uses.h"
#include "app/refusal_counts.h"
#include "app/shares.h"
#include "base/ip.h"
#include "base/result.h"
#include "domain/keys/decide.h"

namespace keywright::app {

struct UsageCell {
  std::atomic<std::int64_t> last_used_at{0};  // ms; 0 = never
  std::atomic<std::int64_t> credits{0};
  std::atomic<std::int64_t> credits_as_of{0};  // ms
  std::atomic<std::uint64_t> address_high{0};  // of the 16-byte form, network order
  std::atomic<std::uint64_t> address_low{0};
  std::atomic<std::uint32_t> accepted{0};  // since they were last taken
  std::atomic<std::uint32_t> refused{0};
};
static_assert(sizeof(UsageCell) == 48);

// The mapped file, and beside it one for pending uses. Cells of serials never written cost no
// memory and no disk. Cell 0 belongs to nobody and says which layout the file has.
class UsageFile {
 public:
  static constexpr std::size_t kThreadsMax = 64;

  // "" = anonymous memory, for tests. What a process before this one left pending is in the cells
  // afterwards. A file of another layout is set aside: counting begins anew.
  static Result<std::unique_ptr<UsageFile>> open(const std::string& path);
  ~UsageFile();
  UsageFile(const UsageFile&) = delete;
  UsageFile& operator=(const UsageFile&) = delete;

  // Makes cells up to this serial usable. Writer only.
  Result<void> grow(std::int64_t serial);
  UsageCell& cell(std::int64_t serial) const { return cells_[serial]; }
  // Asks the memory for a cell that will be written to.
  void prefetch(std::int64_t serial) const {
    const char* cell = reinterpret_cast<const char*>(&cells_[serial]);
    __builtin_prefetch(cell, 1);
    __builtin_prefetch(cell + sizeof(UsageCell) - 1, 1);
  }
  void flush() const;  // blocks; not on an io thread
  std::int64_t cells() const { return mapped_cells_.load(std::memory_order_acquire); }
  std::span<PendingUses, kThreadsMax> pending() const {
    return std::span<PendingUses, kThreadsMax>(pending_, kThreadsMax);
  }

  // One accepted use, into the cells.
  void write(const PendingUses::Use& use) const;
  // All of one thread's. By that thread, or while it does not run.
  void write(PendingUses& uses) const;

 private:
  UsageFile(int descriptor, UsageCell* cells) : descriptor_(descriptor), cells_(cells) {}

  static Result<std::unique_ptr<UsageFile>> open_afresh(const std::string& path);
  Result<void> map_pending(const std::string& path);

  bool allocate(std::size_t file_bytes) const;

  int descriptor_;
  UsageCell* cells_;
  PendingUses* pending_ = nullptr;
  std::size_t mapped_steps_ = 0;  // of the range; a cell may lie across the end of a step
  std::atomic<std::int64_t> mapped_cells_{0};
};

// Blocks of atomics for the limits of keys that have some.
class LimitCells {
 public:
  LimitCells();

  static constexpr std::uint32_t kWidthMax = 2;

  // Cells for each limit. Before the first is allocated.
  void set_width(std::uint32_t width) { width_ = width; }
  std::uint32_t width() const { return width_; }

  // Writer only. Returns the first cell's number (never 0); all cells start at 0.
  std::uint32_t allocate(std::size_t limits);
  void release(std::uint32_t first, std::size_t limits);

  std::atomic<std::int64_t>& at(std::uint32_t number) const {
    return chunks_[number / kChunk].load(std::memory_order_acquire)[number % kChunk];
  }

 private:
  static constexpr std::uint32_t kChunk = 8192;
  static constexpr std::uint32_t kChunksMax = 65536;

  std::unique_ptr<std::atomic<std::atomic<std::int64_t>*>[]> chunks_;
  std::vector<std::unique_ptr<std::atomic<std::int64_t>[]>> owned_;
  std::vector<std::vector<std::uint32_t>> free_by_count_;
  std::uint32_t next_ = 1;
  std::uint32_t width_ = 1;
};

// What happened with one key since its counts were last taken.
struct KeyCounts {
  std::int64_t serial = 0;
  std::uint32_t accepted = 0;
  std::uint32_t refused = 0;
};

struct RefusalCount {
  std::int64_t serial = 0;
  domain::Outcome why = domain::Outcome::valid;
  std::uint32_t count = 0;
};

struct TakenCounts {
  std::vector<KeyCounts> keys;         // by serial, ascending
  std::vector<RefusalCount> refusals;  // in no order; may tell fewer than `refused` when very many
};

class UsageMeter final : public domain::Meter {
 public:
  explicit UsageMeter(std::unique_ptr<UsageFile> file);

  Time last_used_at(const domain::KeyRecord& key) const override;
  domain::LimitAnswer take(const domain::KeyRecord& key, std::size_t limit_index, Time now,
                           std::int64_t cost) override;
  domain::LimitAnswer peek(const domain::KeyRecord& key, std::size_t limit_index, Time now,
                           std::int64_t cost) const override;
  void give_back(const domain::KeyRecord& key, std::size_t limit_index, std::int64_t cost) override;
  bool take_credits(const domain::KeyRecord& key, Time now, std::int64_t cost,
                    std::int64_t& remaining) override;
  std::int64_t peek_credits(const domain::KeyRecord& key, Time now) const override;
  void used(const domain::KeyRecord& key, Time now,
            const std::optional<IpAddress>& address) override;
  void refused(const domain::KeyRecord& key, domain::Outcome why) override;

  // From now on this thread's uses are deferred; without effect when 64 threads do already.
  void defer_on_this_thread();
  // Moves what this thread deferred into the cells.
  void write_pending();
  bool has_pending() const;

  // What was counted since the last call, which takes it away. One thread at a time; one pass over
  // all cells.
  TakenCounts take_counts();

  // For people: the same by the serial of a key, or by the cell of one of its versions.
  Time last_used_at(std::int64_t serial) const;
  std::optional<IpAddress> last_used_address(std::int64_t serial) const;

  // When the credits of a key were last set or refilled; the epoch if never.
  Time credits_as_of(std::int64_t serial) const;

  // Writer only: a person set the credits of this key at that time.
  void set_credits(std::int64_t serial, std::int64_t remaining, Time set_at);

  // From now on this node has shares of limits and credits (app/shares.h). Before the load.
  void share();
  Shares* shares() const { return shares_.get(); }  // null: it has everything

  std::atomic<std::int64_t>& limit_state(const domain::KeyRecord& key, std::size_t index) const {
    const auto cells = static_cast<std::uint32_t>(index) * limit_cells_.width();
    return limit_cells_.at(key.limits + cells);
  }
  // Where limits are shared.
  std::atomic<std::int64_t>& limit_share(const domain::KeyRecord& key, std::size_t index) const {
    const auto cells = static_cast<std::uint32_t>(index) * limit_cells_.width();
    return limit_cells_.at(key.limits + cells + 1);
  }

  UsageFile& file() { return *file_; }
  const RefusalCounts& refusals() const { return refusals_; }
  LimitCells& limit_cells() { return limit_cells_; }

 private:
  std::int64_t refill(const domain::KeyRecord& key, Time now) const;
  std::int64_t parts(const domain::KeyRecord& key, std::size_t limit_index) const;
  void set_shared_credits(std::int64_t serial, std::int64_t remaining, Time set_at);

  PendingUses* pending_of_this_thread() const;
  std::optional<PendingUses::Use> last_use(std::int64_t number) const;

  std::unique_ptr<UsageFile> file_;
  LimitCells limit_cells_;
  RefusalCounts refusals_;
  const std::uint64_t number_;  // of this meter in the process
  std::atomic<std::size_t> threads_{0};
  std::unique_ptr<Shares> shares_;
};

}  // namespace keywright::app
