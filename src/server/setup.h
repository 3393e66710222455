// server/setup.h - the first organization and its owner, without a browser.
//
//   KW_TRY(SetupDone done, set_up(core, {"Acme", "ada@example.com", "Ada"}, password));
//
// Errors: conflict/already_set_up when the store holds an organization; invalid_argument naming the
// field.
// Threading: off the io threads. Cost: one Argon2id hash and one commit.
#pragma once

#include <string>
#include <string_view>

#include "app/directory.h"
#include "base/result.h"
#include "base/secret.h"
#include "json/describe.h"

namespace keywright::server {

class Core;

struct SetupInput {
  std::string organization;
  std::string email;
  std::string name;  // "" = the part of the address before the @
};

struct SetupDone {
  domain::OrganizationId organization_id;
  domain::UserId user_id;
};
KW_DESCRIBE(SetupDone,
            field<&SetupDone::organization_id>("organization_id", "Id of the organization."),
            field<&SetupDone::user_id>("user_id", "Id of its owner."))

// While nobody writes.
bool is_set_up(const app::Directory& directory);

// Names, address and password. The address comes back in lower case.
Result<SetupInput> check_setup(SetupInput input, const Secret<std::string>& password);

Result<SetupDone> set_up(Core& core, const SetupInput& input, const Secret<std::string>& password);

}  // namespace keywright::server
