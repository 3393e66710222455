// MCP servers and services: both are upstreams with a slug and sealed headers.
#include <algorithm>

#include "app/mcp_health.h"
#include "app/operations.h"
#include "app/recording.h"
#include "app/upstream.h"

namespace keywright::app {
namespace {

using domain::McpServer;
using domain::OrganizationId;
using domain::Right;
using domain::Service;
using json::Patch;
using Headers = std::map<std::string, std::string>;

constexpr std::string_view kReservedSlugs[] = {"obtain", "verify", "refresh", "revoke"};

tl::unexpected<Error> slug_taken(std::string_view slug) {
  return fail(Error(Code::conflict, "slug_taken",
                    "The slug \"" + std::string(slug) + "\" is taken; choose another one.")
                  .with_problem("slug", "is taken"));
}

// Slugs stand in addresses without an organization, so they are unique in the installation.
Result<void> check_mcp_server_slug(const Change& change, const McpServer& server) {
  KW_CHECK_OK(check_slug(server.slug));
  const auto same = [&](const McpServer& other) {
    return other.slug == server.slug && other.id != server.id;
  };
  if (Uuid::parse(server.slug)) return fail(invalid_field("slug", "must not look like an id"));
  const McpServer* indexed = change.directory().find_mcp_server(server.slug);
  const McpServer* newest = indexed ? change.find<McpServer>(indexed->id.value) : nullptr;
  if ((newest && same(*newest)) || change.find_pending<McpServer>(same)) {
    return slug_taken(server.slug);
  }
  return {};
}

Result<void> check_service_slug(const Change& change, const Service& service) {
  KW_CHECK_OK(check_slug(service.slug));
  if (std::find(std::begin(kReservedSlugs), std::end(kReservedSlugs), service.slug) !=
      std::end(kReservedSlugs)) {
    return fail(invalid_field("slug", "is reserved; choose another one"));
  }
  const auto same = [&](const Service& other) {
    return other.slug == service.slug && other.id != service.id;
  };
  if (Uuid::parse(service.slug)) return fail(invalid_field("slug", "must not look like an id"));
  const Service* indexed = change.directory().find_service(service.slug);
  const Service* newest = indexed ? change.find<Service>(indexed->id.value) : nullptr;
  if ((newest && same(*newest)) || change.find_pending<Service>(same)) {
    return slug_taken(service.slug);
  }
  return {};
}

// Seals `headers` into an object that has sealed_headers and header_names.
template <class T>
Result<void> set_headers(Change& change, T& object, std::string_view place,
                         const Headers& headers) {
  KW_TRY(object.sealed_headers,
         seal_headers(change, std::string(place) + "/" + object.id.to_string(), headers));
  object.header_names = names_of(object.sealed_headers);
  return {};
}

struct CreateMcpServer {
  std::optional<OrganizationId> organization_id;
  std::string name;
  std::optional<std::string> slug;
  std::string url;
  Headers headers;
  bool enabled = true;
};
KW_DESCRIBE(CreateMcpServer,
            field<&CreateMcpServer::organization_id>("organization_id", "Where to register it."),
            field<&CreateMcpServer::name>("name", "Shown to people.", required, non_blank,
                                          max_length(255), example("Issue tracker")),
            field<&CreateMcpServer::slug>("slug",
                                          "Name in addresses; made from the name if left "
                                          "out.",
                                          example("issue-tracker")),
            field<&CreateMcpServer::url>("url", "Where its Streamable HTTP endpoint is.", required,
                                         format("uri"), example("https://mcp.example.com/mcp")),
            field<&CreateMcpServer::headers>("headers",
                                             "Added to each request upstream; stored "
                                             "sealed, never shown again.",
                                             write_only, max_items(32)),
            field<&CreateMcpServer::enabled>("enabled", "False: nobody may connect."))

struct UpdateMcpServer {
  std::string id;
  Patch<std::string> name;
  Patch<std::string> slug;
  Patch<std::string> url;
  Patch<Headers> headers;
  Patch<bool> enabled;
};
KW_DESCRIBE(UpdateMcpServer, field<&UpdateMcpServer::id>("id", "Id of the server.", in_path),
            field<&UpdateMcpServer::name>("name", "Shown to people.", not_null, non_blank,
                                          max_length(255)),
            field<&UpdateMcpServer::slug>("slug", "Name in addresses.", not_null),
            field<&UpdateMcpServer::url>("url", "Upstream address.", not_null, format("uri")),
            field<&UpdateMcpServer::headers>("headers", "All headers anew; null for none.",
                                             write_only, max_items(32)),
            field<&UpdateMcpServer::enabled>("enabled", "False: nobody may connect.", not_null))

// From the name; with a number where that is taken, from the id where nothing of the name is left.
std::string free_slug(const Change& change, McpServer server) {
  constexpr int kTries = 100;
  const std::string stem = slug_from(server.name).substr(0, 56);
  const std::string id = server.id.to_string();
  if (stem.empty()) return "server-" + id.substr(id.size() - 12);
  server.slug = stem;
  for (int number = 2; number < kTries && !check_mcp_server_slug(change, server); ++number) {
    server.slug = stem + "-" + std::to_string(number);
  }
  return server.slug;
}

Result<McpServer> create_mcp_server(Change& change, Call& call, const CreateMcpServer& input) {
  KW_TRY(auto organization, choose_organization(change, call, input.organization_id));
  McpServer server;
  server.id = {change.new_id()};
  server.organization_id = organization;
  server.name = input.name;
  server.slug = input.slug ? *input.slug : free_slug(change, server);
  server.url = input.url;
  server.enabled = input.enabled;
  server.created_by = call.caller.user;
  server.created_at = change.now;
  KW_CHECK_OK(parse_upstream("url", server.url, change.settings().allowed_upstreams));
  KW_CHECK_OK(check_mcp_server_slug(change, server));
  KW_CHECK_OK(set_headers(change, server, "mcp_server", input.headers));
  record_created(change, call, server, "mcp_server", "/mcp-servers");
  return server;
}

// A server, and what it answered last.
struct McpServerDetails {
  domain::McpServerId id;
  OrganizationId organization_id;
  std::string name;
  std::string slug;
  std::string url;
  std::vector<std::string> header_names;
  bool enabled = true;
  domain::UserId created_by;
  Time created_at;
  std::optional<McpHealth> health;
};
KW_DESCRIBE(McpServerDetails, field<&McpServerDetails::id>("id", "Id of the server.", read_only),
            field<&McpServerDetails::organization_id>("organization_id", "Where it belongs.",
                                                      read_only),
            field<&McpServerDetails::name>("name", "Shown to people."),
            field<&McpServerDetails::slug>("slug", "Name in addresses: /mcp-connect/{slug}."),
            field<&McpServerDetails::url>("url", "Upstream address."),
            field<&McpServerDetails::header_names>("header_names",
                                                   "Headers added on the way upstream.", read_only),
            field<&McpServerDetails::enabled>("enabled", "False: nobody may connect."),
            field<&McpServerDetails::created_by>("created_by", "User who registered it.",
                                                 read_only),
            field<&McpServerDetails::created_at>("created_at", "When it was made.", read_only),
            field<&McpServerDetails::health>("health",
                                             "What it answered when it was asked last, on this "
                                             "node; null if it was not.",
                                             read_only))

KW_LIST_OF(McpServerList, McpServerDetails)

McpServerDetails with_health(const App& app, McpServer server) {
  std::optional<McpHealth> health;
  if (app.mcp_health != nullptr) health = app.mcp_health->last(server);
  return {server.id,
          server.organization_id,
          std::move(server.name),
          std::move(server.slug),
          std::move(server.url),
          std::move(server.header_names),
          server.enabled,
          server.created_by,
          server.created_at,
          std::move(health)};
}

KW_LIST_OF(PlainMcpServers, McpServer)

Task<Result<McpServerList>> list_mcp_servers(App& app, Call& call, ListInput input) {
  auto listed = co_await list_of<McpServer, PlainMcpServers>(app, call, std::move(input));
  if (!listed) co_return fail(std::move(listed).error());
  McpServerList list;
  for (McpServer& server : listed->items) list.items.push_back(with_health(app, std::move(server)));
  list.next_cursor = std::move(listed->next_cursor);
  co_return list;
}

Task<Result<McpServerDetails>> get_mcp_server(App& app, Call& call, ById input) {
  KW_CO_TRY(const McpServer* server,
            visible<McpServer>(app.directory, call, id_from(input.id), "MCP server"));
  call.reply.etag = etag_of_object(*server);
  co_return with_health(app, *server);
}

// Who may change the address may make us call it.
Task<Result<McpHealth>> probe_mcp_server(App& app, Call& call, ById input) {
  KW_CO_TRY(const McpServer* found,
            visible<McpServer>(app.directory, call, id_from(input.id), "MCP server"));
  if (app.mcp_health == nullptr) {
    co_return fail(Code::unavailable, "unavailable", "MCP servers are not called here.");
  }
  const McpServer server = *found;
  KW_CO_TRY(const McpHealth health, co_await app.mcp_health->probe(server));
  KW_CO_CHECK_OK(visible<McpServer>(app.directory, call, server.id.value, "MCP server"));
  co_return health;
}

Result<McpServer> update_mcp_server(Change& change, Call& call, const UpdateMcpServer& input) {
  KW_TRY(const McpServer* found, visible<McpServer>(change, call, id_from(input.id), "MCP server"));
  const McpServer before = *found;
  McpServer after = before;
  input.name.apply_to(after.name);
  input.slug.apply_to(after.slug);
  input.url.apply_to(after.url);
  input.enabled.apply_to(after.enabled);
  if (input.url.has_value()) {
    KW_CHECK_OK(parse_upstream("url", after.url, change.settings().allowed_upstreams));
  }
  if (input.slug.has_value()) KW_CHECK_OK(check_mcp_server_slug(change, after));
  if (!input.headers.is_unset()) {
    const Headers headers = input.headers.has_value() ? input.headers.value() : Headers{};
    KW_CHECK_OK(set_headers(change, after, "mcp_server", headers));
  }
  if (differs_beyond_name(before, after)) change.removes_access();
  KW_CHECK_OK(record_updated(change, call, before, after, "mcp_server"));
  return after;
}

Result<Nothing> delete_mcp_server(Change& change, Call& call, const ById& input) {
  KW_TRY(const McpServer* found, visible<McpServer>(change, call, id_from(input.id), "MCP server"));
  KW_CHECK_OK(record_deleted(change, call, McpServer(*found), "mcp_server"));
  return Nothing{};
}

KW_LIST_OF(ServiceList, Service)

struct CreateService {
  std::optional<OrganizationId> organization_id;
  std::string name;
  std::string slug;
  std::string upstream_url;
  Headers headers;
  std::optional<std::string> required_permission;
  std::vector<std::string> audiences;
};
KW_DESCRIBE(CreateService,
            field<&CreateService::organization_id>("organization_id", "Where to register it."),
            field<&CreateService::name>("name", "Shown to people.", required, non_blank,
                                        max_length(255), example("Deployments")),
            field<&CreateService::slug>("slug", "Name in addresses: /services/{slug}/...", required,
                                        example("deployments")),
            field<&CreateService::upstream_url>("upstream_url", "Where requests are sent.",
                                                required, format("uri"),
                                                example("https://deploy.example.com")),
            field<&CreateService::headers>("headers",
                                           "Added to each request upstream; stored "
                                           "sealed, never shown again.",
                                           write_only, max_items(32)),
            field<&CreateService::required_permission>("required_permission",
                                                       "Permission that a key needs to pass.",
                                                       non_blank, max_length(255)),
            field<&CreateService::audiences>("audiences",
                                             "Only keys of kinds with one of these audiences may "
                                             "pass; empty: every kind that opens services.",
                                             max_items(9)))

struct UpdateService {
  std::string id;
  Patch<std::string> name;
  Patch<std::string> slug;
  Patch<std::string> upstream_url;
  Patch<Headers> headers;
  Patch<std::string> required_permission;
  Patch<std::vector<std::string>> audiences;
};
KW_DESCRIBE(UpdateService, field<&UpdateService::id>("id", "Id of the service.", in_path),
            field<&UpdateService::name>("name", "Shown to people.", not_null, non_blank,
                                        max_length(255)),
            field<&UpdateService::slug>("slug", "Name in addresses.", not_null),
            field<&UpdateService::upstream_url>("upstream_url", "Where requests are sent.",
                                                not_null, format("uri")),
            field<&UpdateService::headers>("headers", "All headers anew; null for none.",
                                           write_only, max_items(32)),
            field<&UpdateService::required_permission>("required_permission",
                                                       "Permission that a key needs; null: none.",
                                                       non_blank, max_length(255)),
            field<&UpdateService::audiences>("audiences", "Audiences of keys that may pass.",
                                             max_items(9)))

Result<void> check_audiences(const std::vector<std::string>& audiences) {
  for (const std::string& name : audiences) {
    if (json::enum_value<domain::Audience>(name)) continue;
    return fail(invalid_field("audiences", "\"" + name +
                                               "\" is no audience; there are rest, graphql, mcp, "
                                               "mcp-connect, service, traces, targets-api, me and "
                                               "verify"));
  }
  return {};
}

Result<Service> create_service(Change& change, Call& call, const CreateService& input) {
  KW_TRY(auto organization, choose_organization(change, call, input.organization_id));
  Service service;
  service.id = {change.new_id()};
  service.organization_id = organization;
  service.name = input.name;
  service.slug = input.slug;
  service.upstream_url = input.upstream_url;
  service.required_permission = input.required_permission;
  service.audiences = input.audiences;
  service.created_at = change.now;
  KW_CHECK_OK(
      parse_upstream("upstream_url", service.upstream_url, change.settings().allowed_upstreams));
  KW_CHECK_OK(check_audiences(service.audiences));
  KW_CHECK_OK(check_service_slug(change, service));
  KW_CHECK_OK(set_headers(change, service, "service", input.headers));
  record_created(change, call, service, "service", "/services");
  return service;
}

Result<Service> get_service(const Directory& directory, Call& call, const ById& input) {
  KW_TRY(const Service* service, visible<Service>(directory, call, id_from(input.id), "service"));
  call.reply.etag = etag_of_object(*service);
  return *service;
}

Result<Service> update_service(Change& change, Call& call, const UpdateService& input) {
  KW_TRY(const Service* found, visible<Service>(change, call, id_from(input.id), "service"));
  const Service before = *found;
  Service after = before;
  input.name.apply_to(after.name);
  input.slug.apply_to(after.slug);
  input.upstream_url.apply_to(after.upstream_url);
  input.required_permission.apply_to(after.required_permission);
  input.audiences.apply_to(after.audiences);
  if (input.upstream_url.has_value()) {
    KW_CHECK_OK(
        parse_upstream("upstream_url", after.upstream_url, change.settings().allowed_upstreams));
  }
  KW_CHECK_OK(check_audiences(after.audiences));
  if (input.slug.has_value()) KW_CHECK_OK(check_service_slug(change, after));
  if (!input.headers.is_unset()) {
    const Headers headers = input.headers.has_value() ? input.headers.value() : Headers{};
    KW_CHECK_OK(set_headers(change, after, "service", headers));
  }
  if (differs_beyond_name(before, after)) change.removes_access();
  KW_CHECK_OK(record_updated(change, call, before, after, "service"));
  return after;
}

Result<Nothing> delete_service(Change& change, Call& call, const ById& input) {
  KW_TRY(const Service* found, visible<Service>(change, call, id_from(input.id), "service"));
  KW_CHECK_OK(record_deleted(change, call, Service(*found), "service"));
  return Nothing{};
}

}  // namespace

void add_mcp_server_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&list_mcp_servers>({.name = "mcp_servers.list",
                                                     .method = "GET",
                                                     .path = "/mcp-servers",
                                                     .summary = "List MCP servers",
                                                     .tag = "MCP servers",
                                                     .right = Right::mcp_servers_read}));
  operations.push_back(operation<&create_mcp_server>({.name = "mcp_servers.create",
                                                      .method = "POST",
                                                      .path = "/mcp-servers",
                                                      .summary = "Register an MCP server",
                                                      .tag = "MCP servers",
                                                      .right = Right::mcp_servers_write,
                                                      .status = 201}));
  operations.push_back(operation<&get_mcp_server>({.name = "mcp_servers.get",
                                                   .method = "GET",
                                                   .path = "/mcp-servers/{id}",
                                                   .summary = "Get an MCP server",
                                                   .tag = "MCP servers",
                                                   .right = Right::mcp_servers_read}));
  operations.push_back(operation<&probe_mcp_server>(
      {.name = "mcp_servers.probe",
       .method = "POST",
       .path = "/mcp-servers/{id}/probe",
       .summary = "Ask an MCP server whether it answers",
       .tag = "MCP servers",
       .right = Right::mcp_servers_write,
       .unchanging = true,
       .description = "Connects with the server's own headers, as a key's call would, finds out "
                      "which era of the protocol it speaks and how many tools it lists, and ends "
                      "the session that this may have opened. The result is kept in memory and "
                      "shown with the server."}));
  operations.push_back(operation<&update_mcp_server>({.name = "mcp_servers.update",
                                                      .method = "PATCH",
                                                      .path = "/mcp-servers/{id}",
                                                      .summary = "Change an MCP server",
                                                      .tag = "MCP servers",
                                                      .right = Right::mcp_servers_write}));
  operations.push_back(operation<&delete_mcp_server>({.name = "mcp_servers.delete",
                                                      .method = "DELETE",
                                                      .path = "/mcp-servers/{id}",
                                                      .summary = "Remove an MCP server",
                                                      .tag = "MCP servers",
                                                      .right = Right::mcp_servers_write,
                                                      .status = 204,
                                                      .destructive = true}));
}

