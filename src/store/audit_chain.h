// store/audit_chain.h - follows the chain of the audit log, event by event.
//
//   ChainWalk walk(stretch);
//   while (walk.goes_on(heads.rows)) {
//     for (...) if (!walk.take(number, event, hash)) break;
//   }
//   return walk.judge(heads);
//
// Each store reads its events in its own way; what fits and what is missing is said here.
//
// Threading: plain values. Cost: one SHA-256 for each event.
#pragma once

#include <cstdint>
#include <string>

#include "store/store.h"

namespace keywright::store {

// What a store says of its log besides the events.
struct AuditHeads {
  std::int64_t rows = 0;     // number of the last event that is there
  std::int64_t written = 0;  // how many were written
  crypto::Sha256 head{};     // the hash of the last one written
};

class ChainWalk {
 public:
  explicit ChainWalk(const AuditStretch& stretch);

  std::int64_t number() const { return static_cast<std::int64_t>(seen_.events); }
  bool goes_on(std::int64_t rows) const;

  // False, and the problem is known: this one does not follow.
  bool take(std::int64_t number, const domain::AuditEvent& event, const crypto::Sha256& hash);
  void missing();     // the next one is not there
  void unreadable();  // the next one cannot be read

  AuditVerification judge(const AuditHeads& heads);

 private:
  AuditVerification seen_;
  std::uint64_t end_;
};

}  // namespace keywright::store
