#include "domain/keys/reach.h"

#include <algorithm>
#include <array>

namespace keywright::domain {
namespace {

// The text of an id, without the heap: scopes hold ids in this form.
class UuidText {
 public:
  explicit UuidText(const Uuid& uuid) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::size_t at = 0;
    for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text_[at++] = '-';
      text_[at++] = kDigits[uuid.bytes[i] >> 4];
      text_[at++] = kDigits[uuid.bytes[i] & 15];
    }
  }
  std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 36> text_{};
};

bool contains(const std::vector<std::string>& ids, std::string_view id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool is_active_member(const Bearer& bearer, OrganizationId organization) {
  const Membership* membership = bearer.user->membership_in(organization);
  return membership && membership->active;
}

// Does the scope let a resource of the kind's own type through? No scope is "all" only for kinds
// whose keys open everything unless they are narrowed.
bool lists(const Bearer& bearer, const Uuid& id) {
  const std::optional<Scope>& scope = bearer.key.policy->scope;
  if (!scope) {
    return bearer.kind.scope == ScopePolicy::none ||
           bearer.kind.scope == ScopePolicy::all_by_default;
  }
  return scope->all || contains(scope->ids, UuidText(id).view());
}

Reach reach_mcp_server(const ResourceRef& ref, const Bearer& bearer, const Records& records,
                       Found& found) {
  if (!bearer.user) return Reach::wrong_type;
  const McpServer* server = records.find_mcp_server(ref.id);
  if (!server ||
      !may_connect(*bearer.user, *server, records.registries_of(server->organization_id))) {
    return Reach::unknown;
  }
  if (!lists(bearer, server->id.value)) return Reach::not_listed;
  found = {{ResourceType::mcp_server, "mcp_server", ref.id, server->name, server},
           server->organization_id};
  return Reach::reached;
}

bool owner_reaches(const Platform& platform, const Bearer& bearer, const Records& records) {
  switch (bearer.key.owner_type) {
    case OwnerType::user: return is_active_member(bearer, platform.organization_id);
    case OwnerType::organization: return platform.organization_id == bearer.organization.id;
    case OwnerType::project: {
      const Project* project = records.project(bearer.key.owner);
      return project && project->id == platform.project_id;
    }
    case OwnerType::target:
    case OwnerType::external: return false;
  }
  return false;
}

Reach reach_platform(const ResourceRef& ref, const Bearer& bearer, const Records& records,
                     Found& found) {
  const Platform* platform = records.find_platform(ref.id);
  if (!platform || !owner_reaches(*platform, bearer, records)) return Reach::unknown;
  if (!lists(bearer, platform->id.value)) return Reach::not_listed;
  found = {{ResourceType::platform, "platform", ref.id, platform->name, platform},
           platform->organization_id};
  return Reach::reached;
}

Reach reach_target(const ResourceRef& ref, const Bearer& bearer, const Records& records,
                   Found& found) {
  const Target* target = records.find_target(ref.id);
  if (!target) return Reach::unknown;
  switch (bearer.key.owner_type) {
    case OwnerType::user:
      if (!is_active_member(bearer, target->organization_id)) return Reach::unknown;
      break;
    case OwnerType::organization:
      if (target->organization_id != bearer.organization.id) return Reach::unknown;
      break;
    case OwnerType::target: {
      const Target* own = records.target(bearer.key.owner);
      if (!own || own->id != target->id) return Reach::unknown;
      break;
    }
    case OwnerType::project:
    case OwnerType::external: return Reach::wrong_type;
  }
  found = {{ResourceType::target, "target", ref.id, target->name, target}, target->organization_id};
  return Reach::reached;
}

bool is_meant_for(const Service& service, const Kind& kind) {
  if (service.audiences.empty()) return true;
  return std::any_of(service.audiences.begin(), service.audiences.end(),
                     [&kind](const std::string& name) {
                       auto audience = json::enum_value<Audience>(name);
                       return audience && kind.audiences.contains(*audience);
                     });
}

Reach reach_service(const ResourceRef& ref, const Bearer& bearer, const Records& records,
                    Found& found) {
  if (bearer.key.owner_type == OwnerType::project || bearer.key.owner_type == OwnerType::target) {
    return Reach::wrong_type;
  }
  const Service* service = records.find_service(ref.id);
  if (!service) return Reach::unknown;
  const bool reaches = bearer.user ? is_active_member(bearer, service->organization_id)
                                   : service->organization_id == bearer.organization.id;
  if (!reaches) return Reach::unknown;
  if (!is_meant_for(*service, bearer.kind)) return Reach::audience;
  found = {{ResourceType::service, "service", ref.id, service->name, service},
           service->organization_id,
           service};
  return Reach::reached;
}

std::string_view type_name_of(const ResourceRef& ref) {
  return ref.type_name.empty() ? json::enum_name(ref.type) : ref.type_name;
}

// Customer keys name resources of the customer's own product, which nobody here knows: any type and
// id will do. `service` alone is ours too, where such a key passes the gateway.
Reach reach_external(const ResourceRef& ref, const Bearer& bearer, const Records& records,
                     Found& found) {
  const std::string_view type_name = type_name_of(ref);
  Found reached{{ResourceType::external, type_name, ref.id, {}, nullptr}, bearer.organization.id};
  if (ref.type == ResourceType::service) {
    Reach answer = reach_service(ref, bearer, records, reached);
    if (answer != Reach::reached) return answer;
  }
  if (const std::optional<Scope>& scope = bearer.key.policy->scope) {
    if (scope->resource_type != type_name) return Reach::wrong_type;
    const bool listed =
        scope->all || contains(scope->ids, ref.id) ||
        (reached.service && (contains(scope->ids, reached.service->slug) ||
                             contains(scope->ids, UuidText(reached.service->id.value).view())));
    if (!listed) return Reach::not_listed;
  }
  found = reached;
  return Reach::reached;
}

}  // namespace

Reach reach(const ResourceRef& ref, const Bearer& bearer, const Records& records, Found& found) {
  const ResourceType scoped_to = bearer.kind.scoped_to;
  if (scoped_to == ResourceType::external) return reach_external(ref, bearer, records, found);
  if (scoped_to != ResourceType::none && scoped_to != ref.type) return Reach::wrong_type;
  const bool account = bearer.kind.audiences.contains(Audience::targets_api);
  const bool of_organization = bearer.key.owner_type == OwnerType::organization;
  if (of_organization && !(account && ref.type == ResourceType::target)) return Reach::wrong_type;
  switch (ref.type) {
    case ResourceType::mcp_server: return reach_mcp_server(ref, bearer, records, found);
    case ResourceType::platform: return reach_platform(ref, bearer, records, found);
    case ResourceType::target: return reach_target(ref, bearer, records, found);
    case ResourceType::service: return reach_service(ref, bearer, records, found);
    case ResourceType::none:
    case ResourceType::external: return Reach::wrong_type;
  }
  return Reach::wrong_type;
}

}  // namespace keywright::domain
