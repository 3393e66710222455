// bench/workload.h - the installation that everything is measured on, made the same on every run.
//
//   Workload workload(keyring, clock.now(), {.keys = 1'000'000});
//   directory.apply(workload.people());                         // or store.commit(...)
//   while (workload.keys_left() > 0) directory.apply(workload.next_keys(1000));
//   workload.tokens();                                          // one for each key, in that order
//
// One organization with 10,000 people. Names of keys have 20 characters, metadata none; there are
// 100 distinct policies:
//   65 %  access keys, each of some person                                  1 policy
//   25 %  customer keys of one keyspace, with 1 to 3 permissions           89 policies
//   10 %  connect keys that list 1 to 3 of 20 MCP servers                  10 policies
// Besides them there are two management keys: one that may only verify, one that may also write.
//
// Threading: one thread. Cost: about 2 µs for a key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/uuid.h"
#include "crypto/keyring.h"
#include "domain/access/objects.h"
#include "domain/keys/kinds.h"
#include "store/store.h"

namespace keywright::bench {

struct WorkloadOptions {
  std::size_t keys = 1'000'000;
  std::size_t people = 10'000;
  std::string owner_password_hash = {};  // "" = nobody can sign in
};

class Workload {
 public:
  static constexpr const char* kOwnerEmail = "owner@bench.example";

  Workload(const crypto::Keyring& keyring, Time now, const WorkloadOptions& options);

  // Organization, people, MCP servers, keyspace and the management keys.
  store::Transaction people();

  std::size_t keys_left() const { return options_.keys - made_; }
  // As one import of that many keys would write them.
  store::Transaction next_keys(std::size_t count);

  const std::vector<std::string>& tokens() const { return tokens_; }
  // Well-formed and nobody's.
  std::string unknown_token();
  const std::string& verifier_token() const { return verifier_token_; }
  const std::string& writer_token() const { return writer_token_; }
  std::string keyspace_id() const { return keyspace_.id.to_string(); }

 private:
  Uuid new_id() { return Uuid::version7(now_, random_); }
  domain::Key new_key(const domain::Kind& kind, std::string name, domain::KeyOwner owner,
                      std::string& token);
  domain::Key management_key(std::string name, std::vector<std::string> permissions,
                             std::string& token);
  domain::Key access_key(std::size_t number, std::string& token);
  domain::Key customer_key(std::size_t number, std::string& token);
  domain::Key connect_key(std::size_t number, std::string& token);
  domain::AuditEvent event(std::string action) const;

  const crypto::Keyring& keyring_;
  const Time now_;
  const WorkloadOptions options_;
  SeededRandom random_{20261120};
  domain::Organization organization_;
  domain::Keyspace keyspace_;
  std::vector<domain::User> people_;
  std::vector<domain::McpServer> servers_;
  std::string verifier_token_;
  std::string writer_token_;
  std::vector<std::string> tokens_;
  std::int64_t last_serial_ = 0;
  std::size_t made_ = 0;
};

}  // namespace keywright::bench
