#include "app/throttle.h"

#include <algorithm>

#include "base/text.h"

namespace keywright::app {
namespace {

std::string account_key(std::string_view account) { return "a:" + to_ascii_lower(account); }

}  // namespace

IpAddress home_of(const IpAddress& address) {
  if (address.is_v4()) return address;
  IpAddress::Bytes16 network = address.bytes();
  std::fill(network.begin() + 8, network.end(), std::uint8_t{0});
  return IpAddress(network);
}

std::string SignInThrottle::address_key(const IpAddress& address) {
  return "i:" + home_of(address).to_string();
}

int SignInThrottle::blocked_entry(const std::string& key, Time now) {
  const auto found = failures_.find(key);
  if (found == failures_.end()) return 0;
  Failures& times = found->second;
  while (!times.empty() && times.front() + kWindow <= now) times.pop_front();
  if (times.empty()) {
    failures_.erase(found);
    return 0;
  }
  if (times.size() < kFailuresMax) return 0;
  const auto left = times[times.size() - kFailuresMax] + kWindow - now;
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(left).count());
}

void SignInThrottle::note(const std::string& key, Time now) {
  if (failures_.size() >= kEntriesMax && !failures_.contains(key)) {
    const auto quietest = std::min_element(
        failures_.begin(), failures_.end(),
        [](const auto& a, const auto& b) { return a.second.back() < b.second.back(); });
    failures_.erase(quietest);
  }
  Failures& times = failures_[key];
  times.push_back(now);
  if (times.size() > kFailuresMax) times.pop_front();
}

int SignInThrottle::attempt(std::string_view account, const IpAddress& address, Time now) {
  const std::lock_guard lock(mutex_);
  const std::string by_address = address_key(address);
  const std::string by_account = account_key(account);
  const int wait = std::max(blocked_entry(by_address, now),
                            account.empty() ? 0 : blocked_entry(by_account, now));
  if (wait > 0) return wait;
  note(by_address, now);
  if (!account.empty()) note(by_account, now);
  return 0;
}

void SignInThrottle::succeeded(std::string_view account, const IpAddress& address) {
  const std::lock_guard lock(mutex_);
  if (!account.empty()) failures_.erase(account_key(account));
  const auto found = failures_.find(address_key(address));
  if (found == failures_.end()) return;
  found->second.pop_back();
  if (found->second.empty()) failures_.erase(found);
}

}  // namespace keywright::app
