#include "app/directory.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/encoding.h"
#include "base/log.h"
#include "crypto/token_digest.h"
#include "json/codec.h"

namespace keywright::app {
namespace {

using domain::Decision;
using domain::Key;
using domain::KeyOwner;
using domain::KeyRecord;
using domain::Keyspace;
using domain::KeyVersion;
using domain::kNoSlot;
using domain::McpServer;
using domain::Membership;
using domain::Organization;
using domain::OrganizationId;
using domain::Outcome;
using domain::OwnerType;
using domain::Platform;
using domain::Project;
using domain::Registry;
using domain::Service;
using domain::Session;
using domain::Slot;
using domain::Target;
using domain::Ticket;
using domain::User;

// Asked before parsing: an error costs an allocation, and most of what is asked for are slugs.
bool is_uuid_sized(std::string_view text) { return text.size() == 36; }

std::uint32_t hash_of_text(std::string_view text) {
  const crypto::Sha256 digest = crypto::sha256(text);  // slugs and addresses are chosen by others
  std::uint32_t head;
  std::memcpy(&head, digest.data(), sizeof head);
  return head;
}

// The object of which `Text`, the member that the index goes by, is `wanted`.
template <auto Text, class T>
const T* find_indexed(const ObjectTable<T>& table, const HashIndex& index,
                      std::string_view wanted) {
  const std::uint32_t number = index.find(hash_of_text(wanted), [&](std::uint32_t n) {
    const T* object = table.at(n - 1);
    return object != nullptr && object->*Text == wanted;
  });
  return number == 0 ? nullptr : table.at(number - 1);
}

// The same for what has an id, too, by either of the two.
template <class T>
const T* find_named(const ObjectTable<T>& table, const HashIndex& slugs,
                    std::string_view id_or_slug) {
  if (is_uuid_sized(id_or_slug)) {
    if (const auto id = Uuid::parse(id_or_slug)) return table.find(*id);
  }
  return find_indexed<&T::slug>(table, slugs, id_or_slug);
}

// An answer names the key's owner: people are many, and their records lie anywhere.
void prefetch_owners(std::span<const KeyRecord* const> keys, const ObjectTable<User>& users) {
  for (const KeyRecord* key : keys) {
    if (key == nullptr || key->owner_type != OwnerType::user) continue;
    const auto* owner = reinterpret_cast<const char*>(users.at(key->owner));
    if (owner == nullptr) continue;
    __builtin_prefetch(owner);
    __builtin_prefetch(owner + 64);  // the name stands behind id and address
  }
}

// Beyond every table: the slot of a keyspace that was deleted before this process started. kNoSlot
// would make its keys keys without a keyspace, which nothing ends.
constexpr Slot kGoneSlot = kNoSlot - 1;

}  // namespace

Directory::Directory(const crypto::Keyring& keyring, std::unique_ptr<UsageFile> usage_file,
                     Time started_at)
    : keyring_(keyring),
      meter_(std::move(usage_file)),
      session_uses_(started_at),
      keys_(reclaimer_, meter_.limit_cells()),
      organizations_(reclaimer_),
      users_(reclaimer_),
      projects_(reclaimer_),
      platforms_(reclaimer_),
      targets_(reclaimer_),
      mcp_servers_(reclaimer_),
      registries_(reclaimer_),
      services_(reclaimer_),
      keyspaces_(reclaimer_),
      sessions_(reclaimer_),
      tickets_(reclaimer_),
      registry_lists_(reclaimer_),
      users_by_email_(reclaimer_),
      mcp_servers_by_slug_(reclaimer_),
      services_by_slug_(reclaimer_),
      sessions_by_digest_(reclaimer_),
      tickets_by_digest_(reclaimer_) {}

Directory::~Directory() = default;

// One table for each type, found by the type.
#define KW_TABLE(type, member)                              \
  template <>                                               \
  const ObjectTable<type>& Directory::table<type>() const { \
    return member;                                          \
  }                                                         \
  template <>                                               \
  ObjectTable<type>& Directory::mutable_table<type>() {     \
    return member;                                          \
  }
KW_TABLE(Organization, organizations_)
KW_TABLE(User, users_)
KW_TABLE(Project, projects_)
KW_TABLE(Platform, platforms_)
KW_TABLE(Target, targets_)
KW_TABLE(McpServer, mcp_servers_)
KW_TABLE(Registry, registries_)
KW_TABLE(Service, services_)
KW_TABLE(Keyspace, keyspaces_)
KW_TABLE(Session, sessions_)
KW_TABLE(Ticket, tickets_)
#undef KW_TABLE

const KeyRecord* Directory::find_token(std::string_view token) const {
  const crypto::Sha256 hashed = crypto::sha256(token);
  for (const crypto::DerivedKeys& version : keyring_.versions()) {
    const auto digest = crypto::token_digest_of_sha256(version.digest, hashed);
    const KeyRecord* record = keys_.find(digest);
    if (record != nullptr) return record;
  }
  return nullptr;
}

void Directory::find_tokens(std::span<const std::string_view> tokens,
                            std::span<const KeyRecord*> found) const {
  std::array<crypto::Sha256, kTokensAtOnce> digests;
  for (std::size_t i = 0; i < tokens.size(); ++i) digests[i] = digest_of(tokens[i]);
  keys_.find_many(std::span(digests).first(tokens.size()), found);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (found[i] == nullptr && keyring_.versions().size() > 1) found[i] = find_token(tokens[i]);
  }
  prefetch_owners(found.first(tokens.size()), users_);
}

