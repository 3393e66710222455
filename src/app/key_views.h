// app/key_views.h - keys as the API shows and takes them.
//
// Threading: pure functions and values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/directory.h"
#include "domain/keys/key.h"
#include "json/patch.h"

namespace keywright::app {

struct OwnerView {
  domain::OwnerType type = domain::OwnerType::user;
  std::string id;
  std::string name;
};
KW_DESCRIBE(OwnerView, field<&OwnerView::type>("type", "What kind of owner."),
            field<&OwnerView::id>("id", "Its id."),
            field<&OwnerView::name>("name", "Its name; empty once it is gone."))

struct OwnerInput {
  domain::OwnerType type = domain::OwnerType::user;
  std::string id;
};
KW_DESCRIBE(OwnerInput, field<&OwnerInput::type>("type", "What kind of owner.", required),
            field<&OwnerInput::id>("id", "Its id.", required, non_blank, max_length(255)))

// {"all": true} or {"ids": [...]}.
struct ScopeView {
  json::Patch<bool> all;
  json::Patch<std::vector<std::string>> ids;
  json::Patch<std::string> resource_type;
};
KW_DESCRIBE(ScopeView,
            field<&ScopeView::all>("all", "True: everything there is, and what comes later.",
                                   not_null),
            field<&ScopeView::ids>("ids", "Only these.", not_null, max_length(255)),
            field<&ScopeView::resource_type>("resource_type", "Customer keys: what the ids name.",
                                             not_null, non_blank, max_length(64)))

struct CreditsView {
  std::int64_t remaining = 0;
  std::optional<domain::Refill> refill;
};
KW_DESCRIBE(CreditsView,
            field<&CreditsView::remaining>("remaining", "Checks that will still be accepted.",
                                           required, minimum(0), maximum(1000000000000)),
            field<&CreditsView::refill>("refill", "Raises `remaining` again and again."))

struct VersionView {
  std::int64_t number = 1;
  std::string mask;
  Time created_at;
  std::optional<Time> retires_at;
  std::optional<Time> last_used_at;
};
KW_DESCRIBE(VersionView, field<&VersionView::number>("number", "1 for the first secret."),
            field<&VersionView::mask>("mask", "What may be shown of the secret."),
            field<&VersionView::created_at>("created_at", "When the secret was made."),
            field<&VersionView::retires_at>("retires_at",
                                            "When it stops working; null: not retired."),
            field<&VersionView::last_used_at>("last_used_at", "Last accepted use; null: never."))

struct EffectiveOn {
  std::int64_t nodes = 1;
  std::int64_t waited_ms = 0;
};
KW_DESCRIBE(EffectiveOn,
            field<&EffectiveOn::nodes>("nodes", "Nodes that had applied it before the answer."),
            field<&EffectiveOn::waited_ms>("waited_ms", "How long that took, in milliseconds."))

// How often a key was used, one number for each day and the running one last.
struct KeyUsage {
  std::string step;
  std::vector<std::int64_t> accepted;
  std::vector<std::int64_t> refused;
};
KW_DESCRIBE(KeyUsage, field<&KeyUsage::step>("step", "day."),
            field<&KeyUsage::accepted>("accepted", "Accepted uses of 30 days, today's last."),
            field<&KeyUsage::refused>("refused", "Refused uses of the same days."))

struct KeyView {
  std::string id;
  std::int64_t serial = 0;
  std::string kind;
  std::string name;
  std::string description;
  std::optional<std::string> prefix;
  std::optional<std::string> last4;
  std::string mask;
  OwnerView owner;
  domain::OrganizationId organization_id;
  std::optional<domain::KeyspaceId> keyspace_id;
  std::vector<std::string> audiences;
  std::optional<ScopeView> scope;
  std::optional<std::vector<std::string>> permissions;
  std::vector<domain::Limit> limits;
  std::optional<CreditsView> credits;
  std::vector<Cidr> allowed_cidrs;
  json::Raw metadata;
  std::string status;
  std::optional<std::string> status_reason;
  Time created_at;
  std::string created_by;
  std::optional<Time> expires_at;
  std::optional<std::int64_t> idle_timeout_seconds;
  std::optional<Time> last_used_at;
  std::optional<std::string> last_used_ip;
  std::optional<Time> revoked_at;
  std::vector<VersionView> versions;
  json::Patch<KeyUsage> usage;
  json::Patch<Secret<std::string>> key;
};
KW_DESCRIBE(KeyView, field<&KeyView::id>("id", "Id of the key, 12 characters."),
            field<&KeyView::serial>("serial", "Small integer id."),
            field<&KeyView::kind>("kind", "What it is for."),
            field<&KeyView::name>("name", "Shown to people."),
            field<&KeyView::description>("description", "What it is used for."),
            field<&KeyView::prefix>("prefix", "First characters of the secret that may be shown."),
            field<&KeyView::last4>("last4", "Last characters that may be shown."),
            field<&KeyView::mask>("mask", "The secret as it may be shown."),
            field<&KeyView::owner>("owner", "Who it acts for."),
            field<&KeyView::organization_id>("organization_id", "Where it was made."),
            field<&KeyView::keyspace_id>("keyspace_id", "Customer keys: their keyspace."),
            field<&KeyView::audiences>("audiences", "What its kind opens."),
            field<&KeyView::scope>("scope", "What it is narrowed to; null: not narrowed."),
            field<&KeyView::permissions>("permissions", "Permissions it holds; null: none listed."),
            field<&KeyView::limits>("limits", "Rate limits."),
            field<&KeyView::credits>("credits", "Checks left; null: not counted."),
            field<&KeyView::allowed_cidrs>("allowed_cidrs", "Networks; empty: from anywhere."),
            field<&KeyView::metadata>("metadata", "Whatever you attached."),
            field<&KeyView::status>("status", "active, disabled, expired or revoked.",
                                    keyword("active, disabled, expired, revoked")),
            field<&KeyView::status_reason>("status_reason", "Why, where there is more to say."),
            field<&KeyView::created_at>("created_at", "When it was made."),
            field<&KeyView::created_by>("created_by", "Id of the user or key that made it."),
            field<&KeyView::expires_at>("expires_at", "When it expires; null: never."),
            field<&KeyView::idle_timeout_seconds>("idle_timeout_seconds",
                                                  "It expires when unused for so long; null: "
                                                  "never."),
            field<&KeyView::last_used_at>("last_used_at", "Last accepted use; null: never."),
            field<&KeyView::last_used_ip>("last_used_ip", "Address of the last accepted use."),
            field<&KeyView::revoked_at>("revoked_at", "When it was revoked; null: it is not."),
            field<&KeyView::versions>("versions", "Its secrets, newest first."),
            field<&KeyView::usage>("usage", "Only in a list with `include=usage`."),
            field<&KeyView::key>("key",
                                 "The secret. Only in the answer that creates or rotates the key; "
                                 "null when that answer is repeated.",
                                 shown))

std::optional<ScopeView> view_of(const std::optional<domain::Scope>& scope);
std::vector<std::string> audience_names(const domain::Kind& kind);
OwnerView owner_view(const Directory& directory, const domain::KeyRecord& key);
OwnerView owner_view(const Directory& directory, const domain::KeyOwner& owner);

// With status, last use and credits as of now.
KeyView view_of(const Directory& directory, const domain::Key& key, Time now);
domain::Status status_now(const Directory& directory, const domain::Key& key, Time now);
// Changes when a person changes the key, not when it is used.
std::string etag_of(const domain::Key& key);

}  // namespace keywright::app
