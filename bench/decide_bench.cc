// What one decision costs with a million keys in memory, beside the bare hash that no design
// avoids.
//
//   Decide            token text to Decision, keys in random order: all cache misses are paid
//   DecideHot         the same for a handful of keys that stay in the cache
//   DecideUnknown     a well-formed token that nobody has
//   DecideMalformed   a wrong checksum: refused without a hash
//   Hmac              one HMAC-SHA-256 of such a token; Decide should stay below four times this

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/encoding.h"
#include "crypto/mac.h"
#include "crypto/token_digest.h"
#include "domain/keys/decide.h"

namespace keywright::domain {
namespace {

constexpr std::size_t kKeys = 1'000'000;
constexpr std::size_t kIndexSlots = 1 << 21;
constexpr std::size_t kTokenCharacters = 53;
constexpr std::size_t kUsers = 10'000;
constexpr Time kNow = from_unix_milliseconds(1'800'000'000'000);

const crypto::MacKey& digest_key() {
  static const crypto::MacKey key(view_bytes("the digest key of the benchmark"));
  return key;
}

class BenchMeter final : public Meter {
 public:
  explicit BenchMeter(std::size_t keys) : last_used_(keys) {}
  Time last_used_at(const KeyRecord& key) const override {
    return from_unix_milliseconds(last_used_[cell(key)].load(std::memory_order_relaxed));
  }
  LimitAnswer take(const KeyRecord&, std::size_t, Time, std::int64_t) override { return {}; }
  LimitAnswer peek(const KeyRecord&, std::size_t, Time, std::int64_t) const override { return {}; }
  void give_back(const KeyRecord&, std::size_t, std::int64_t) override {}
  bool take_credits(const KeyRecord&, Time, std::int64_t, std::int64_t&) override { return true; }
  std::int64_t peek_credits(const KeyRecord&, Time) const override { return 0; }
  void used(const KeyRecord& key, Time now, const std::optional<IpAddress>&) override {
    last_used_[cell(key)].store(to_unix_milliseconds(now), std::memory_order_relaxed);
  }

 private:
  static std::size_t cell(const KeyRecord& key) { return static_cast<std::size_t>(key.serial); }
  std::vector<std::atomic<std::int64_t>> last_used_;
};

// Access keys of ten thousand users, found through an open table of 8-byte slots.
class BenchRecords final : public Records {
 public:
  BenchRecords() : keys_(kKeys), tokens_(kKeys * kTokenCharacters), index_(kIndexSlots) {
    organization_.id.value.bytes[0] = 1;
    for (User& user : users_) {
      Membership membership;
      membership.organization_id = organization_.id;
      membership.role = Role::member;
      user.memberships.push_back(membership);
    }
    SeededRandom random(1);
    for (std::size_t i = 0; i < kKeys; ++i) add(i, random);
  }

  std::string_view token(std::size_t number) const {
    return {&tokens_[number * kTokenCharacters], kTokenCharacters};
  }

  const Kinds& kinds() const override { return shipped_kinds(); }
  const KeyRecord* find_token(std::string_view token) const override {
    const crypto::Sha256 digest = crypto::token_digest(digest_key(), token);
    const std::uint64_t hash = hash_of(digest);
    for (std::size_t slot = hash % kIndexSlots;; slot = (slot + 1) % kIndexSlots) {
      const std::uint64_t entry = index_[slot];
      if (entry == 0) return nullptr;
      if (entry >> 32 != hash >> 32) continue;
      const KeyRecord& key = keys_[(entry & 0xffffffff) - 1];
      if (key.digest == digest) return &key;
    }
  }
  bool admits_foreign_tokens() const override { return false; }
  const Organization* organization(Slot) const override { return &organization_; }
  const User* user(Slot slot) const override { return &users_[slot]; }
  const Project* project(Slot) const override { return nullptr; }
  const Target* target(Slot) const override { return nullptr; }
  const Keyspace* keyspace(Slot) const override { return nullptr; }
  const McpServer* find_mcp_server(std::string_view) const override { return nullptr; }
  const Platform* find_platform(std::string_view) const override { return nullptr; }
  const Target* find_target(std::string_view) const override { return nullptr; }
  const Service* find_service(std::string_view) const override { return nullptr; }
  const std::vector<const Registry*>& registries_of(OrganizationId) const override {
    return registries_;
  }
  Meter& meter() const override { return meter_; }