const Organization* Directory::organization(Slot slot) const { return organizations_.at(slot); }
const User* Directory::user(Slot slot) const { return users_.at(slot); }
const Project* Directory::project(Slot slot) const { return projects_.at(slot); }
const Target* Directory::target(Slot slot) const { return targets_.at(slot); }
const Keyspace* Directory::keyspace(Slot slot) const { return keyspaces_.at(slot); }

const McpServer* Directory::find_mcp_server(std::string_view id_or_slug) const {
  return find_named(mcp_servers_, mcp_servers_by_slug_, id_or_slug);
}

const Service* Directory::find_service(std::string_view id_or_slug) const {
  return find_named(services_, services_by_slug_, id_or_slug);
}

const Platform* Directory::find_platform(std::string_view id) const {
  const auto parsed = Uuid::parse(id);
  return parsed ? platforms_.find(*parsed) : nullptr;
}

const Target* Directory::find_target(std::string_view id) const {
  const auto parsed = Uuid::parse(id);
  return parsed ? targets_.find(*parsed) : nullptr;
}

const std::vector<const Registry*>& Directory::registries_of(OrganizationId organization) const {
  static const std::vector<const Registry*> none;
  const RegistryList* list = registry_lists_.find(organization.value);
  return list == nullptr ? none : list->registries;
}

Slot Directory::organization_slot(OrganizationId id) const {
  return organizations_.slot_of(id.value);
}

const User* Directory::find_user_by_email(std::string_view email) const {
  return email.empty() ? nullptr : find_indexed<&User::email>(users_, users_by_email_, email);
}

const Session* Directory::find_session(const crypto::Sha256& digest) const {
  return find_indexed<&Session::digest>(sessions_, sessions_by_digest_, encode_hex(digest));
}

const Ticket* Directory::find_ticket(const crypto::Sha256& digest) const {
  return find_indexed<&Ticket::digest>(tickets_, tickets_by_digest_, encode_hex(digest));
}

void Directory::note(const Decision& decision) const {
  outcomes_.count(decision.outcome);
  if (decision.outcome == Outcome::idle_timeout && !decision.key->found_idle) {
    found_idle_.note(decision.key->id);
  }
}

crypto::Sha256 Directory::digest_of(std::string_view token) const {
  return crypto::token_digest(keyring_.newest().digest, token);
}

std::string Directory::owner_name(const KeyRecord& key) const {
  switch (key.owner_type) {
    case OwnerType::user:
      if (const User* owner = user(key.owner)) return owner->name;
      return "";
    case OwnerType::organization:
      if (const Organization* owner = organization(key.owner)) return owner->name;
      return "";
    case OwnerType::project:
      if (const Project* owner = project(key.owner)) return owner->name;
      return "";
    case OwnerType::target:
      if (const Target* owner = target(key.owner)) return owner->name;
      return "";
    case OwnerType::external: return std::string(key.text->external_owner());
  }
  return "";
}

std::string Directory::owner_name(const KeyOwner& owner) const {
  if (owner.type == OwnerType::external) return owner.id;
  const auto id = Uuid::parse(owner.id);
  if (!id) return "";
  const auto name = [&](const auto* object) { return object ? object->name : std::string(); };
  switch (owner.type) {
    case OwnerType::user: return name(users_.find(*id));
    case OwnerType::organization: return name(organizations_.find(*id));
    case OwnerType::project: return name(projects_.find(*id));
    case OwnerType::target: return name(targets_.find(*id));
    case OwnerType::external: break;
  }
  return "";
}

bool Directory::owner_exists(const KeyRecord& key) const {
  if (organization(key.organization) == nullptr) return false;
  if (key.keyspace != kNoSlot && keyspace(key.keyspace) == nullptr) return false;
  switch (key.owner_type) {
    case OwnerType::user: return user(key.owner) != nullptr && user(key.owner)->is_active();
    case OwnerType::organization: return organization(key.owner) != nullptr;
    case OwnerType::project: return project(key.owner) != nullptr;
    case OwnerType::target: return target(key.owner) != nullptr;
    case OwnerType::external: return true;
  }
  return false;
}

