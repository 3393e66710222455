#include "app/give_back.h"

namespace keywright::app {

void give_back(const Directory& directory, const Caller& caller) {
  if (!caller.is_key()) return;
  const domain::KeyRecord* key = directory.keys().find(caller.digest);
  if (key == nullptr) return;
  if (key->policy->has_credits) {  // no time: nothing is refilled by the way
    std::int64_t remaining = 0;
    directory.meter().take_credits(*key, Time{}, -1, remaining);
  }
  for (std::size_t i = 0; i < key->policy->limits.size() && i < domain::kLimitsMax; ++i) {
    directory.meter().give_back(*key, i, 1);
  }
}

void note_use(const Directory& directory, const Caller& caller, Time now) {
  if (!caller.is_key()) return;
  const domain::KeyRecord* key = directory.keys().find(caller.digest);
  if (key != nullptr) directory.meter().used(*key, now, caller.address);
}

}  // namespace keywright::app
