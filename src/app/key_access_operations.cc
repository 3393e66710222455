// What a key reaches right now, and why not the rest: its scope against its owner's rights and the
// state of each resource, asked of decide() like any check.

#include "app/keys.h"
#include "app/listing.h"
#include "app/mcp_health.h"
#include "app/operations.h"
#include "domain/keys/decide.h"

namespace keywright::app {
namespace {

using domain::Decision;
using domain::KeyRecord;
using domain::McpServer;
using domain::Outcome;
using domain::OwnerType;
using domain::Platform;
using domain::ResourceType;
using domain::Target;

constexpr std::size_t kItemsMax = 1000;

struct ReachedResource {
  std::string id;
  std::string name;
  bool reachable = false;
  domain::Outcome code = Outcome::valid;
  std::optional<std::string> problem;
  std::optional<McpHealth> health;
};
KW_DESCRIBE(ReachedResource, field<&ReachedResource::id>("id", "Its id, as the scope names it."),
            field<&ReachedResource::name>("name", "Its name; empty once it is gone."),
            field<&ReachedResource::reachable>("reachable",
                                               "Whether the key opens it right now, and it is not "
                                               "known to be down."),
            field<&ReachedResource::code>("code", "What a check for it answers."),
            field<&ReachedResource::problem>("problem",
                                             "The key may, but the MCP server did not answer when "
                                             "it was asked last: why."),
            field<&ReachedResource::health>("health",
                                            "What the MCP server answered when this node asked it "
                                            "last; null if it did not, or if the key does not open "
                                            "it."))

struct ActingIn {
  domain::OrganizationId organization_id;
  std::string name;
  domain::Role role = domain::Role::viewer;
};
KW_DESCRIBE(ActingIn, field<&ActingIn::organization_id>("organization_id", "Where the key acts."),
            field<&ActingIn::name>("name", "Name of the organization."),
            field<&ActingIn::role>("role", "The owner's role there: what the key may do."))

struct KeyAccess {
  Outcome code = Outcome::valid;
  std::vector<std::string> audiences;
  std::optional<std::string> resource_type;
  bool all = false;
  std::vector<ReachedResource> items;
  std::vector<ActingIn> organizations;
};
KW_DESCRIBE(
    KeyAccess,
    field<&KeyAccess::code>("code", "What a check of the key alone answers, limits aside."),
    field<&KeyAccess::audiences>("audiences", "What its kind opens."),
    field<&KeyAccess::resource_type>("resource_type",
                                     "What its scope names; null: its kind has no scope."),
    field<&KeyAccess::all>("all", "The scope is open: what comes later is reached, too."),
    field<&KeyAccess::items>("items",
                             "Listed ones, reachable or not; with an open scope those that are "
                             "reached. At most 1000."),
    field<&KeyAccess::organizations>("organizations",
                                     "Keys of a person: where that person's rights apply."))

Decision ask_for(const Directory& directory, const KeyRecord& key,
                 std::optional<domain::ResourceRef> resource, Time now) {
  domain::Ask ask;
  ask.resource = resource;
  ask.spend = false;
  return decide(key, ask, directory, now);
}

template <class T>
std::string name_in(const Directory& directory, std::string_view id) {
  const auto parsed = Uuid::parse(id);
  const T* object = parsed ? directory.find<T>(*parsed) : nullptr;
  return object == nullptr ? "" : object->name;
}

std::string name_of_resource(const Directory& directory, ResourceType type, std::string_view id) {
  switch (type) {
    case ResourceType::mcp_server: return name_in<McpServer>(directory, id);
    case ResourceType::platform: return name_in<Platform>(directory, id);
    case ResourceType::target: return name_in<Target>(directory, id);
    case ResourceType::service:
    case ResourceType::external:
    case ResourceType::none: break;
  }
  return "";
}

struct Looked {
  const App& app;
  const Directory& directory;
  const KeyRecord& key;
  ResourceType type;
  std::string_view type_name;
  Time now;
  std::vector<ReachedResource>& items;

