#include "workload.h"

#include <algorithm>

#include <fmt/format.h>

#include "app/record_traits.h"
#include "crypto/token_digest.h"
#include "domain/keys/token.h"
#include "json/codec.h"

namespace keywright::bench {
namespace {

constexpr std::size_t kServers = 20;
constexpr std::size_t kCustomerPolicies = 89;
constexpr std::size_t kConnectPolicies = 10;

template <class T>
store::RecordWrite write_of(const T& object) {
  using Traits = app::RecordTraits<T>;
  return {{Traits::type, object.id.value, Traits::organization(object), Traits::parent(object),
           json::encode(object, {.form = json::Form::store})},
          false};
}

const domain::Kind& kind_named(std::string_view name) {
  return *domain::shipped_kinds().named(name);
}

// 20 characters.
std::string name_of_key(std::size_t number) { return fmt::format("Benchmark key {:06}", number); }

}  // namespace

Workload::Workload(const crypto::Keyring& keyring, Time now, const WorkloadOptions& options)
    : keyring_(keyring), now_(now), options_(options) {
  organization_ = {domain::OrganizationId{new_id()}, "Benchmark Company", now_};
  keyspace_.id = {new_id()};
  keyspace_.organization_id = organization_.id;
  keyspace_.name = "Customers";
  keyspace_.prefix = "acme_";
  keyspace_.created_at = now_;
  tokens_.reserve(options_.keys);
}

domain::AuditEvent Workload::event(std::string action) const {
  domain::AuditEvent event;
  event.organization_id = organization_.id;
  event.time = now_;
  event.actor.type = "system";
  event.action = std::move(action);
  event.object = {"organization", organization_.id.to_string(), organization_.name};
  event.outcome = "success";
  return event;
}

store::Transaction Workload::people() {
  store::Transaction transaction;
  transaction.records.push_back(write_of(organization_));
  transaction.records.push_back(write_of(keyspace_));
  for (std::size_t i = 0; i < options_.people; ++i) {
    domain::User user;
    user.id = {new_id()};
    user.serial = static_cast<std::int64_t>(i + 1);
    user.email = i == 0 ? kOwnerEmail : fmt::format("person{}@bench.example", i);
    user.name = i == 0 ? "Olivia Owner" : fmt::format("Person {}", i);
    if (i == 0) user.password_hash = options_.owner_password_hash;
    user.created_at = now_;
    domain::Membership membership;
    membership.id = {new_id()};
    membership.organization_id = organization_.id;
    membership.user_id = user.id;
    membership.role = i == 0 ? domain::Role::owner : domain::Role::member;
    membership.created_at = now_;
    transaction.records.push_back(write_of(user));
    transaction.records.push_back(write_of(membership));
    people_.push_back(std::move(user));
  }
  domain::Registry registry;
  registry.id = {new_id()};
  registry.organization_id = organization_.id;
  registry.name = "Everything";
  registry.everyone = true;
  registry.created_at = now_;
  for (std::size_t i = 0; i < kServers; ++i) {
    domain::McpServer server;
    server.id = {new_id()};
    server.organization_id = organization_.id;
    server.name = fmt::format("Server {}", i);
    server.slug = fmt::format("server-{}", i);
    server.url = "http://127.0.0.1:9/mcp";
    server.created_by = people_.front().id;
    server.created_at = now_;
    registry.mcp_server_ids.push_back(server.id);
    transaction.records.push_back(write_of(server));
    servers_.push_back(std::move(server));
  }
  transaction.records.push_back(write_of(registry));
  transaction.keys.push_back(management_key("verifier", {"keys:verify"}, verifier_token_));
  transaction.keys.push_back(
      management_key("writer", {"keys:verify", "keys:read", "keys:write"}, writer_token_));
  transaction.events.push_back(event("setup.complete"));
  transaction.events.back().id = new_id();
  return transaction;
}

domain::Key Workload::new_key(const domain::Kind& kind, std::string name, domain::KeyOwner owner,
                              std::string& token) {
  domain::Key key;
  key.serial = ++last_serial_;
  key.id = domain::KeyId::generate(now_ + std::chrono::milliseconds(key.serial), random_);
  key.kind = kind.number;
  key.name = std::move(name);
  key.owner = std::move(owner);
  key.organization_id = organization_.id;
  key.created_by = "setup";
  key.created_at = now_;
  domain::TokenParts parts;
  parts.key_serial = key.serial;
  if (key.owner.type == domain::OwnerType::user) {
    parts.user_serial = 1 + key.serial % static_cast<std::int64_t>(people_.size());
  }
  parts.keyspace_prefix = keyspace_.prefix;
  domain::NewToken made = domain::make_token(kind, parts, keyring_.newest().jwt, random_);
  token = made.token.reveal();
  domain::KeyVersion version;
  version.cell = key.serial;
  version.digest = crypto::token_digest(keyring_.newest().digest, token);
  version.shown = std::move(made.shown);
  version.created_at = now_;
  key.versions.push_back(std::move(version));
  return key;
}

domain::Key Workload::management_key(std::string name, std::vector<std::string> permissions,
                                     std::string& token) {
  domain::Key key = new_key(kind_named("management"), std::move(name),
                            {domain::OwnerType::organization, organization_.id.to_string()}, token);
  key.policy.permissions = std::move(permissions);
  return key;
}

domain::Key Workload::access_key(std::size_t number, std::string& token) {
  const domain::User& owner = people_[random_below(random_, people_.size())];
  return new_key(kind_named("access"), name_of_key(number),
                 {domain::OwnerType::user, owner.id.to_string()}, token);
}

domain::Key Workload::customer_key(std::size_t number, std::string& token) {
  domain::Key key =
      new_key(kind_named("customer"), name_of_key(number),
              {domain::OwnerType::external, fmt::format("customer-{:06}", number)}, token);
  key.keyspace_id = keyspace_.id;
  const std::size_t policy = random_below(random_, kCustomerPolicies);
  key.policy.permissions.emplace();
  for (std::size_t i = 0; i < 1 + policy % 3; ++i) {
    key.policy.permissions->push_back(fmt::format("product.part{}.read", policy + i));
  }
  return key;
}

domain::Key Workload::connect_key(std::size_t number, std::string& token) {
  const domain::User& owner = people_[random_below(random_, people_.size())];
  domain::Key key = new_key(kind_named("connect"), name_of_key(number),
                            {domain::OwnerType::user, owner.id.to_string()}, token);
  const std::size_t policy = random_below(random_, kConnectPolicies);
  key.policy.scope.emplace();
  for (std::size_t i = 0; i < 1 + policy % 3; ++i) {
    key.policy.scope->ids.push_back(servers_[(2 * policy + i) % kServers].id.to_string());
  }
  return key;
}

store::Transaction Workload::next_keys(std::size_t count) {
  store::Transaction transaction;
  const std::size_t end = made_ + std::min(count, keys_left());
  for (; made_ < end; ++made_) {
    std::string token;
    const std::uint64_t percent = random_below(random_, 100);
    if (percent < 65) {
      transaction.keys.push_back(access_key(made_, token));
    } else if (percent < 90) {
      transaction.keys.push_back(customer_key(made_, token));
    } else {
      transaction.keys.push_back(connect_key(made_, token));
    }
    tokens_.push_back(std::move(token));
  }
  transaction.events.push_back(event("keys.import"));
  transaction.events.back().id = new_id();
  return transaction;
}

std::string Workload::unknown_token() {
  return domain::make_token(kind_named("access"), {}, keyring_.newest().jwt, random_)
      .token.reveal();
}

}  // namespace keywright::bench
