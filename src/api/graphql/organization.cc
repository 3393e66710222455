#include "api/graphql/objects.h"
#include "app/authority.h"
#include "base/encoding.h"

namespace keywright::graphql_face {
namespace {

using domain::McpServer;
using domain::Organization;
using domain::OrganizationId;
using domain::Project;
using domain::Target;
using graphql::Resolving;
using graphql::Value;

template <class T>
std::string record_cursor(const T& object) {
  return encode_base64url(object.id.value.bytes);
}

// The operation lists memberships: its cursors are theirs.
std::string member_cursor(const app::Directory& directory, const app::UserView& member) {
  const auto* user = directory.find<domain::User>(member.id.value);
  const auto* held = user == nullptr ? nullptr : user->membership_in(member.organization_id);
  return held == nullptr ? std::string() : encode_base64url(held->id.value.bytes);
}

template <class T>
Value count_records(Resolving& field, const void* of) {
  const OrganizationId organization = static_cast<const Organization*>(of)->id;
  std::int64_t count = 0;
  field.context<Visit>().directory().table<T>().for_each([&](const T& object) {
    if (object.organization_id == organization) ++count;
  });
  return Value::integer(count);
}

Value count_members(Resolving& field, const void* of) {
  const OrganizationId organization = static_cast<const Organization*>(of)->id;
  std::int64_t count = 0;
  field.context<Visit>().directory().table<domain::User>().for_each([&](const domain::User& user) {
    if (user.membership_in(organization) != nullptr) ++count;
  });
  return Value::integer(count);
}

template <class T>
Value list_in(Resolving& field, const std::string& operation,
              std::function<std::string(const T&)> cursor_of,
              Value (*count)(Resolving&, const void*)) {
  const auto& organization = field.parent<Organization>();
  auto& visit = field.context<Visit>();
  if (auto allowed = visit.may_look(operation, organization.id); !allowed) {
    return refuse(field, allowed.error());
  }
  const std::string id = organization.id.to_string();
  ListSource<T> source;
  source.operation = operation;
  source.parameters = {{"organization_id", id}};
  source.cursor_of = std::move(cursor_of);
  return connection(field, operation + "|" + id, source, kRecordCursor, count, &organization);
}

Value targets(Resolving& field) {
  return list_in<Target>(field, "targets.list", record_cursor<Target>, &count_records<Target>);
}
Value projects(Resolving& field) {
  return list_in<Project>(field, "projects.list", record_cursor<Project>, &count_records<Project>);
}
Value mcp_servers(Resolving& field) {
  return list_in<McpServer>(field, "mcp_servers.list", record_cursor<McpServer>,
                            &count_records<McpServer>);
}
Value members(Resolving& field) {
  const app::Directory& directory = field.context<Visit>().directory();
  const auto cursor_of = [&directory](const app::UserView& member) {
    return member_cursor(directory, member);
  };
  return list_in<app::UserView>(field, "users.list", cursor_of, &count_members);
}

ListSource<app::KeyView> keys_of(const Organization& organization) {
  ListSource<app::KeyView> source;
  source.operation = "keys.list";
  source.parameters = {{"organization_id", organization.id.to_string()}, {"owner", "all"}};
  source.cursor_of = key_cursor;
  return source;
}

Value count_keys(Resolving& field, const void* of) {
  const auto& organization = *static_cast<const Organization*>(of);
  return counted(field, "keys|" + organization.id.to_string(), keys_of(organization));
}

Value api_keys(Resolving& field) {
  const auto& organization = field.parent<Organization>();
  auto& visit = field.context<Visit>();
  if (auto allowed = visit.may_call("keys.list"); !allowed) return refuse(field, allowed.error());
  auto allowed = app::authorise(visit.directory(), visit.call_of("keys.list"), organization.id,
                                domain::Right::keys_read_all);
  if (!allowed) return refuse(field, allowed.error());
  return connection(field, "keys|" + organization.id.to_string(), keys_of(organization), kKeyCursor,
                    &count_keys, &organization);
}

template <class T>
Value id(Resolving& field) {
  return id_value(field, field.parent<T>().id.value);
}
template <class T>
Value name(Resolving& field) {
  return Value::text(field.parent<T>().name);
}
template <class T>
Value url(Resolving& field) {
  return Value::text(field.parent<T>().url);
}
template <class T>
Value created_at(Resolving& field) {
  return time_value(field, field.parent<T>().created_at);
}
template <class T>
Value organization_of(Resolving& field) {
  const Uuid organization = field.parent<T>().organization_id.value;
  const auto* found = field.context<Visit>().directory().find<Organization>(organization);
  if (found == nullptr) return refuse(field, app::not_found("organization"));
  return Value::object(found);
}

void add_objects(graphql::SchemaBuilder& builder) {
  builder.object("Target", "Something that is scanned or called, with its own keys.")
      .implements("Node")
      .field("id", "ID!", "Id of the target.", &id<Target>)
      .field("name", "String!", "Shown to people.", &name<Target>)
      .field("url", "String!", "Address that the target stands for.", &url<Target>)
      .field("createdAt", "DateTime!", "When it was made.", &created_at<Target>)
      .field("organization", "Organization!", "Where it belongs.", &organization_of<Target>);
  add_connection<Target>(builder, "Target");
  builder.object("Project", "What traces are collected for.")
      .implements("Node")
      .field("id", "ID!", "Id of the project.", &id<Project>)
      .field("name", "String!", "Shown to people.", &name<Project>)
      .field("createdAt", "DateTime!", "When it was made.", &created_at<Project>)
      .field("organization", "Organization!", "Where it belongs.", &organization_of<Project>);
  add_connection<Project>(builder, "Project");
  builder.object("MCPServer", "An MCP server that keys can be connected to.")
      .field("id", "ID!", "Id of the server.", &id<McpServer>)
      .field("name", "String!", "Shown to people.", &name<McpServer>)
      .field("slug", "String!", "Name in addresses: /mcp-connect/{slug}.",
             [](Resolving& field) { return Value::text(field.parent<McpServer>().slug); })
      .field("url", "String!", "Upstream address.", &url<McpServer>)
      .field("enabled", "Boolean!", "May anybody connect?",
             [](Resolving& field) { return Value::boolean(field.parent<McpServer>().enabled); })
      .field("createdAt", "DateTime!", "When it was made.", &created_at<McpServer>);
  add_connection<McpServer>(builder, "MCPServer");
}

void add_member(graphql::SchemaBuilder& builder) {
  using app::UserView;
  builder.object("Member", "A person of an organization, with the role held there.")
      .field("id", "ID!", "Id of the user.", &id<UserView>)
      .field("email", "String!", "Address used to sign in; empty for a service account.",
             [](Resolving& field) { return Value::text(field.parent<UserView>().email); })
      .field("name", "String!", "Shown to people.", &name<UserView>)
      .field("role", "Role!", "What the person may do in this organization.",
             [](Resolving& field) {
               return enum_value(field, json::enum_name(field.parent<UserView>().role));
             })
      .field("active", "Boolean!", "False: signed out, and keys refused.",
             [](Resolving& field) { return Value::boolean(field.parent<UserView>().active); })
      .field(
          "serviceAccount", "Boolean!", "True: nobody signs in as it.",
          [](Resolving& field) { return Value::boolean(field.parent<UserView>().service_account); })
      .field("createdAt", "DateTime!", "When the user was made.", &created_at<UserView>);
  add_connection<UserView>(builder, "Member");
}

}  // namespace

void add_organization(graphql::SchemaBuilder& builder) {
  auto organization = builder.object("Organization", "An organization, with what belongs to it.");
  organization.implements("Node")
      .field("id", "ID!", "Id of the organization.", &id<Organization>)
      .field("name", "String!", "Shown to people.", &name<Organization>)
      .field("createdAt", "DateTime!", "When it was made.", &created_at<Organization>)
      .field("targets", "TargetConnection!", "Its targets.", &targets);
  add_page_arguments(organization);
  organization.field("projects", "ProjectConnection!", "Its projects.", &projects);
  add_page_arguments(organization);
  organization.field("mcpServers", "MCPServerConnection!", "Its MCP servers.", &mcp_servers);
  add_page_arguments(organization);
  organization.field("members", "MemberConnection!", "Its people and service accounts.", &members);
  add_page_arguments(organization);
  organization.field("apiKeys", "APIKeyConnection",
                     "Every key made there, for those who may read all keys. From a session only.",
                     &api_keys);
  add_page_arguments(organization);
  add_objects(builder);
  add_member(builder);
}

}  // namespace keywright::graphql_face
