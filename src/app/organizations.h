// app/organizations.h - the pieces that making an organization and its people consists of; used by
// the operations, by set-up and by the demo.
//
// Threading: writer thread.
#pragma once

#include <string>
#include <string_view>

#include "app/change.h"
#include "domain/access/objects.h"

namespace keywright::app {

domain::Organization add_organization(Change& change, std::string_view name);

domain::Membership add_membership(Change& change, domain::OrganizationId organization,
                                  domain::UserId user, domain::Role role);

struct NewPerson {
  std::string email;  // lower case; "" for a service account
  std::string name;
  std::string password_hash;  // "" for a service account, or while an invitation is open
  bool service_account = false;
};
domain::User add_user(Change& change, const NewPerson& person);

// Lower case; refuses what cannot be an address.
Result<std::string> canonical_email(std::string_view field, std::string_view email);

// An organization with its first owner: `keywright setup`, the set-up link and the demo.
struct FirstOrganization {
  domain::OrganizationId organization;
  domain::UserId owner;
};
// conflict "already_set_up" when there is an organization already.
Result<FirstOrganization> set_up(Change& change, std::string_view organization_name,
                                 const NewPerson& owner);

}  // namespace keywright::app