class DirectoryLoader final : public store::Loader {
 public:
  explicit DirectoryLoader(Directory& directory) : directory_(directory) {}

  void record(store::Record record) override { directory_.put_record(record); }
  void keys_to_come(std::size_t count) override { directory_.reserve(count); }
  void key(Key key) override { directory_.put_key(key); }

 private:
  Directory& directory_;
};

Result<void> Directory::load(store::Store& store) {
  DirectoryLoader loader(*this);
  KW_CHECK_OK(store.load(loader));
  reclaimer_.free_all();
  epoch_.fetch_add(2, std::memory_order_acq_rel);
  return {};
}

void Directory::apply(const store::Transaction& transaction) {
  epoch_.fetch_add(1, std::memory_order_acq_rel);
  for (const store::RecordWrite& write : transaction.records) {
    if (write.deleted) {
      erase_record(write.record.type, write.record.id);
    } else {
      put_record(write.record);
    }
  }
  for (const Key& key : transaction.keys) put_key(key);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
}

// A row that cannot be read denies what hangs on it, and nothing else.
template <class T>
static std::optional<T> read_body(const store::Record& record) {
  auto object = json::decode<T>(record.body, {.form = json::Form::store});
  if (object) return std::move(*object);
  log_error("record_unreadable", {{"type", store::name_of(record.type)},
                                  {"id", record.id.to_string()},
                                  {"problem", object.error().detail()}});
  return std::nullopt;
}

template <class T>
void Directory::put_object(const store::Record& record) {
  if (auto object = read_body<T>(record)) {
    mutable_table<T>().put(record.id, std::make_unique<const T>(std::move(*object)));
  } else {
    mutable_table<T>().erase(record.id);
  }
}

// Moves the entry of a slot from its old text to its new one.
static void move_entry(HashIndex& index, std::string_view old_text, std::string_view new_text,
                       Slot slot) {
  if (old_text == new_text) return;
  if (!old_text.empty()) index.erase(hash_of_text(old_text), slot + 1);
  if (!new_text.empty()) index.insert(hash_of_text(new_text), slot + 1);
}

// Publishes a record that is also found by a text of its own.
template <class T>
static void put_indexed(ObjectTable<T>& table, HashIndex& index, std::string T::* text,
                        const Uuid& id, std::unique_ptr<const T> object) {
  const T* old = table.find(id);
  const std::string old_text = old == nullptr ? "" : old->*text;
  const std::string new_text = object == nullptr ? "" : (*object).*text;
  if (object != nullptr) {
    table.put(id, std::move(object));
  } else {
    table.erase(id);
  }
  move_entry(index, old_text, new_text, table.slot_of(id));
}

template <class T>
static std::unique_ptr<const T> boxed(std::optional<T> object) {
  return object ? std::make_unique<const T>(std::move(*object)) : nullptr;
}

void Directory::put_user(const store::Record& record) {
  auto user = boxed(read_body<User>(record));
  if (const User* old = users_.find(record.id); old != nullptr && user != nullptr) {
    const_cast<User&>(*user).memberships = old->memberships;  // not yet published
  }
  put_indexed(users_, users_by_email_, &User::email, record.id, std::move(user));
  note_standing(record.id);
}

void Directory::publish_user(const Uuid& id, std::unique_ptr<const User> user) {
  users_.put(id, std::move(user));
  note_standing(id);
}

void Directory::note_standing(const Uuid& id) {
  const Slot slot = users_.slot_of(id);
  if (slot == kNoSlot) return;
  domain::Standing standing = kNoSlot;
  if (const User* user = users_.at(slot)) {
    for (const Membership& membership : user->memberships) {
      if (!membership.active) continue;
      const Slot organization = organization_slot(membership.organization_id);
      const bool one_word_will_do = standing == kNoSlot && organization != kNoSlot;
      standing = one_word_will_do ? organization : domain::kSeveral;
    }
  }
  standings_.put(slot, standing);
}

void Directory::put_membership(const store::Record& record) {
  const auto membership = read_body<Membership>(record);
  if (!membership) return erase_membership(record.id);
  const User* old = users_.find(membership->user_id.value);
  if (old == nullptr) return;
  auto user = std::make_unique<User>(*old);
  std::erase_if(user->memberships, [&](const Membership& m) { return m.id == membership->id; });
  user->memberships.push_back(*membership);
  std::sort(user->memberships.begin(), user->memberships.end(),
            [](const Membership& a, const Membership& b) { return a.id < b.id; });
  user_of_membership_[record.id] = membership->user_id.value;
  publish_user(membership->user_id.value, std::move(user));
}

void Directory::erase_membership(const Uuid& id) {
  const auto found = user_of_membership_.find(id);
  if (found == user_of_membership_.end()) return;
  if (const User* old = users_.find(found->second)) {
    auto user = std::make_unique<User>(*old);
    std::erase_if(user->memberships, [&](const Membership& m) { return m.id.value == id; });
    publish_user(found->second, std::move(user));
  }
  user_of_membership_.erase(found);
}

