#include <algorithm>

#include <fmt/format.h>

#include "app/keys.h"
#include "app/listing.h"
#include "app/operations.h"
#include "app/recording.h"
#include "app/targets_api.h"
#include "domain/keys/lifecycle.h"

namespace keywright::app {
namespace {

using domain::Key;
using domain::Kind;
using domain::OrganizationId;
using json::Patch;

struct CreateKey : KeyRequest {
  std::optional<OrganizationId> organization_id;
};
KW_DESCRIBE(
    CreateKey,
    field<&CreateKey::organization_id>("organization_id",
                                       "Where to make it; your oldest organization if left "
                                       "out."),
    field<&CreateKey::kind>("kind", "What it is for.", required,
                            keyword("personal, mcp, access, connect, ingest, account, "
                                    "target, management, customer")),
    field<&CreateKey::name>("name", "Shown to people.", required, non_blank, max_length(255),
                            example("CI pipeline")),
    field<&CreateKey::description>("description", "What it is used for.", max_length(2000)),
    field<&CreateKey::expires_at>("expires_at", "When it expires; required for personal and mcp."),
    field<&CreateKey::idle_timeout_seconds>("idle_timeout_seconds",
                                            "It expires when unused for so long.", minimum(1),
                                            maximum(domain::kIdleTimeoutSecondsMax)),
    field<&CreateKey::scope>("scope", "What it is narrowed to, where its kind can be."),
    field<&CreateKey::owner>("owner", "Who it acts for, when that is not you."),
    field<&CreateKey::keyspace_id>("keyspace_id", "Customer keys: their keyspace."),
    field<&CreateKey::permissions>("permissions", "What it may do.", max_items(100)),
    field<&CreateKey::limits>("limits", "Rate limits.", max_items(8)),
    field<&CreateKey::credits>("credits", "How many checks it has, and how they come back."),
    field<&CreateKey::allowed_cidrs>("allowed_cidrs", "Networks it may be used from.",
                                     max_items(100)),
    field<&CreateKey::metadata>("metadata", "Whatever you want to attach.", object_only))

const Kind* kind_named(const Directory& directory, std::string_view name) {
  return directory.kinds().named(name);
}

Error unknown_kind(const Directory& directory) {
  std::string names;
  for (const Kind& kind : directory.kinds().all()) {
    names += (names.empty() ? "" : ", ") + kind.name;
  }
  return invalid_field("kind", "must be one of: " + names);
}

// The organization the key will belong to. From a session it needs no right of its own there: what
// the caller may do follows from the owner he names.
Result<KeyView> create_key(Change& change, Call& call, const CreateKey& input) {
  KW_CHECK_OK(check_key_manager(change.directory(), call));
  const Kind* kind = kind_named(change.directory(), input.kind);
  if (kind == nullptr) return fail(unknown_kind(change.directory()));
  KW_TRY(auto organization, choose_organization(change, call, input.organization_id));
  KW_TRY(auto owner, choose_owner(change, call, *kind, input.owner, organization));
  KW_TRY(KeyOrder order, check_order(change, input, owner, organization));
  IssuedKey issued =
      issue_key(change, std::move(order), call.caller.name(), username_of(change, call));
  auto event = key_event(change, call, issued.key);
  event.details = json::Raw::trusted("{\"kind\":\"" + kind->name + "\"}");
  change.audit(std::move(event));
  call.reply.location = "/keys/" + issued.key.id.to_string();
  call.reply.etag = etag_of(issued.key);
  KeyView view = view_of(change.directory(), issued.key, change.now);
  view.key = Patch<Secret<std::string>>(std::move(issued.token));
  return view;
}

// The same for the targets API, whose keys need no name.
struct CreateUnnamedKey : CreateKey {};
KW_DESCRIBE(CreateUnnamedKey,
            field<&CreateUnnamedKey::organization_id>("organization_id", "Where to make it."),
            field<&CreateUnnamedKey::kind>("kind", "What it is for.", required),
            field<&CreateUnnamedKey::name>("name", "Shown to people.", max_length(255)),
            field<&CreateUnnamedKey::owner>("owner", "Who it acts for."))

Result<KeyView> create_unnamed(Change& change, Call& call, const CreateUnnamedKey& input) {
  return create_key(change, call, input);
}

struct UpdateKey {
  std::string id;
  Patch<std::string> name;
  Patch<std::string> description;
  Patch<Time> expires_at;
  Patch<std::int64_t> idle_timeout_seconds;
  Patch<ScopeView> scope;
  Patch<std::vector<std::string>> permissions;
  Patch<std::vector<domain::Limit>> limits;
  Patch<CreditsView> credits;
  Patch<std::vector<Cidr>> allowed_cidrs;
  Patch<json::Raw> metadata;
};
KW_DESCRIBE(
    UpdateKey, field<&UpdateKey::id>("id", "Id of the key.", in_path),
    field<&UpdateKey::name>("name", "Shown to people.", not_null, non_blank, max_length(255)),
    field<&UpdateKey::description>("description", "What it is used for.", max_length(2000)),
    field<&UpdateKey::expires_at>("expires_at", "When it expires; null: never."),
    field<&UpdateKey::idle_timeout_seconds>("idle_timeout_seconds",
                                            "It expires when unused for so long; null: "
                                            "never.",
                                            minimum(1), maximum(domain::kIdleTimeoutSecondsMax)),
    field<&UpdateKey::scope>("scope", "What it is narrowed to."),
    field<&UpdateKey::permissions>("permissions", "What it may do.", max_items(100)),
    field<&UpdateKey::limits>("limits", "Rate limits; null: none.", max_items(8)),
    field<&UpdateKey::credits>("credits", "Checks it has; null: not counted."),
    field<&UpdateKey::allowed_cidrs>("allowed_cidrs", "Networks; null: from anywhere.",
                                     max_items(100)),
    field<&UpdateKey::metadata>("metadata", "Whatever you attach; null: nothing.", object_only))

constexpr std::chrono::milliseconds kTick{1};  // of the counters' times

void apply_policy(const Change& change, const UpdateKey& input, Key& key, Problems& problems) {
  const Kind& kind = change.directory().kinds().at(key.kind);
  if (!input.scope.is_unset()) {
    std::optional<ScopeView> scope;
    input.scope.apply_to(scope);
    check_scope(change, key, scope, key.policy.scope, problems);
  }
  if (!input.permissions.is_unset()) {
    input.permissions.apply_to(key.policy.permissions);
    check_permissions(kind, key.policy.permissions, problems);
    drop_repeated(key.policy.permissions);
  }
  if (!input.limits.is_unset()) {
    input.limits.apply_to(key.policy.limits);
    check_limits(key.policy.limits, problems);
  }
  input.allowed_cidrs.apply_to(key.policy.allowed_cidrs);
  if (!input.credits.is_unset()) {
    key.policy.has_credits = input.credits.has_value();
    key.policy.refill = input.credits.has_value() ? input.credits.value().refill : std::nullopt;
    key.credits_remaining = input.credits.has_value() ? input.credits.value().remaining : 0;
    // Later than what the counter rests on, else it would keep what it has.
    const Time as_of = change.directory().usage().credits_as_of(key.serial);
    key.credits_set_at = std::max(change.now, std::max(as_of, key.credits_set_at) + kTick);
  }
}

void apply_patch(const Change& change, const UpdateKey& input, Key& key, Problems& problems) {
  const Kind& kind = change.directory().kinds().at(key.kind);
  input.name.apply_to(key.name);
  input.description.apply_to(key.description);
  if (input.name.has_value()) {
    check_shown_text(change.directory().kinds(), "name", key.name, problems);
  }
  if (input.description.has_value()) {
    check_shown_text(change.directory().kinds(), "description", key.description, problems);
  }
  if (!input.expires_at.is_unset()) {
    input.expires_at.apply_to(key.expires_at);
    check_expiry(kind, key.expires_at, change.now, problems);
  }
  input.idle_timeout_seconds.apply_to(key.idle_timeout_seconds);
  input.metadata.apply_to(key.metadata);
  check_metadata(key.metadata, problems);
  apply_policy(change, input, key, problems);
}

Result<KeyView> update_key(Change& change, Call& call, const UpdateKey& input) {
  KW_TRY(Key key, key_for(change, call, input.id, KeyAct::change));
  const domain::Status status = status_now(change.directory(), key, change.now);
  const Kind& kind = change.directory().kinds().at(key.kind);
  KW_CHECK_OK(check_if_match(call, etag_of(key)));
  KW_CHECK_OK(domain::may_edit(status));
  if (!input.expires_at.is_unset() || !input.idle_timeout_seconds.is_unset()) {
    KW_CHECK_OK(domain::may_edit_expiry(key, kind, status));
  }
  const std::string before = json::encode(view_of(change.directory(), key, change.now));
  Problems problems;
  apply_patch(change, input, key, problems);
  KW_CHECK_OK(none_or_error(std::move(problems)));
  call.reply.etag = etag_of(key);
  const KeyView view = view_of(change.directory(), key, change.now);
  auto event = key_event(change, call, key);
  event.details = difference(before, json::encode(view));
  change.audit(std::move(event));
  change.removes_access();
  change.put_key(std::move(key));
  return view_of(change.directory(), *change.pending_key(*domain::KeyId::parse(input.id)),
                 change.now);
}

struct RotateKey {
  std::string id;
  std::int64_t overlap_seconds = 0;
};
KW_DESCRIBE(RotateKey, field<&RotateKey::id>("id", "Id of the key.", in_path),
            field<&RotateKey::overlap_seconds>("overlap_seconds",
                                               "How long the old secret goes on working; 0: it is "
                                               "dead before the answer.",
                                               minimum(0), maximum(domain::kOverlapSecondsMax)))

Result<KeyView> rotate(Change& change, Call& call, const RotateKey& input) {
  KW_TRY(Key key, key_for(change, call, input.id, KeyAct::change));
  KW_CHECK_OK(check_if_match(call, etag_of(key)));
  KW_CHECK_OK(domain::may_rotate(status_now(change.directory(), key, change.now)));
  if (key.keyspace_id && change.find<domain::Keyspace>(key.keyspace_id->value) == nullptr) {
    return fail(not_found("keyspace"));
  }
  IssuedKey issued =
      rotate_key(change, std::move(key), input.overlap_seconds, username_of(change, call));
  auto event = key_event(change, call, issued.key);
  event.details =
      json::Raw::trusted(fmt::format("{{\"overlap_seconds\":{}}}", input.overlap_seconds));
  change.audit(std::move(event));
  change.removes_access();
  call.reply.etag = etag_of(issued.key);
  KeyView view = view_of(change.directory(), issued.key, change.now);
  view.key = Patch<Secret<std::string>>(std::move(issued.token));
  return view;
}

struct FinishRotation {
  std::string id;
  std::optional<std::int64_t> number;
};
KW_DESCRIBE(FinishRotation, field<&FinishRotation::id>("id", "Id of the key.", in_path),
            field<&FinishRotation::number>("number",
                                           "Which old secret, by its number in `versions`; left "
                                           "out: every one that still works.",
                                           minimum(1)))

struct FinishedRotation {
  std::string id;
  std::vector<VersionView> versions;
  EffectiveOn effective_on;
};
KW_DESCRIBE(FinishedRotation, field<&FinishedRotation::id>("id", "Id of the key."),
            field<&FinishedRotation::versions>("versions", "Its secrets, newest first."),
            field<&FinishedRotation::effective_on>("effective_on",
                                                   "Where it is in force: no check is answered "
                                                   "from older records any more."))

// Takes access away as a revocation does, from those who still have the old secret.
Result<FinishedRotation> finish_rotation(Change& change, Call& call, const FinishRotation& input) {
  KW_TRY(Key key, key_for(change, call, input.id, KeyAct::stop));
  KW_CHECK_OK(check_if_match(call, etag_of(key)));
  KW_CHECK_OK(domain::may_edit(status_now(change.directory(), key, change.now)));
  KW_TRY(const bool ended, domain::finish_rotation(key, input.number, change.now));
  if (ended) {
    auto event = key_event(change, call, key);
    if (input.number) {
      event.details = json::Raw::trusted(fmt::format("{{\"number\":{}}}", *input.number));
    }
    change.audit(std::move(event));
    change.removes_access();
    change.put_key(key);
  }
  call.reply.etag = etag_of(key);
  FinishedRotation view;
  view.id = key.id.to_string();
  view.versions = view_of(change.directory(), key, change.now).versions;
  return view;
}

void add_rotation_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&rotate>({.name = "keys.rotate",
                                           .method = "POST",
                                           .path = "/keys/{id}/rotate",
                                           .summary = "Give a key a new secret",
                                           .tag = "Keys",
                                           .admits = Admits::key_managers,
                                           .permission = "keys:write",
                                           .no_store = true,
                                           .destructive = true}));
  operations.push_back(operation<&finish_rotation>(
      {.name = "keys.finish_rotation",
       .method = "POST",
       .path = "/keys/{id}/finish-rotation",
       .summary = "End the overlap of a rotation now",
       .tag = "Keys",
       .admits = Admits::key_managers,
       .permission = "keys:write",
       .destructive = true,
       .description = "The old secrets of a rotated key, or one of them, stop working before the "
                      "answer; the newest one goes on."}));
}

}  // namespace