  // `only_reached`: what is not reached is not worth a line.
  void look(std::string_view id, bool only_reached) const {
    if (items.size() >= kItemsMax) return;
    const Decision decision =
        ask_for(directory, key, domain::ResourceRef{type, type_name, id}, now);
    const bool reachable = decision.outcome == Outcome::valid;
    if (!reachable && only_reached) return;
    std::optional<McpHealth> health;
    if (reachable && type == ResourceType::mcp_server) health = health_of(id);
    const bool answers = !health || !health->problem;
    items.push_back({std::string(id), name_of_resource(directory, type, id), reachable && answers,
                     decision.outcome, answers ? std::nullopt : health->problem, health});
  }

  std::optional<McpHealth> health_of(std::string_view id) const {
    const auto parsed = Uuid::parse(id);
    const McpServer* server = parsed ? directory.find<McpServer>(*parsed) : nullptr;
    if (server == nullptr || app.mcp_health == nullptr) return std::nullopt;
    return app.mcp_health->last(*server);
  }

  template <class T>
  void look_at_all() const {
    directory.table<T>().for_each([this](const T& object) { look(object.id.to_string(), true); });
  }
};

// What the kind's keys may be narrowed to, or belong to.
ResourceType resource_of(const domain::Kind& kind) {
  if (kind.owners.contains(OwnerType::target)) return ResourceType::target;
  return kind.scoped_to;
}

void list_resources(const Looked& looked, const std::optional<domain::Scope>& scope) {
  if (scope && !scope->all) {
    for (const std::string& id : scope->ids) looked.look(id, false);
    return;
  }
  switch (looked.type) {
    case ResourceType::mcp_server: return looked.look_at_all<McpServer>();
    case ResourceType::platform: return looked.look_at_all<Platform>();
    case ResourceType::target: return looked.look_at_all<Target>();
    case ResourceType::service:
    case ResourceType::external:
    case ResourceType::none: break;
  }
}

std::vector<ActingIn> acting_in(const Directory& directory, const KeyRecord& key) {
  std::vector<ActingIn> places;
  if (key.owner_type != OwnerType::user) return places;
  const domain::User* owner = directory.user(key.owner);
  if (owner == nullptr) return places;
  for (const domain::Membership& membership : owner->memberships) {
    const auto* organization =
        directory.find<domain::Organization>(membership.organization_id.value);
    if (!membership.active || organization == nullptr) continue;
    places.push_back({organization->id, organization->name, membership.role});
  }
  return places;
}

Task<Result<KeyAccess>> get_access(App& app, Call& call, ById input) {
  const Directory& directory = app.directory;
  KW_CO_CHECK_OK(check_key_manager(directory, call));
  const auto id = domain::KeyId::parse(input.id);
  if (!id) co_return fail(not_found("key"));
  auto read = [&] { return app.store.get_key(*id); };
  KW_CO_TRY(auto stored, co_await app.readers.run(read));
  if (!stored) co_return fail(not_found("key"));
  KW_CO_CHECK_OK(may_act(directory, call, *stored, KeyAct::read));
  const KeyRecord* key = directory.keys().find(*id);
  if (key == nullptr) co_return fail(not_found("key"));
  const domain::Kind& kind = directory.kinds().at(key->kind);
  KeyAccess access;
  access.code = ask_for(directory, *key, std::nullopt, call.now).outcome;
  access.audiences = audience_names(kind);
  const std::optional<domain::Scope>& scope = key->policy->scope;
  ResourceType type = resource_of(kind);
  if (scope && !scope->resource_type.empty()) type = ResourceType::external;
  if (type != ResourceType::none) {
    const bool named_by_key = scope && !scope->resource_type.empty();
    access.resource_type = named_by_key ? scope->resource_type : json::enum_name(type);
    access.all = !scope || scope->all;
    list_resources({app, directory, *key, type, *access.resource_type, call.now, access.items},
                   scope);
  }
  access.organizations = acting_in(directory, *key);
  co_return access;
}

}  // namespace

void add_key_access_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&get_access>(
      {.name = "keys.access",
       .method = "GET",
       .path = "/keys/{id}/access",
       .summary = "What a key reaches now",
       .tag = "Keys",
       .admits = Admits::key_managers,
       .permission = "keys:read",
       .description = "The key's scope against its owner's rights and the state of each resource, "
                      "as a check at this moment would see them."}));
}

}  // namespace keywright::app
