#include "ingest/budget.h"

namespace keywright::ingest {

bool Budget::Share::grow(std::size_t bytes) {
  if (bytes == 0) return true;
  if (!budget_.take(key_, bytes)) return false;
  bytes_ += bytes;
  return true;
}

std::size_t Budget::taken() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

bool Budget::take(const std::string& key, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (all_ + bytes > all_max_) return false;
  std::size_t& of_key = by_key_[key];
  if (of_key + bytes > key_max_) return false;
  of_key += bytes;
  all_ += bytes;
  return true;
}

void Budget::give_back(const std::string& key, std::size_t bytes) {
  if (bytes == 0) return;
  const std::lock_guard lock(mutex_);
  all_ -= bytes;
  const auto found = by_key_.find(key);
  found->second -= bytes;
  if (found->second == 0) by_key_.erase(found);
}

}  // namespace keywright::ingest
