#include "app/change.h"

#include <algorithm>

namespace keywright::app {

const domain::User* Change::find_user_by_email(std::string_view email) const {
  if (email.empty()) return nullptr;
  const auto* pending =
      find_pending<domain::User>([&](const domain::User& user) { return user.email == email; });
  if (pending != nullptr) return pending;
  const domain::User* user = tools_.directory.find_user_by_email(email);
  if (user == nullptr) return nullptr;
  const domain::User* newest = find<domain::User>(user->id.value);
  return newest != nullptr && newest->email == email ? newest : nullptr;
}

const domain::Key* Change::pending_key(const domain::KeyId& id) const {
  for (const Pending* pending : {&own_, &earlier_}) {
    const auto found = pending->keys.find(id);
    if (found != pending->keys.end()) return found->second.get();
  }
  return nullptr;
}

domain::KeyId Change::new_key_id() const {
  for (;;) {
    const domain::KeyId id = domain::KeyId::generate(now, tools_.random);
    if (pending_key(id) == nullptr && directory().keys().find(id) == nullptr) return id;
  }
}

Result<domain::Key> Change::whole_key(const domain::KeyId& id) const {
  if (const domain::Key* pending = pending_key(id)) return *pending;
  KW_TRY(auto key, tools_.store.get_key(id));
  if (!key) return fail(Code::not_found, "not_found", "No key has this id.");
  return std::move(*key);
}

Result<std::optional<store::IdempotentAnswer>> Change::find_answer(const std::string& caller,
                                                                   const std::string& key) const {
  const auto found = earlier_.answers.find({caller, key});
  if (found != earlier_.answers.end()) return found->second;
  return tools_.store.find_idempotent(caller, key);
}

bool Change::digest_taken(const crypto::Sha256& digest) const {
  if (tools_.directory.keys().find(digest) != nullptr) return true;
  for (const Pending* pending : {&own_, &earlier_}) {
    for (const auto& [id, key] : pending->keys) {
      for (const domain::KeyVersion& version : key->versions) {
        if (version.digest == digest) return true;
      }
    }
  }
  return false;
}

// Keys of this group that the directory knows are in its count already.
std::size_t Change::slow_count(std::string_view prefix) const {
  std::size_t count = tools_.directory.keys().slow_count(prefix);
  for (const Pending* pending : {&own_, &earlier_}) {
    for (const auto& [id, key] : pending->keys) {
      if (pending == &earlier_ && own_.keys.contains(id)) continue;
      if (tools_.directory.keys().find(id) != nullptr) continue;
      if (key->versions.back().slow_prefix == prefix) ++count;
    }
  }
  return count;
}

void Change::put_membership(const domain::Membership& membership) {
  put(membership);
  const domain::User* user = find<domain::User>(membership.user_id.value);
  if (user == nullptr) return;
  auto changed = std::make_shared<domain::User>(*user);
  auto& list = changed->memberships;
  std::erase_if(list, [&](const domain::Membership& m) { return m.id == membership.id; });
  list.insert(std::upper_bound(list.begin(), list.end(), membership,
                               [](const auto& a, const auto& b) { return a.id < b.id; }),
              membership);
  own_.records[{store::RecordType::user, user->id.value}] = std::move(changed);
}

void Change::erase_membership(const domain::Membership& membership) {
  erase<domain::Membership>(membership.id.value);
  const domain::User* user = find<domain::User>(membership.user_id.value);
  if (user == nullptr) return;
  auto changed = std::make_shared<domain::User>(*user);
  std::erase_if(changed->memberships,
                [&](const domain::Membership& m) { return m.id == membership.id; });
  own_.records[{store::RecordType::user, user->id.value}] = std::move(changed);
}

void Change::put_key(domain::Key key) {
  own_.keys[key.id] = std::make_shared<const domain::Key>(key);
  transaction.keys.push_back(std::move(key));
}

void Change::audit(domain::AuditEvent event) {
  event.id = new_id();
  event.time = now;
  if (event.outcome.empty()) event.outcome = "success";
  transaction.events.push_back(std::move(event));
}

void Change::merge_into(Pending& group) {
  for (auto& [key, value] : own_.records) group.records[key] = std::move(value);
  for (auto& [id, key] : own_.keys) group.keys[id] = std::move(key);
  if (const auto& answer = transaction.idempotent_answer) {
    group.answers[{answer->caller, answer->key}] = *answer;
  }
}

}  // namespace keywright::app