 private:
  static std::uint64_t hash_of(const crypto::Sha256& digest) {
    std::uint64_t hash;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }

  void add(std::size_t number, Random& random) {
    std::string token = "kwa_" + random_base62(random, 43);
    token += encode_base62(crc32(token), 6);
    std::memcpy(&tokens_[number * kTokenCharacters], token.data(), kTokenCharacters);
    KeyRecord& key = keys_[number];
    key.digest = crypto::token_digest(digest_key(), token);
    key.kind = shipped_kinds().named("access")->number;
    key.organization = 0;
    key.owner = static_cast<Slot>(random_below(random, kUsers));
    key.policy = &policy_;
    key.serial = static_cast<std::int64_t>(number);
    const std::uint64_t hash = hash_of(key.digest);
    std::size_t slot = hash % kIndexSlots;
    while (index_[slot] != 0) slot = (slot + 1) % kIndexSlots;
    index_[slot] = (hash >> 32 << 32) | (number + 1);
  }

  Organization organization_;
  Policy policy_;
  std::vector<User> users_ = std::vector<User>(kUsers);
  std::vector<KeyRecord> keys_;
  std::vector<char> tokens_;
  std::vector<std::uint64_t> index_;
  std::vector<const Registry*> registries_;
  mutable BenchMeter meter_{kKeys};
};

const BenchRecords& records() {
  static const BenchRecords all;
  return all;
}

// A full-period walk over all keys in an order no prefetcher guesses.
std::size_t next(std::size_t number) { return (number * 1'664'525 + 1'013'904'223) % (1 << 20); }

Ask ask() { return {.audience = Audience::rest, .client_ip = IpAddress::from_v4(192, 0, 2, 7)}; }

void decide_over(benchmark::State& state, std::size_t among) {
  const BenchRecords& all = records();
  const Ask asked = ask();
  std::size_t number = 0;
  for (auto _ : state) {
    const std::string_view token = all.token(number % among);
    number = next(number);
    // A presented token has just been received: its text is in the cache, unlike what is known of
    // it.
    __builtin_prefetch(all.token(number % among).data());
    Decision decision = decide(token, asked, all, kNow);
    if (decision.outcome != Outcome::valid) state.SkipWithError("a good key was refused");
    benchmark::DoNotOptimize(decision);
  }
}

void Decide(benchmark::State& state) { decide_over(state, kKeys); }
BENCHMARK(Decide)->ThreadRange(1, 2);

void DecideHot(benchmark::State& state) { decide_over(state, 64); }
BENCHMARK(DecideHot);

void DecideUnknown(benchmark::State& state) {
  const BenchRecords& all = records();
  SeededRandom random(2);
  std::string token = "kwa_" + random_base62(random, 43);
  token += encode_base62(crc32(token), 6);
  const Ask asked = ask();
  for (auto _ : state) {
    Decision decision = decide(token, asked, all, kNow);
    if (decision.outcome != Outcome::not_found) state.SkipWithError("found");
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(DecideUnknown);

void DecideMalformed(benchmark::State& state) {
  const BenchRecords& all = records();
  std::string token(all.token(0));
  token.back() = token.back() == '0' ? '1' : '0';
  const Ask asked = ask();
  for (auto _ : state) {
    Decision decision = decide(token, asked, all, kNow);
    if (decision.outcome != Outcome::malformed) state.SkipWithError("not malformed");
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(DecideMalformed);

void Hmac(benchmark::State& state) {
  const BenchRecords& all = records();
  for (auto _ : state) {
    crypto::Sha256 digest = digest_key().mac(all.token(0));
    benchmark::DoNotOptimize(digest);
  }
}
BENCHMARK(Hmac);

void TokenDigest(benchmark::State& state) {
  const BenchRecords& all = records();
  for (auto _ : state) {
    crypto::Sha256 digest = crypto::token_digest(digest_key(), all.token(0));
    benchmark::DoNotOptimize(digest);
  }
}
BENCHMARK(TokenDigest);

}  // namespace
}  // namespace keywright::domain

BENCHMARK_MAIN();
