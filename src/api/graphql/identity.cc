#include <algorithm>

#include "api/graphql/objects.h"
#include "app/authority.h"
#include "base/text.h"

namespace keywright::graphql_face {
namespace {

using app::KeyView;
using graphql::Input;
using graphql::Resolving;
using graphql::Value;

// Of somebody else only where the caller is, too.
bool is_shown(const Visit& visit, const domain::User& user, const domain::Membership& membership) {
  if (!membership.active) return false;
  if (visit.directory().find<domain::Organization>(membership.organization_id.value) == nullptr) {
    return false;
  }
  const domain::User* viewer = visit.user();
  return viewer != nullptr &&
         (viewer->id == user.id || app::role_in(viewer, membership.organization_id));
}

Value memberships(Resolving& field) {
  const auto& user = field.parent<domain::User>();
  const auto& visit = field.context<Visit>();
  const auto list = field.make_list(user.memberships.size());
  std::size_t count = 0;
  for (const domain::Membership& membership : user.memberships) {
    if (is_shown(visit, user, membership)) list[count++] = Value::object(&membership);
  }
  return Value::list(list.first(count));
}

struct KeyFilter {
  std::vector<std::string> statuses;
  std::vector<std::string> kinds;
  bool revoked = false;
  std::string text;

  bool accepts(const KeyView& key) const {
    const auto holds = [](const std::vector<std::string>& words, std::string_view word) {
      return words.empty() || std::find(words.begin(), words.end(), word) != words.end();
    };
    return is_personal(key) && holds(statuses, key.status) && holds(kinds, key.kind);
  }

  std::string key() const {
    std::string joined = revoked ? "revoked|" : "|";
    for (const std::string& word : statuses) joined += word + ",";
    for (const std::string& word : kinds) joined += word + ",";
    return joined + "|" + text;
  }
};

std::vector<std::string> words_of(const Input& filter, std::string_view name) {
  std::vector<std::string> words;
  const Input* given = filter.find(name);
  if (given == nullptr || given->is_null()) return words;
  for (const auto* item = given->members; item != nullptr; item = item->next) {
    words.push_back(to_ascii_lower(item->value.text));
  }
  return words;
}

KeyFilter read_filter(const Resolving& field) {
  KeyFilter filter;
  const Input* given = field.argument("filter");
  if (given == nullptr || given->is_null()) return filter;
  filter.statuses = words_of(*given, "status");
  filter.kinds = words_of(*given, "kind");
  filter.text = given->text_of("query");
  const Input* revoked = given->find("includeRevoked");
  filter.revoked = revoked != nullptr && revoked->boolean;
  for (const std::string& status : filter.statuses) {
    filter.revoked = filter.revoked || status == "revoked";
  }
  return filter;
}

struct OwnKeys {
  ListSource<KeyView> source;
  std::string key;
};

OwnKeys own_keys(const KeyFilter& filter) {
  OwnKeys own;
  own.source.operation = "keys.list";
  if (filter.revoked) own.source.parameters.emplace_back("include", "revoked");
  if (!filter.text.empty()) own.source.parameters.emplace_back("q", filter.text);
  own.source.cursor_of = key_cursor;
  own.source.accepts = [filter](const KeyView& key) { return filter.accepts(key); };
  own.key = "own keys|" + filter.key();
  return own;
}

Value count_keys(Resolving& field, const void* of) {
  const OwnKeys own = own_keys(*static_cast<const KeyFilter*>(of));
  return counted(field, own.key, own.source);
}

Value personal_keys(Resolving& field) {
  auto& visit = field.context<Visit>();
  const auto& user = field.parent<domain::User>();
  if (auto allowed = visit.may_call("keys.list"); !allowed) return refuse(field, allowed.error());
  if (user.id != visit.caller().user) {
    return refuse(field, app::forbidden("These are somebody else's keys; an administrator finds "
                                        "them through the organization."));
  }
  const KeyFilter filter = read_filter(field);
  const OwnKeys own = own_keys(filter);
  const KeyFilter* kept = visit.keep(filter);
  return connection(field, own.key, own.source, kKeyCursor, &count_keys, kept);
}

}  // namespace

void add_identity(graphql::SchemaBuilder& builder) {
  using domain::Membership;
  using domain::User;
  auto identity = builder.object("Identity", "A person, or a service account.");
  identity.implements("Node")
      .field("id", "ID!", "Id of the user.",
             [](Resolving& field) { return id_value(field, field.parent<User>().id.value); })
      .field("email", "String!", "Address used to sign in; empty for a service account.",
             [](Resolving& field) { return Value::text(field.parent<User>().email); })
      .field("name", "String!", "Shown to people.",
             [](Resolving& field) { return Value::text(field.parent<User>().name); })
      .field("createdAt", "DateTime!", "When the person was added.",
             [](Resolving& field) { return time_value(field, field.parent<User>().created_at); })
      .field("memberships", "[Membership!]!", "Where the person belongs, oldest first.",
             &memberships)
      .items(5)
      .field("personalAPIKeys", "PersonalAPIKeyConnection!",
             "Your own keys of kind personal, mcp and access. From a session only.",
             &personal_keys);
  add_page_arguments(identity);
  identity.argument("filter", "PersonalAPIKeyFilter", "Only keys like these.");
  builder.object("Membership", "A person's place in an organization.")
      .field("organization", "Organization!", "Where it is.",
             [](Resolving& field) {
               const auto& visit = field.context<Visit>();
               const Uuid id = field.parent<Membership>().organization_id.value;
               return Value::object(visit.directory().find<domain::Organization>(id));
             })
      .field("role", "Role!", "What the person may do there.", [](Resolving& field) {
        return enum_value(field, json::enum_name(field.parent<Membership>().role));
      });
  builder.enumeration("Role", "What somebody may do in an organization.")
      .value("OWNER", "Everything, the organization itself and other owners included.")
      .value("ADMIN", "Also people, registries, MCP servers, every key and policy.")
      .value("MEMBER", "Also writes projects, platforms, targets and services.")
      .value("VIEWER", "Reads.")
      .value("AUDITOR", "Reads everything, all keys and the audit log included.");
}

}  // namespace keywright::graphql_face
