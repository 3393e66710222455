#include "app/give_back.h"

namespace keywright::app {

void give_back(const Directory& directory, const Caller& caller) {
  if (!caller.limited) return;
  const domain::KeyRecord* key = directory.keys().find(caller.digest);
  if (key == nullptr) return;
  for (std::size_t i = 0; i < key->policy->limits.size() && i < domain::kLimitsMax; ++i) {
    directory.meter().give_back(*key, i, 1);
  }
}

}  // namespace keywright::app
