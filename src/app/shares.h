// app/shares.h - which part of limits and credits this node may give out, where several do.
//
//   meter.share();                          // before the load: this node is one of several
//   meter.shares()->set_nodes(3, 0);        // the first of three
//   for (const Shares::Noted& noted : meter.shares()->take_noted()) ...
//
// A share is spent without asking anybody. As long as nobody says otherwise a node has of each
// limit and of all credits what comes to one of `nodes`. Who spends notes a key here once its share
// runs low, and cluster/limit_exchange.h, which reads that, moves shares between nodes.
//
// A limit's share is a word beside its state: parts of domain::kWholeShare above two flags, 0 parts
// for the usual share. Credits in the usage cell are what this node may spend; what is elsewhere
// stands in a Credit.
//
// Threading: any; set_nodes() and take_noted() by one thread. Lifetime: cells never move.
// Cost: an atomic load or two for keys that have limits or credits; a lock when a key is noted.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "domain/keys/key_record.h"
#include "domain/limits/share.h"

namespace keywright::app {

class Shares {
 public:
  static constexpr std::int64_t kNoted = 1;  // flags: in a limit's word, in a Credit
  static constexpr std::int64_t kWants = 2;
  static constexpr std::int64_t kKnown = 4;  // Credit only: set since this process began
  static constexpr int kFlagBits = 2;
  static constexpr std::int64_t kCredits = 255;  // in place of a limit's index

  struct Credit {
    std::atomic<std::int64_t> configured{0};  // what was last set
    std::atomic<std::int64_t> begun{0};       // of this node's share, when it last was agreed on
    std::atomic<std::int64_t> elsewhere{0};
    std::atomic<std::int64_t> flags{0};
  };
  struct Noted {
    domain::KeyId id;
    std::int64_t serial = 0;
    std::int64_t slot = 0;  // index of the limit, or kCredits
  };

  static std::unique_ptr<Shares> make() {
    void* mapped = ::mmap(nullptr, kReservedBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    return std::unique_ptr<Shares>(new Shares(static_cast<Credit*>(mapped)));
  }
  ~Shares() { ::munmap(credits_, kReservedBytes); }
  Shares(const Shares&) = delete;
  Shares& operator=(const Shares&) = delete;

  // Nodes that are alive, and which of them this one is, from 0.
  void set_nodes(std::int64_t nodes, std::int64_t rank) {
    rank_.store(rank, std::memory_order_relaxed);
    nodes_.store(std::max<std::int64_t>(1, nodes), std::memory_order_relaxed);
  }
  std::int64_t nodes() const { return nodes_.load(std::memory_order_relaxed); }

  std::int64_t parts(std::int64_t word) const {
    const std::int64_t parts = word >> kFlagBits;
    return parts != 0 ? parts : domain::kWholeShare / nodes();
  }
  // Of credits that nobody has touched: one node gets what is left over.
  std::int64_t credits_of(std::int64_t configured, std::int64_t serial) const {
    const std::int64_t among = nodes();
    const std::int64_t place = (serial + rank_.load(std::memory_order_relaxed)) % among;
    return configured / among + (place < configured % among ? 1 : 0);
  }

  Credit& credit(std::int64_t serial) const {
    return credits_[static_cast<std::size_t>(serial) % kCells];
  }

  void note(const domain::KeyRecord& key, std::int64_t slot) {
    const std::lock_guard lock(mutex_);
    noted_.push_back({key.id, key.serial, slot});
  }
  std::vector<Noted> take_noted() {
    const std::lock_guard lock(mutex_);
    return std::exchange(noted_, {});
  }

  // Sets flags; notes the key if that was not done yet.
  void press(std::atomic<std::int64_t>& word, std::int64_t flags, const domain::KeyRecord& key,
             std::int64_t slot) {
    flags |= kNoted;
    if ((word.load(std::memory_order_relaxed) & flags) == flags) return;
    if ((word.fetch_or(flags, std::memory_order_relaxed) & kNoted) == 0) note(key, slot);
  }

 private:
  static constexpr std::size_t kReservedBytes = std::size_t{1} << 34;
  static constexpr std::size_t kCells = kReservedBytes / sizeof(Credit);

  explicit Shares(Credit* credits) : credits_(credits) {}

  Credit* const credits_;
  std::atomic<std::int64_t> nodes_{1};
  std::atomic<std::int64_t> rank_{0};
  std::mutex mutex_;
  std::vector<Noted> noted_;
};

}  // namespace keywright::app
