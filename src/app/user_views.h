// app/user_views.h - people as the API shows them.
//
// Threading: pure functions and values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/directory.h"
#include "domain/access/objects.h"

namespace keywright::app {

// A user in one organization: role and active are those of the membership there.
struct UserView {
  domain::UserId id;
  std::int64_t serial = 0;
  std::string email;
  std::string name;
  domain::Role role = domain::Role::viewer;
  bool active = true;
  bool service_account = false;
  domain::OrganizationId organization_id;
  Time created_at;
  json::Patch<Secret<std::string>> invite_url;
};
KW_DESCRIBE(UserView, field<&UserView::id>("id", "Id of the user."),
            field<&UserView::serial>("serial", "Small integer id."),
            field<&UserView::email>("email",
                                    "Address used to sign in; empty for a service account."),
            field<&UserView::name>("name", "Shown to people."),
            field<&UserView::role>("role", "What the user may do in this organization."),
            field<&UserView::active>("active", "False: signed out, keys refused."),
            field<&UserView::service_account>("service_account", "True: nobody signs in as it."),
            field<&UserView::organization_id>("organization_id", "Where the role is held."),
            field<&UserView::created_at>("created_at", "When the user was made."),
            field<&UserView::invite_url>("invite_url",
                                         "Only in the answer that creates a user without a "
                                         "password: the link where they choose one. Works once, "
                                         "for 72 hours.",
                                         shown))

struct OrganizationRole {
  domain::OrganizationId id;
  std::string name;
  domain::Role role = domain::Role::viewer;
};
KW_DESCRIBE(OrganizationRole, field<&OrganizationRole::id>("id", "Id of the organization."),
            field<&OrganizationRole::name>("name", "Its name."),
            field<&OrganizationRole::role>("role", "The person's role there."))

inline UserView view_of(const domain::User& user, const domain::Membership& membership) {
  UserView view;
  view.id = user.id;
  view.serial = user.serial;
  view.email = user.email;
  view.name = user.name;
  view.role = membership.role;
  view.active = membership.active;
  view.service_account = user.service_account;
  view.organization_id = membership.organization_id;
  view.created_at = user.created_at;
  return view;
}

// Where a person is active, oldest first.
template <class View>
std::vector<OrganizationRole> organizations_of(const View& view, const domain::User& user) {
  std::vector<OrganizationRole> roles;
  for (const domain::Membership& membership : user.memberships) {
    const auto* organization =
        view.template find<domain::Organization>(membership.organization_id.value);
    if (organization == nullptr || !membership.active) continue;
    roles.push_back({organization->id, organization->name, membership.role});
  }
  return roles;
}

}  // namespace keywright::app
