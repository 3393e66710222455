#include "app/operations.h"
#include "app/organizations.h"
#include "app/recording.h"
#include "app/user_views.h"

namespace keywright::app {
namespace {

using domain::Membership;
using domain::Organization;
using domain::OrganizationId;
using domain::Right;
using domain::Role;
using json::Patch;

KW_LIST_OF(OrganizationList, Organization)

struct CreateOrganization {
  std::string name;
};
KW_DESCRIBE(CreateOrganization,
            field<&CreateOrganization::name>("name", "Shown to people.", required, non_blank,
                                             max_length(255), example("Acme")))

struct UpdateOrganization {
  std::string id;
  Patch<std::string> name;
};
KW_DESCRIBE(UpdateOrganization,
            field<&UpdateOrganization::id>("id", "Id of the organization.", in_path),
            field<&UpdateOrganization::name>("name", "Shown to people.", not_null, non_blank,
                                             max_length(255)))

template <class View>
Result<const Organization*> visible_organization(const View& view, const Call& call,
                                                 std::string_view id) {
  const auto* organization = view.template find<Organization>(id_from(id));
  if (organization == nullptr) return fail(not_found("organization"));
  KW_CHECK_OK(authorise(view, call, organization->id));
  return organization;
}

// The caller's own.
Result<OrganizationList> list_organizations(const Directory& directory, Call& call,
                                            const PageInput& input) {
  KW_CHECK_OK(still_admitted(directory, call.caller, call.now));
  std::vector<Organization> own;
  if (const domain::User* user = user_of(directory, call.caller)) {
    for (const OrganizationRole& role : organizations_of(directory, *user)) {
      const auto* organization = directory.find<Organization>(role.id.value);
      if (organization != nullptr) own.push_back(*organization);
    }
  } else if (const auto* one = directory.find<Organization>(call.caller.organization.value)) {
    KW_CHECK_OK(authorise(directory, call, one->id));
    own.push_back(*one);
  }
  return page_from_memory<OrganizationList>(std::move(own), input);
}

Result<Organization> create_organization(Change& change, Call& call,
                                         const CreateOrganization& input) {
  KW_CHECK_OK(stands(change, call));
  Organization organization = add_organization(change, input.name);
  add_membership(change, organization.id, call.caller.user, Role::owner);
  change.audit(audit_event(change, call, organization.id, "organization",
                           organization.id.to_string(), organization.name));
  call.reply.location = "/organizations/" + organization.id.to_string();
  call.reply.etag = etag_of_object(organization);
  return organization;
}

Result<Organization> get_organization(const Directory& directory, Call& call, const ById& input) {
  KW_TRY(const Organization* organization, visible_organization(directory, call, input.id));
  call.reply.etag = etag_of_object(*organization);
  return *organization;
}

Result<Organization> update_organization(Change& change, Call& call,
                                         const UpdateOrganization& input) {
  KW_TRY(const Organization* found, visible_organization(change, call, input.id));
  const Organization before = *found;
  Organization after = before;
  input.name.apply_to(after.name);
  KW_CHECK_OK(check_if_match(call, etag_of_object(before)));
  call.reply.etag = etag_of_object(after);
  if (after.name == before.name) return after;
  change.put(after);
  auto event =
      audit_event(change, call, after.id, "organization", after.id.to_string(), after.name);
  event.details = difference(json::encode(before), json::encode(after));
  change.audit(std::move(event));
  return after;
}

template <class T>
void erase_all_of(Change& change, OrganizationId organization) {
  std::vector<Uuid> ids;
  change.for_each<T>([&](const T& object) {
    if (object.organization_id == organization) ids.push_back(object.id.value);
  });
  for (const Uuid& id : ids) change.erase<T>(id);
}

Result<Nothing> delete_organization(Change& change, Call& call, const ById& input) {
  KW_TRY(const Organization* found, visible_organization(change, call, input.id));
  const Organization organization = *found;
  KW_CHECK_OK(check_if_match(call, etag_of_object(organization)));
  std::vector<Membership> memberships;
  change.for_each<domain::User>([&](const domain::User& user) {
    if (const Membership* held = user.membership_in(organization.id)) memberships.push_back(*held);
  });
  for (const Membership& membership : memberships) change.erase_membership(membership);
  erase_all_of<domain::Registry>(change, organization.id);
  erase_all_of<domain::McpServer>(change, organization.id);
  erase_all_of<domain::Service>(change, organization.id);
  erase_all_of<domain::Keyspace>(change, organization.id);
  erase_all_of<domain::Target>(change, organization.id);
  erase_all_of<domain::Platform>(change, organization.id);
  erase_all_of<domain::Project>(change, organization.id);
  change.erase<Organization>(organization.id.value);
  change.audit(audit_event(change, call, organization.id, "organization",
                           organization.id.to_string(), organization.name));
  change.removes_access();
  return Nothing{};
}

}  // namespace

Organization add_organization(Change& change, std::string_view name) {
  const Organization organization{{change.new_id()}, std::string(name), change.now};
  change.put(organization);
  return organization;
}

Membership add_membership(Change& change, OrganizationId organization, domain::UserId user,
                          Role role) {
  const Membership membership{{change.new_id()}, organization, user, role, true, change.now};
  change.put_membership(membership);
  return membership;
}

void add_organization_operations(std::vector<Operation>& operations) {
  operations.push_back(
      operation<&list_organizations>({.name = "organizations.list",
                                      .method = "GET",
                                      .path = "/organizations",
                                      .summary = "List the organizations you belong to",
                                      .tag = "Organizations",
                                      .right = Right::organization_read}));
  operations.push_back(
      operation<&create_organization>({.name = "organizations.create",
                                       .method = "POST",
                                       .path = "/organizations",
                                       .summary = "Create an organization and become its owner",
                                       .tag = "Organizations",
                                       .admits = Admits::people,
                                       .status = 201}));
  operations.push_back(operation<&get_organization>({.name = "organizations.get",
                                                     .method = "GET",
                                                     .path = "/organizations/{id}",
                                                     .summary = "Get an organization",
                                                     .tag = "Organizations",
                                                     .right = Right::organization_read}));
  operations.push_back(operation<&update_organization>({.name = "organizations.update",
                                                        .method = "PATCH",
                                                        .path = "/organizations/{id}",
                                                        .summary = "Rename an organization",
                                                        .tag = "Organizations",
                                                        .right = Right::organization_write}));
  operations.push_back(
      operation<&delete_organization>({.name = "organizations.delete",
                                       .method = "DELETE",
                                       .path = "/organizations/{id}",
                                       .summary = "Delete an organization with everything in it",
                                       .tag = "Organizations",
                                       .admits = Admits::people,
                                       .right = Right::organization_write,
                                       .status = 204,
                                       .destructive = true}));
}

}  // namespace keywright::app
