#include <cctype>

#include "api/graphql/objects.h"
#include "app/authority.h"

namespace keywright::graphql_face {
namespace {

using graphql::Resolving;
using graphql::Value;

const domain::Organization* visible_organization(Visit& visit, const Uuid& id) {
  const domain::OrganizationId organization{id};
  if (!visit.may_look("organizations.get", organization)) return nullptr;
  return visit.directory().find<domain::Organization>(id);
}

Value viewer(Resolving& field) {
  auto& visit = field.context<Visit>();
  const domain::User* user = visit.user();
  if (user == nullptr) return refuse(field, app::unauthenticated());
  return Value::object(user);
}

Value organization(Resolving& field) {
  const auto id = Uuid::parse(field.argument_text("id"));
  const auto* found = id ? visible_organization(field.context<Visit>(), *id) : nullptr;
  if (found == nullptr) return refuse(field, app::not_found("organization"));
  return Value::object(found);
}

// Another person is seen by those who may look at the people of an organization they share.
bool may_see(Visit& visit, const domain::User& other) {
  const domain::User* user = visit.user();
  if (user == nullptr) return false;
  if (user->id == other.id) return true;
  for (const domain::Membership& membership : other.memberships) {
    if (visit.may_look("users.get", membership.organization_id)) return true;
  }
  return false;
}

template <class T>
const T* visible_object(Visit& visit, std::string_view operation, const Uuid& id) {
  if (!visit.may_call(operation)) return nullptr;
  auto found = app::visible<T>(visit.directory(), visit.call_of(operation), id, "object");
  return found ? *found : nullptr;
}

Value no_such_node(Resolving& field) {
  return field.fail("NOT_FOUND", "Nothing that you may look at has this id.");
}

Task<graphql::Outcome> read_key(Visit& visit, std::string id) {
  Parameters parameters{{"id", std::move(id)}};
  KW_CO_TRY(const std::string answer,
            co_await visit.perform("keys.get", std::move(parameters), std::string()));
  auto key = std::make_shared<app::KeyView>();
  KW_CO_TRY(*key, json::decode<app::KeyView>(answer, {.form = json::Form::response}));
  co_return graphql::Outcome(std::shared_ptr<const void>(std::move(key)));
}

// One's own: others' keys are found through the organization.
Value key_node(Resolving& field, const std::string& id) {
  auto& visit = field.context<Visit>();
  if (auto allowed = visit.may_call("keys.get"); !allowed) return refuse(field, allowed.error());
  const graphql::Outcome* read =
      field.later("key/" + id, [&visit, id] { return read_key(visit, id); });
  if (read == nullptr) return Value::waiting();
  if (!*read) return refuse(field, read->error());
  const auto* key = static_cast<const app::KeyView*>(read->value().get());
  const bool own = key->owner.id == visit.caller().user.to_string() && is_personal(*key);
  return own ? Value::object(key, field.schema().find("PersonalAPIKey")) : no_such_node(field);
}

Value node(Resolving& field) {
  auto& visit = field.context<Visit>();
  const std::string_view text = field.argument_text("id");
  const auto id = Uuid::parse(text);
  if (!id) {
    const auto key = domain::KeyId::parse(text);
    return key ? key_node(field, key->to_string()) : no_such_node(field);
  }
  const auto as = [&](std::string_view type, const void* object) {
    return Value::object(object, field.schema().find(type));
  };
  const auto* user = visit.directory().find<domain::User>(*id);
  if (user != nullptr && may_see(visit, *user)) return as("Identity", user);
  if (const auto* found = visible_organization(visit, *id)) return as("Organization", found);
  if (const auto* found = visible_object<domain::Target>(visit, "targets.get", *id)) {
    return as("Target", found);
  }
  if (const auto* found = visible_object<domain::Project>(visit, "projects.get", *id)) {
    return as("Project", found);
  }
  return no_such_node(field);
}

}  // namespace

Value id_value(Resolving& field, const Uuid& id) { return Value::text(field.keep(id.to_string())); }

Value time_value(Resolving& field, Time time) {
  std::string text;
  append_rfc3339(text, time);
  return Value::text(field.keep(text));
}

Value time_value(Resolving& field, const std::optional<Time>& time) {
  return time ? time_value(field, *time) : Value::null();
}

Value enum_value(Resolving& field, std::string_view word) {
  std::string name;
  for (char c : word) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return Value::text(field.keep(name));
}

void add_roots(graphql::SchemaBuilder& builder) {
  builder.object("Query", "What can be asked.")
      .field("viewer", "Identity!", "The person who asks, or whose key it is.", &viewer)
      .field("node", "Node", "Whatever has this id, if you may look at it.", &node)
      .argument("id", "ID!", "Id of an identity, organization, target, project or key of yours.")
      .field("organization", "Organization", "One of your organizations.", &organization)
      .argument("id", "ID!", "Id of the organization.");
  builder.interface("Node", "Something with an id by which it is found again.")
      .field("id", "ID!", "Its id, the same in every API.");
  builder.scalar("DateTime", "A point in time: RFC 3339, as in \"2026-11-20T22:33:51.123Z\".")
      .specified_by("https://www.rfc-editor.org/rfc/rfc3339");
}

std::unique_ptr<const graphql::Schema> make_schema() {
  graphql::SchemaBuilder builder;
  add_roots(builder);
  add_mutations(builder);
  add_identity(builder);
  add_organization(builder);
  add_keys(builder);
  add_page_info(builder);
  return std::move(builder).finish();
}

}  // namespace keywright::graphql_face
