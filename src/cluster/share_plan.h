// cluster/share_plan.h - who has which part of one limit, or of the credits of one key.
//
//   ShareGroup group = ...;                       // as the table has it
//   const ShareAnswer now = agree_on(group, ask); // group is what has to be written
//
// All rows of a group add up to the whole, less what was spent of credits; the row of the nil node
// is the pool, which nobody has. A node that meets a group without a row of its own has nothing of
// it, but for the first that writes one: what it does not hold is the others', in equal parts, as
// all of them take it for granted until they are told otherwise.
//
// What a node gave out beyond its row (it had not been told yet) is taken from the pool. A pool
// that is short of something is filled by the next nodes that have some left.
//
// Threading: plain functions on values. Cost: the rows of one group.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/uuid.h"

namespace keywright::cluster {

struct ShareRow {
  std::int64_t amount = 0;
  bool wants = false;
  bool changed = false;
};

struct ShareGroup {
  std::map<Uuid, ShareRow> rows;  // by node; nil: the pool
  std::vector<Uuid> gone;         // to be deleted
  std::int64_t epoch = 0;         // of credits: when they were set or refilled
};

// Of credits at a boundary: up to so much, once.
struct ShareRefill {
  std::int64_t amount = 0;
  std::int64_t boundary = 0;  // ms
  std::int64_t now = 0;       // ms
};

// What the node that asks has and needs.
struct ShareAsk {
  Uuid me;
  std::vector<Uuid> live;  // all nodes, with this one
  std::int64_t all = 0;    // what was set
  std::int64_t since = 0;  // the epoch that the following counts from
  std::int64_t begun = 0;  // what it had when it last agreed
  std::int64_t spent = 0;  // of that, for good (credits)
  std::int64_t used = 0;   // of that, and not to be given away (limits)
  std::int64_t kept = 0;   // what it keeps for uses to come
  bool wants = false;
  bool leaves = false;
  std::optional<ShareRefill> refill = {};
};

struct ShareAnswer {
  std::int64_t amount = 0;  // what it has from now on
  std::int64_t spent = 0;   // of what was asked, counted
  std::int64_t elsewhere = 0;
};

ShareAnswer agree_on(ShareGroup& group, const ShareAsk& ask);

}  // namespace keywright::cluster
