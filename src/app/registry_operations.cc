#include <algorithm>

#include "app/operations.h"
#include "app/recording.h"

namespace keywright::app {
namespace {

using domain::McpServer;
using domain::McpServerId;
using domain::OrganizationId;
using domain::Registry;
using domain::Right;
using domain::UserId;
using json::Patch;

KW_LIST_OF(RegistryList, Registry)

struct CreateRegistry {
  std::optional<OrganizationId> organization_id;
  std::string name;
  std::vector<McpServerId> mcp_server_ids;
  std::optional<std::vector<UserId>> user_ids;
  std::optional<bool> everyone;
};
KW_DESCRIBE(CreateRegistry,
            field<&CreateRegistry::organization_id>("organization_id", "Where to make it."),
            field<&CreateRegistry::name>("name", "Shown to people.", required, non_blank,
                                         max_length(255), example("Engineering tools")),
            field<&CreateRegistry::mcp_server_ids>("mcp_server_ids", "Servers in the set.",
                                                   required),
            field<&CreateRegistry::user_ids>("user_ids", "Users it is given to."),
            field<&CreateRegistry::everyone>("everyone",
                                             "True: given to everyone in the organization, also "
                                             "to those who join later."))

struct UpdateRegistry {
  std::string id;
  Patch<std::string> name;
  Patch<std::vector<McpServerId>> mcp_server_ids;
  Patch<std::vector<UserId>> user_ids;
  Patch<bool> everyone;
};
KW_DESCRIBE(
    UpdateRegistry, field<&UpdateRegistry::id>("id", "Id of the registry.", in_path),
    field<&UpdateRegistry::name>("name", "Shown to people.", not_null, non_blank, max_length(255)),
    field<&UpdateRegistry::mcp_server_ids>("mcp_server_ids", "Servers in the set.", not_null),
    field<&UpdateRegistry::user_ids>("user_ids", "Users it is given to."),
    field<&UpdateRegistry::everyone>("everyone", "True: given to the organization.", not_null))

template <class IdType>
void sort_unique(std::vector<IdType>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

// Everything a request names is in the organization. All that is not is listed. What was named
// before and has been deleted since is nobody's fault now.
Result<void> check_members(const Change& change, const Registry& registry, bool servers,
                           bool users) {
  Error error(Code::invalid_argument, "invalid_request", "The registry names what is not there.");
  for (const McpServerId& id : servers ? registry.mcp_server_ids : std::vector<McpServerId>{}) {
    const McpServer* server = change.find<McpServer>(id.value);
    if (server == nullptr || server->organization_id != registry.organization_id) {
      error = std::move(error).with_problem("mcp_server_ids", id.to_string() +
                                                                  " is no MCP server "
                                                                  "of yours");
    }
  }
  for (const UserId& id : users ? registry.user_ids : std::vector<UserId>{}) {
    const domain::User* user = change.find<domain::User>(id.value);
    if (user == nullptr || user->membership_in(registry.organization_id) == nullptr) {
      error = std::move(error).with_problem("user_ids", id.to_string() +
                                                            " is no user of the "
                                                            "organization");
    }
  }
  if (!error.problems().empty()) return fail(std::move(error));
  return {};
}

Result<Registry> create_registry(Change& change, Call& call, const CreateRegistry& input) {
  KW_TRY(auto organization, choose_organization(change, call, input.organization_id));
  const bool everyone = input.everyone.value_or(false);
  if (!input.user_ids && !everyone) {
    return fail(invalid_field("user_ids", "must list users, unless \"everyone\" is true"));
  }
  if (input.user_ids && everyone) {
    return fail(invalid_field("user_ids", "must be left out when \"everyone\" is true"));
  }
  Registry registry{{change.new_id()},
                    organization,
                    input.name,
                    input.mcp_server_ids,
                    input.user_ids.value_or(std::vector<UserId>{}),
                    everyone,
                    change.now};
  sort_unique(registry.mcp_server_ids);
  sort_unique(registry.user_ids);
  KW_CHECK_OK(check_members(change, registry, true, true));
  record_created(change, call, registry, "registry", "/registries");
  return registry;
}

Result<Registry> get_registry(const Directory& directory, Call& call, const ById& input) {
  KW_TRY(const Registry* registry,
         visible<Registry>(directory, call, id_from(input.id), "registry"));
  call.reply.etag = etag_of_object(*registry);
  return *registry;
}

Result<Registry> update_registry(Change& change, Call& call, const UpdateRegistry& input) {
  KW_TRY(const Registry* found, visible<Registry>(change, call, id_from(input.id), "registry"));
  const Registry before = *found;
  Registry after = before;
  input.name.apply_to(after.name);
  input.mcp_server_ids.apply_to(after.mcp_server_ids);
  input.user_ids.apply_to(after.user_ids);
  input.everyone.apply_to(after.everyone);
  if (after.everyone && input.user_ids.has_value() && !after.user_ids.empty()) {
    return fail(invalid_field("user_ids", "must be left out when \"everyone\" is true"));
  }
  if (after.everyone) after.user_ids.clear();
  sort_unique(after.mcp_server_ids);
  sort_unique(after.user_ids);
  KW_CHECK_OK(
      check_members(change, after, input.mcp_server_ids.has_value(), input.user_ids.has_value()));
  change.removes_access();
  KW_CHECK_OK(record_updated(change, call, before, after, "registry"));
  return after;
}

Result<Nothing> delete_registry(Change& change, Call& call, const ById& input) {
  KW_TRY(const Registry* found, visible<Registry>(change, call, id_from(input.id), "registry"));
  KW_CHECK_OK(record_deleted(change, call, Registry(*found), "registry"));
  return Nothing{};
}

}  // namespace

void add_registry_operations(std::vector<Operation>& operations) {
  operations.push_back(
      operation<&list_of<Registry, RegistryList>>({.name = "registries.list",
                                                   .method = "GET",
                                                   .path = "/registries",
                                                   .summary = "List registries",
                                                   .tag = "Registries",
                                                   .right = Right::registries_read}));
  operations.push_back(
      operation<&create_registry>({.name = "registries.create",
                                   .method = "POST",
                                   .path = "/registries",
                                   .summary = "Create a registry: MCP servers, given to users",
                                   .tag = "Registries",
                                   .right = Right::registries_write,
                                   .status = 201}));
  operations.push_back(operation<&get_registry>({.name = "registries.get",
                                                 .method = "GET",
                                                 .path = "/registries/{id}",
                                                 .summary = "Get a registry",
                                                 .tag = "Registries",
                                                 .right = Right::registries_read}));
  operations.push_back(operation<&update_registry>({.name = "registries.update",
                                                    .method = "PATCH",
                                                    .path = "/registries/{id}",
                                                    .summary = "Change a registry",
                                                    .tag = "Registries",
                                                    .right = Right::registries_write}));
  operations.push_back(operation<&delete_registry>({.name = "registries.delete",
                                                    .method = "DELETE",
                                                    .path = "/registries/{id}",
                                                    .summary = "Delete a registry",
                                                    .tag = "Registries",
                                                    .right = Right::registries_write,
                                                    .status = 204,
                                                    .destructive = true}));
}

}  // namespace keywright::app
