#include "store/audit_chain.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace keywright::store {

ChainWalk::ChainWalk(const AuditStretch& stretch)
    : end_(stretch.events_max > std::numeric_limits<std::uint64_t>::max() - stretch.after
               ? std::numeric_limits<std::uint64_t>::max()
               : stretch.after + stretch.events_max) {
  seen_.events = stretch.after;
  seen_.head = stretch.head;
}

bool ChainWalk::goes_on(std::int64_t rows) const {
  return seen_.problem.empty() && number() < rows && seen_.events < end_;
}

bool ChainWalk::take(std::int64_t number, const domain::AuditEvent& event,
                     const crypto::Sha256& hash) {
  if (number != this->number() + 1) {
    missing();
    return false;
  }
  if (chain_hash(seen_.head, event) != hash) {
    seen_.problem = fmt::format("event {} ({}, {}) does not fit the events before it", number,
                                event.id.to_string(), event.action);
    return false;
  }
  seen_.head = hash;
  ++seen_.events;
  return true;
}

void ChainWalk::missing() { seen_.problem = fmt::format("event {} is missing", number() + 1); }

void ChainWalk::unreadable() {
  seen_.problem = fmt::format("event {} cannot be read", number() + 1);
}

AuditVerification ChainWalk::judge(const AuditHeads& heads) {
  const bool at_end = number() >= heads.rows;
  if (seen_.problem.empty() && at_end) {
    if (heads.rows != heads.written || number() > heads.rows) {
      seen_.problem = fmt::format("the log ends at event {}, but {} were written", heads.rows,
                                  std::max(heads.written, number()));
    } else if (seen_.head != heads.head) {
      seen_.problem = fmt::format("event {} is not the one that was written", heads.rows);
    }
  }
  seen_.written = static_cast<std::uint64_t>(heads.written);
  seen_.intact = seen_.problem.empty();
  seen_.complete = at_end || !seen_.intact;
  return std::move(seen_);
}

}  // namespace keywright::store