void Directory::put_registry(const store::Record& record) {
  put_object<Registry>(record);
  auto& ids = registries_by_organization_[record.organization];
  if (std::find(ids.begin(), ids.end(), record.id) == ids.end()) ids.push_back(record.id);
  publish_registries(record.organization);
}

void Directory::publish_registries(const Uuid& organization) {
  auto list = std::make_unique<RegistryList>();
  for (const Uuid& id : registries_by_organization_[organization]) {
    if (const Registry* registry = registries_.find(id)) list->registries.push_back(registry);
  }
  registry_lists_.put(organization, std::move(list));
}

void Directory::put_record(const store::Record& record) {
  using store::RecordType;
  switch (record.type) {
    case RecordType::organization: return put_object<Organization>(record);
    case RecordType::user: return put_user(record);
    case RecordType::membership: return put_membership(record);
    case RecordType::project: return put_object<Project>(record);
    case RecordType::platform: return put_object<Platform>(record);
    case RecordType::target: return put_object<Target>(record);
    case RecordType::mcp_server:
      return put_indexed(mcp_servers_, mcp_servers_by_slug_, &McpServer::slug, record.id,
                         boxed(read_body<McpServer>(record)));
    case RecordType::registry: return put_registry(record);
    case RecordType::service:
      return put_indexed(services_, services_by_slug_, &Service::slug, record.id,
                         boxed(read_body<Service>(record)));
    case RecordType::keyspace: return put_object<Keyspace>(record);
    case RecordType::session:
      return put_indexed(sessions_, sessions_by_digest_, &Session::digest, record.id,
                         boxed(read_body<Session>(record)));
    case RecordType::ticket:
      return put_indexed(tickets_, tickets_by_digest_, &Ticket::digest, record.id,
                         boxed(read_body<Ticket>(record)));
  }
}

void Directory::erase_record(store::RecordType type, const Uuid& id) {
  using store::RecordType;
  switch (type) {
    case RecordType::organization: return organizations_.erase(id);
    case RecordType::user:
      put_indexed(users_, users_by_email_, &User::email, id, {});
      return note_standing(id);
    case RecordType::membership: return erase_membership(id);
    case RecordType::project: return projects_.erase(id);
    case RecordType::platform: return platforms_.erase(id);
    case RecordType::target: return targets_.erase(id);
    case RecordType::mcp_server:
      return put_indexed(mcp_servers_, mcp_servers_by_slug_, &McpServer::slug, id, {});
    case RecordType::registry: {
      const Registry* registry = registries_.find(id);
      if (registry == nullptr) return;
      const Uuid organization = registry->organization_id.value;
      registries_.erase(id);
      std::erase(registries_by_organization_[organization], id);
      return publish_registries(organization);
    }
    case RecordType::service:
      return put_indexed(services_, services_by_slug_, &Service::slug, id, {});
    case RecordType::keyspace: return keyspaces_.erase(id);
    case RecordType::session:
      session_uses_.forget(id);
      return put_indexed(sessions_, sessions_by_digest_, &Session::digest, id, {});
    case RecordType::ticket:
      return put_indexed(tickets_, tickets_by_digest_, &Ticket::digest, id, {});
  }
}

KeySlots Directory::slots_of(const Key& key) const {
  KeySlots slots;
  slots.organization = organizations_.slot_of(key.organization_id.value);
  if (key.keyspace_id) {
    const Slot slot = keyspaces_.slot_of(key.keyspace_id->value);
    slots.keyspace = slot == kNoSlot ? kGoneSlot : slot;
  }
  const auto id = Uuid::parse(key.owner.id);
  if (!id) return slots;
  switch (key.owner.type) {
    case OwnerType::user: slots.owner = users_.slot_of(*id); break;
    case OwnerType::organization: slots.owner = organizations_.slot_of(*id); break;
    case OwnerType::project: slots.owner = projects_.slot_of(*id); break;
    case OwnerType::target: slots.owner = targets_.slot_of(*id); break;
    case OwnerType::external: break;
  }
  return slots;
}

void Directory::put_key(const Key& key) {
  std::int64_t cell = key.serial;
  for (const KeyVersion& version : key.versions) cell = std::max(cell, version.cell);
  if (auto grown = meter_.file().grow(cell); !grown) {
    log_error("usage_file_full", {{"problem", grown.error().internal()}});
    std::abort();  // without a cell a check of this key would touch unmapped memory
  }
  if (key.policy.has_credits) {
    meter_.set_credits(key.serial, key.credits_remaining, key.credits_set_at);
  }
  keys_.put(key, slots_of(key));
}

}  // namespace keywright::app
