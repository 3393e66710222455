// Builds a data directory with many keys, through the store that the server uses.
//
//   bench_seed DIR KEYS [PEOPLE]
//
// DIR/data            what `keywright serve --data` wants
// DIR/tokens.txt      every token, in random order
// DIR/unknown.txt     well-formed tokens that nobody has
// DIR/malformed.txt   the same with a wrong checksum
// DIR/seed.json       the management keys, a sign-in, ids; written last

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <fmt/format.h>

#include "app/passwords.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/file.h"
#include "crypto/keyring.h"
#include "store/sqlite/sqlite_store.h"
#include "workload.h"

namespace keywright::bench {
namespace {

constexpr std::size_t kKeysInTransaction = 1000;
constexpr std::size_t kUnknownTokens = 100'000;
constexpr mode_t kPrivate = 0600;

Result<void> commit(store::Store& store, const store::Transaction& transaction) {
  const auto results = store.commit({&transaction, 1});
  if (!results.front()) return fail(results.front().error());
  return {};
}

Result<void> write_lines(const std::filesystem::path& path, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append(line).append("\n");
  return atomic_write_file(path, text, kPrivate);
}

std::vector<std::string> shuffled(std::vector<std::string> lines) {
  SeededRandom random(7);
  for (std::size_t i = lines.size(); i > 1; --i) {
    std::swap(lines[i - 1], lines[random_below(random, i)]);
  }
  return lines;
}

Result<void> write_foreign_tokens(const std::filesystem::path& folder, Workload& workload) {
  std::vector<std::string> unknown;
  std::vector<std::string> malformed;
  for (std::size_t i = 0; i < kUnknownTokens; ++i) {
    std::string token = workload.unknown_token();
    unknown.push_back(token);
    token.back() = token.back() == '0' ? '1' : '0';
    malformed.push_back(token);
  }
  KW_CHECK_OK(write_lines(folder / "unknown.txt", unknown));
  return write_lines(folder / "malformed.txt", malformed);
}

Result<void> seed(const std::filesystem::path& folder, const WorkloadOptions& given) {
  SystemClock clock;
  SystemRandom random;
  WorkloadOptions options = given;
  const Secret<std::string> password(random_base62(random, 20));
  KW_TRY(const crypto::PasswordHash hash, app::password_hasher().hash(password));
  options.owner_password_hash = hash.encoded;

  const std::filesystem::path data = folder / "data";
  KW_CHECK_OK(make_private_directories(data));
  KW_TRY(const crypto::Keyring keyring,
         crypto::Keyring::create_file(data / "digest.key", clock, random));
  KW_TRY(auto store, store::SqliteStore::open(data, {}, clock, random));
  Workload workload(keyring, clock.now(), options);
  KW_CHECK_OK(commit(*store, workload.people()));
  while (workload.keys_left() > 0) {
    KW_CHECK_OK(commit(*store, workload.next_keys(kKeysInTransaction)));
  }
  KW_CHECK_OK(write_lines(folder / "tokens.txt", shuffled(workload.tokens())));
  KW_CHECK_OK(write_foreign_tokens(folder, workload));
  const std::string sheet = fmt::format(
      "{{\"keys\":{},\"people\":{},\"verifier\":\"{}\",\"writer\":\"{}\",\"email\":\"{}\","
      "\"password\":\"{}\",\"keyspace_id\":\"{}\"}}\n",
      options.keys, options.people, workload.verifier_token(), workload.writer_token(),
      Workload::kOwnerEmail, password.reveal(), workload.keyspace_id());
  return atomic_write_file(folder / "seed.json", sheet, kPrivate);
}

}  // namespace
}  // namespace keywright::bench

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    fmt::print(stderr, "usage: bench_seed DIR KEYS [PEOPLE]\n");
    return 2;
  }
  keywright::bench::WorkloadOptions options;
  options.keys = std::strtoull(argv[2], nullptr, 10);
  if (argc == 4) options.people = std::strtoull(argv[3], nullptr, 10);
  if (options.people == 0) {
    fmt::print(stderr, "bench_seed: there must be at least one person\n");
    return 2;
  }
  const auto done = keywright::bench::seed(argv[1], options);
  if (!done) {
    fmt::print(stderr, "bench_seed: {} {}\n", done.error().detail(), done.error().internal());
    return 1;
  }
  return 0;
}
