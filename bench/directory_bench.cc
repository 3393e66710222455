// What one decision costs over a million keys in memory: app::Directory with its key table and its
// usage meter, as the server has it, without HTTP around it.
//
//   Hmac              one HMAC-SHA-256 of such a token, which no design avoids
//   TokenDigest       what is looked up: SHA-256, then HMAC
//   Decide            token text to Decision, keys in random order: all cache misses are paid
//   DecideHot         the same for 64 keys that stay in the cache
//   DecideUnknown     well-formed tokens that nobody has
//   DecideMalformed   tokens with a wrong checksum
//   DecideThreads     Decide on one thread and on two, by the wall clock
//
// Counters of each row: allocations and locks of one decision. Both must be 0.
// KEYWRIGHT_BENCH_KEYS changes the number of keys.

#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "app/directory.h"
#include "base/clock.h"
#include "counted_calls.h"
#include "crypto/token_digest.h"
#include "domain/keys/decide.h"
#include "workload.h"

namespace keywright::bench {
namespace {

constexpr std::size_t kHotKeys = 64;
constexpr std::size_t kUnknownTokens = 4096;
constexpr std::size_t kKeysInTransaction = 1000;

std::size_t keys_wanted() {
  const char* given = std::getenv("KEYWRIGHT_BENCH_KEYS");
  return given == nullptr ? 1'000'000 : std::strtoull(given, nullptr, 10);
}

// Tokens one behind the other: the text of a token that was just received is in the cache, unlike
// everything that is known of it.
class Tokens {
 public:
  void add(std::string_view token) {
    text_ += token;
    ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  }
  std::size_t size() const { return ends_.size(); }
  std::string_view at(std::size_t number) const {
    const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
    return {text_.data() + begin, ends_[number] - begin};
  }

 private:
  std::string text_;
  std::vector<std::uint32_t> ends_;
};

class World {
 public:
  World() {
    Workload workload(keyring_, clock_.now(), {.keys = keys_wanted()});
    directory_.reserve(keys_wanted());  // as when they are loaded at the start
    directory_.apply(workload.people());
    while (workload.keys_left() > 0) {
      directory_.apply(workload.next_keys(kKeysInTransaction));
      directory_.free_retired();
    }
    shuffle(workload.tokens());
    for (std::size_t i = 0; i < kUnknownTokens; ++i) {
      std::string token = workload.unknown_token();
      unknown_.add(token);
      token.back() = token.back() == '0' ? '1' : '0';
      malformed_.add(token);
    }
  }

  const crypto::MacKey& digest_key() const { return keyring_.newest().digest; }
  const app::Directory& directory() const { return directory_; }
  const Tokens& known() const { return known_; }
  const Tokens& unknown() const { return unknown_; }
  const Tokens& malformed() const { return malformed_; }

 private:
  void shuffle(std::vector<std::string> tokens) {
    for (std::size_t i = tokens.size(); i > 1; --i) {
      std::swap(tokens[i - 1], tokens[random_below(random_, i)]);
    }
    for (const std::string& token : tokens) known_.add(token);
  }

  static std::unique_ptr<app::UsageFile> usage_file() {
    return std::move(*app::UsageFile::open(""));
  }

  SystemClock clock_;
  SeededRandom random_{7};
  crypto::Keyring keyring_ = crypto::Keyring::generate(clock_, random_);
  app::Directory directory_{keyring_, usage_file(), clock_.now()};
  Tokens known_;
  Tokens unknown_;
  Tokens malformed_;
};

const World& world() {
  static const World all;
  return all;
}

domain::Ask ask() { return {.client_ip = IpAddress::from_v4(192, 0, 2, 7)}; }

void decide_over(benchmark::State& state, const Tokens& tokens, std::size_t among,
                 domain::Outcome expected) {
  const app::Directory& directory = world().directory();
  directory.usage().defer_on_this_thread();  // as an io thread does
  const domain::Ask asked = ask();
  const Time now = SystemClock().now();
  const auto threads = static_cast<std::size_t>(state.threads());
  std::size_t number = among / threads * static_cast<std::size_t>(state.thread_index());
  std::size_t unexpected = 0;
  const CountedCalls before = counted_calls();
  for (auto _ : state) {
    const domain::Decision decision = decide(tokens.at(number), asked, directory, now);
    unexpected += decision.outcome != expected;
    if (++number == among) number = 0;
  }
  const CountedCalls made = counted_calls() - before;
  if (unexpected != 0) state.SkipWithError("a decision came out otherwise than it must");
  // The loop itself makes a handful of calls, at its start and its end.
  const auto each = [&](std::uint64_t count) {
    return static_cast<double>(count < 16 ? 0 : count) / static_cast<double>(state.iterations());
  };
  state.counters["allocations"] = benchmark::Counter(each(made.allocations));
  state.counters["locks"] = benchmark::Counter(each(made.locks));
  state.SetItemsProcessed(state.iterations());
}

void Hmac(benchmark::State& state) {
  const Tokens& tokens = world().known();
  std::size_t number = 0;
  for (auto _ : state) {
    crypto::Sha256 digest = world().digest_key().mac(tokens.at(number));
    benchmark::DoNotOptimize(digest);
    if (++number == tokens.size()) number = 0;
  }
}
BENCHMARK(Hmac);

void TokenDigest(benchmark::State& state) {
  const Tokens& tokens = world().known();
  std::size_t number = 0;
  for (auto _ : state) {
    crypto::Sha256 digest = crypto::token_digest(world().digest_key(), tokens.at(number));
    benchmark::DoNotOptimize(digest);
    if (++number == tokens.size()) number = 0;
  }
}
BENCHMARK(TokenDigest);

void Decide(benchmark::State& state) {
  const Tokens& tokens = world().known();
  decide_over(state, tokens, tokens.size(), domain::Outcome::valid);
}
BENCHMARK(Decide);

void DecideHot(benchmark::State& state) {
  decide_over(state, world().known(), kHotKeys, domain::Outcome::valid);
}
BENCHMARK(DecideHot);

void DecideUnknown(benchmark::State& state) {
  const Tokens& tokens = world().unknown();
  decide_over(state, tokens, tokens.size(), domain::Outcome::not_found);
}
BENCHMARK(DecideUnknown);

void DecideMalformed(benchmark::State& state) {
  const Tokens& tokens = world().malformed();
  decide_over(state, tokens, tokens.size(), domain::Outcome::malformed);
}
BENCHMARK(DecideMalformed);

BENCHMARK(Decide)->Name("DecideThreads")->ThreadRange(1, 2)->UseRealTime();

// Counters that count nothing would make every row look clean.
bool counters_work() {
  const CountedCalls before = counted_calls();
  auto block = std::make_unique<std::string>(100, 'x');
  benchmark::DoNotOptimize(block);
  std::mutex mutex;
  mutex.lock();
  mutex.unlock();
  const CountedCalls made = counted_calls() - before;
  return made.allocations >= 2 && made.locks >= 1;
}

}  // namespace
}  // namespace keywright::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (!keywright::bench::counters_work()) {
    fmt::print(stderr, "directory_bench: allocations and locks are not counted here\n");
    return 1;
  }
  keywright::bench::world();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