void add_service_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&list_of<Service, ServiceList>>({.name = "services.list",
                                                                  .method = "GET",
                                                                  .path = "/services",
                                                                  .summary = "List services",
                                                                  .tag = "Services",
                                                                  .right = Right::services_read}));
  operations.push_back(operation<&create_service>({.name = "services.create",
                                                   .method = "POST",
                                                   .path = "/services",
                                                   .summary = "Register a service",
                                                   .tag = "Services",
                                                   .right = Right::services_write,
                                                   .status = 201}));
  operations.push_back(operation<&get_service>({.name = "services.get",
                                                .method = "GET",
                                                .path = "/services/{id}",
                                                .summary = "Get a service",
                                                .tag = "Services",
                                                .right = Right::services_read}));
  operations.push_back(operation<&update_service>({.name = "services.update",
                                                   .method = "PATCH",
                                                   .path = "/services/{id}",
                                                   .summary = "Change a service",
                                                   .tag = "Services",
                                                   .right = Right::services_write}));
  operations.push_back(operation<&delete_service>({.name = "services.delete",
                                                   .method = "DELETE",
                                                   .path = "/services/{id}",
                                                   .summary = "Remove a service",
                                                   .tag = "Services",
                                                   .right = Right::services_write,
                                                   .status = 204,
                                                   .destructive = true}));
}

}  // namespace keywright::app
