#include "app/slow_hashes.h"

#include <vector>

#include "app/throttle.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "crypto/slow_hash.h"

namespace keywright::app {
namespace {

constexpr std::size_t kBudgetsMax = 10'000;
constexpr std::size_t kPrefixBytes = 6;  // every slow prefix has at least as many

Error try_later(int seconds) {
  return Error(Code::unavailable, "overloaded",
               "Too many tokens of this beginning are being tried; try again in a moment.")
      .with_retry_after_seconds(seconds);
}

// No token begins like this, so an address is never taken for a prefix.
std::string address_name(const IpAddress& address) {
  return "address " + home_of(address).to_string();
}

// The version that waits for its first use: the imported one, which may be rotating out.
template <class KeyType>
auto* waiting_version(KeyType& key) {
  auto* first = &key.versions.back();
  return first->slow_prefix.empty() ? nullptr : first;
}

// The candidate whose hash matches the token; runs on a worker.
Result<std::optional<domain::KeyId>> find_match(App& app, const std::vector<domain::KeyId>& ids,
                                                const std::string& token) {
  for (const domain::KeyId& id : ids) {
    KW_TRY(auto key, app.store.get_key(id));
    const domain::KeyVersion* waiting = key ? waiting_version(*key) : nullptr;
    if (waiting == nullptr) continue;
    const auto sealed = decode_base64url(waiting->sealed_slow_hash);
    if (!sealed) continue;
    const auto hash =
        app.directory.keyring().sealer().open(view_text(*sealed), slow_hash_place(id));
    if (hash && crypto::verify_slow(hash->reveal(), token)) return id;
  }
  return std::nullopt;
}

}  // namespace

std::string slow_hash_place(const domain::KeyId& id) {
  return "key/" + id.to_string() + "/slow_hash";
}

bool SlowHashes::could_be(const Directory& directory, std::string_view token) const {
  if (!directory.keys().has_slow()) return false;
  return directory.keys().for_each_slow(token, [](const domain::KeyId&) { return false; });
}

Result<void> SlowHashes::check_budget(const std::string& name, int failures_max, Time now) {
  const std::int64_t minute = now.time_since_epoch() / std::chrono::minutes{1};
  Budget& budget = budgets_[name];
  if (budget.minute != minute) budget = {minute, 0};
  if (budget.failures < failures_max) return {};
  const auto left = std::chrono::minutes{minute + 1} - now.time_since_epoch();
  return fail(try_later(static_cast<int>(std::chrono::ceil<std::chrono::seconds>(left).count())));
}

Result<void> SlowHashes::begin(const Attempt& attempt, Time now) {
  const std::lock_guard lock(mutex_);
  if (budgets_.size() > kBudgetsMax) budgets_.clear();
  if (!attempt.address.empty()) {
    KW_CHECK_OK(check_budget(attempt.address, kFailuresPerMinuteOfAddress, now));
  }
  KW_CHECK_OK(check_budget(attempt.prefix, kFailuresPerMinute, now));
  if (!under_way_.insert(attempt.token).second) return fail(try_later(1));
  return {};
}

void SlowHashes::end(const Attempt& attempt, bool matched) {
  const std::lock_guard lock(mutex_);
  under_way_.erase(attempt.token);
  if (matched) return;
  ++budgets_[attempt.prefix].failures;
  if (!attempt.address.empty()) ++budgets_[attempt.address].failures;
}

Task<Result<bool>> SlowHashes::try_token(App& app, std::string token,
                                         std::optional<IpAddress> address) {
  const Attempt attempt{encode_hex(crypto::sha256(token)), token.substr(0, kPrefixBytes),
                        address ? address_name(*address) : ""};
  auto begun = begin(attempt, app.clock.now());
  if (!begun) co_return fail(std::move(begun).error());
  std::vector<domain::KeyId> ids;
  app.directory.keys().for_each_slow(token, [&](const domain::KeyId& id) {
    ids.push_back(id);
    return true;
  });
  auto search = [&] { return find_match(app, ids, token); };
  auto match = co_await app.hashing.run(search);
  end(attempt, match && *match);
  if (!match) co_return fail(std::move(match).error());
  if (!*match) co_return false;
  const crypto::Sha256 digest = app.directory.digest_of(token);
  const ChangeWork upgrade = [&](Change& change) -> Result<void> {
    KW_TRY(domain::Key key, change.whole_key(**match));
    domain::KeyVersion* version = waiting_version(key);
    if (version == nullptr || change.digest_taken(digest)) return {};
    version->digest = digest;
    version->sealed_slow_hash.clear();
    version->slow_prefix.clear();
    change.put_key(std::move(key));
    return {};
  };
  auto stored = co_await app.committer.submit(upgrade);
  if (!stored) co_return fail(std::move(stored).error());
  co_return true;
}

}  // namespace keywright::app
