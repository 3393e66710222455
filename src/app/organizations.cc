#include "app/organizations.h"

#include "base/text.h"
#include "domain/audit/system_event.h"

namespace keywright::app {

domain::User add_user(Change& change, const NewPerson& person) {
  domain::User user;
  user.id = {change.new_id()};
  user.serial = change.new_user_serial();
  user.email = person.email;
  user.name = person.name;
  user.service_account = person.service_account;
  user.password_hash = person.password_hash;
  user.created_at = change.now;
  change.put(user);
  return user;
}

// One "@" with something on both sides, no spaces or control characters: whether it can be reached
// only the mail system knows.
Result<std::string> canonical_email(std::string_view field, std::string_view email) {
  const std::size_t at = email.find('@');
  bool valid = at != std::string_view::npos && at > 0 && at + 1 < email.size() &&
               email.find('@', at + 1) == std::string_view::npos && email.size() <= 254;
  for (char c : email) valid = valid && static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  if (!valid) return fail(invalid_field(field, "must be an e-mail address"));
  return to_ascii_lower(email);
}

Result<FirstOrganization> set_up(Change& change, std::string_view organization_name,
                                 const NewPerson& owner) {
  bool any = false;
  change.for_each<domain::Organization>([&](const domain::Organization&) { any = true; });
  if (any) {
    return fail(Error(Code::conflict, "already_set_up",
                      "This store is set up already. Sign in, or use another data directory."));
  }
  const domain::Organization organization = add_organization(change, organization_name);
  const domain::User user = add_user(change, owner);
  add_membership(change, organization.id, user.id, domain::Role::owner);
  change.audit(
      domain::system_event("setup.complete", organization.id,
                           {"organization", organization.id.to_string(), organization.name}));
  return FirstOrganization{organization.id, user.id};
}

}  // namespace keywright::app