const Operation& create_unnamed_key() {
  static const Operation made = operation<&create_unnamed>({.name = "keys.create",
                                                            .method = "POST",
                                                            .path = "",
                                                            .summary = "Create a key",
                                                            .tag = "Keys",
                                                            .admits = Admits::key_managers,
                                                            .permission = "keys:write",
                                                            .status = 201,
                                                            .no_store = true});
  return made;
}

void add_key_operations(std::vector<Operation>& operations) {
  add_key_reading_operations(operations);
  add_key_usage_operations(operations);
  add_key_access_operations(operations);
  operations.push_back(operation<&create_key>({.name = "keys.create",
                                               .method = "POST",
                                               .path = "/keys",
                                               .summary = "Create a key",
                                               .tag = "Keys",
                                               .admits = Admits::key_managers,
                                               .permission = "keys:write",
                                               .status = 201,
                                               .no_store = true}));
  operations.push_back(operation<&update_key>({.name = "keys.update",
                                               .method = "PATCH",
                                               .path = "/keys/{id}",
                                               .summary = "Change a key",
                                               .tag = "Keys",
                                               .admits = Admits::key_managers,
                                               .permission = "keys:write"}));
  add_rotation_operations(operations);
  add_key_state_operations(operations);
}

}  // namespace keywright::app
