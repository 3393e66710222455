#include "gateway/passage.h"

#include <algorithm>

#include <fmt/format.h>

#include "api/admission/credentials.h"
#include "app/sessions.h"
#include "gateway/header_rules.h"
#include "http/characters.h"

namespace keywright::gateway {

namespace {

using domain::KeyRecord;
using domain::Outcome;

Error missing() {
  return Error(Code::unauthenticated, "credential_missing",
               "This needs a key. Send Authorization: Bearer <key>, or X-API-Key.");
}

}  // namespace

Error credential_in_query() {
  return Error(Code::invalid_argument, "credential_in_query",
               "A key in the address would be kept in logs. Send it in a header field: "
               "Authorization: Bearer <key>. Rotate the key that was sent here.");
}

namespace {

// A good session is somebody, but not a key; a bad one is nobody.
Error refuse_session(const app::Directory& directory, const app::Presented& presented,
                     const Door& door, const IpAddress& address, Time now) {
  const auto caller = app::admit(directory, presented, std::nullopt, address, now);
  if (!caller) return caller.error();
  return Error(Code::permission_denied, "wrong_key_kind",
               fmt::format("This is a session. {} opened by keys of kind {}.", door.are,
                           domain::kinds_admitting(directory.kinds(), door.audience)));
}

Error refusal_of(const domain::Decision& decision, const Door& door, const domain::Kinds& kinds) {
  Error error = app::refusal(decision, kinds);
  if (error.reason() != "wrong_key_kind") return error;
  return Error(error.code(), error.reason(),
               error.detail() + " Admitted here: keys of kind " +
                   domain::kinds_admitting(kinds, door.audience) + ".");
}

// Bytes that may stand in a field value and inside a list with commas.
bool is_plain(char c) { return c > ' ' && c < '\x7f' && c != ',' && c != '%'; }

void append_encoded(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (char c : text) {
    if (is_plain(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
}

void write_uuid(const Uuid& id, std::array<char, 36>& out) {
  constexpr char kHex[] = "0123456789abcdef";
  char* end = out.data();
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *end++ = '-';
    *end++ = kHex[id.bytes[i] >> 4];
    *end++ = kHex[id.bytes[i] & 15];
  }
}

}  // namespace

Passage ask_passage(const app::Directory& directory, const http::Request& request,
                    std::string_view cookie_name, const Door& door, std::string_view id_or_slug,
                    const IpAddress& address, Time now) {
  Passage passage;
  passage.epoch = directory.epoch();
  if (!request.query.empty() && has_credential(request.query)) {
    passage.refusal = credential_in_query();
    return passage;
  }
  auto found = admission::find_credential(request, cookie_name);
  if (!found || !*found) {
    passage.presence = found ? Presence::nothing : Presence::presented;
    passage.refusal = found ? missing() : found.error();
    return passage;
  }
  const app::Presented& presented = **found;
  passage.presence = Presence::presented;
  if (presented.cookie || presented.token.starts_with(app::kSessionPrefix)) {
    passage.refusal = refuse_session(directory, presented, door, address, now);
    return passage;
  }
  passage.token = presented.token;
  passage.key = directory.find_token(presented.token);
  if (passage.key == nullptr) {
    passage.refusal = app::unauthenticated();
    return passage;
  }
  if (holds_token(request.query, passage.token)) {
    passage.refusal = credential_in_query();
    return passage;
  }
  const domain::Kinds& kinds = directory.kinds();
  const bool carried_well = kinds.at(passage.key->kind).carriers.contains(presented.carrier);
  domain::Ask ask;
  ask.audience = door.audience;
  ask.resource = domain::ResourceRef{door.type, door.type_name, id_or_slug};
  ask.client_ip = address;
  ask.spend = carried_well;
  ask.note_use = !door.notes_use_later;
  domain::Decision decision = decide(*passage.key, ask, directory, now);
  if (!carried_well) {
    if (decision.outcome == Outcome::valid) decision.outcome = Outcome::wrong_audience;
    directory.meter().refused(*passage.key, decision.outcome);
  }
  directory.note(decision);
  if (decision.outcome == Outcome::valid) {
    passage.record = decision.resource.record;
  } else {
    passage.refusal = refusal_of(decision, door, kinds);
  }
  return passage;
}

app::Caller caller_of(const app::Directory& directory, const Passage& passage, const Door& door,
                      const IpAddress& address) {
  const KeyRecord& key = *passage.key;
  app::Caller caller;
  caller.type = app::CallerType::key;
  caller.digest = key.digest;
  caller.key = key.id;
  caller.kind = key.kind;
  caller.limited = !key.policy->limits.empty();
  caller.audience = door.audience;
  caller.address = address;
  caller.epoch = passage.epoch;
  if (const auto* organization = directory.organization(key.organization)) {
    caller.organization = organization->id;
  }
  if (key.owner_type == domain::OwnerType::user) {
    if (const domain::User* owner = directory.user(key.owner)) caller.user = owner->id;
  }
  return caller;
}

void add_limit_headers(const app::Directory& directory, const Passage& passage, Time now,
                       http::Response& response) {
  if (passage.key == nullptr || passage.key->policy->limits.empty()) return;
  const bool told = !passage.refusal || passage.refusal->code() == Code::rate_limited;
  if (!told) return;
  for (const auto& [name, value] : app::rate_limit_headers(directory, passage.key, now)) {
    response.header(name, value);
  }
}

Identity::Identity(const app::Directory& directory, const KeyRecord& key) {
  thread_local std::string permissions;
  permissions.clear();
  if (key.policy->permissions) {
    for (const std::string& permission : *key.policy->permissions) {
      if (!permissions.empty()) permissions += ',';
      append_encoded(permissions, permission);
    }
  }
  std::string_view owner;
  const auto take_id = [&](const auto* object) {
    if (object == nullptr) return;  // deleted since decide() looked
    write_uuid(object->id.value, owner_id_);
    owner = {owner_id_.data(), owner_id_.size()};
  };
  switch (key.owner_type) {
    case domain::OwnerType::user: take_id(directory.user(key.owner)); break;
    case domain::OwnerType::organization: take_id(directory.organization(key.owner)); break;
    case domain::OwnerType::external:
      owner = key.text->external_owner();
      if (!std::all_of(owner.begin(), owner.end(), is_plain)) {
        append_encoded(owner_, owner);
        owner = owner_;
      }
      break;
    case domain::OwnerType::project:
    case domain::OwnerType::target: break;  // of kinds that open no service
  }
  fields_ = {{{"X-Keywright-Key-Id", key.id.view()},
              {"X-Keywright-Owner", owner},
              {"X-Keywright-Owner-Type", json::enum_name(key.owner_type)},
              {"X-Keywright-Permissions", permissions}}};
}

}  // namespace keywright::gateway
