#include "server/setup.h"

#include "app/organizations.h"
#include "app/passwords.h"
#include "base/text.h"
#include "server/core.h"

namespace keywright::server {

namespace {

constexpr std::size_t kNameCharactersMax = 255;

Result<void> check_name(std::string_view field, std::string_view text) {
  if (!is_valid_utf8(text)) return fail(invalid_field(field, "must be UTF-8 text"));
  if (trim(text).empty()) return fail(invalid_field(field, "must not be blank"));
  if (count_utf8_characters(text) > kNameCharactersMax) {
    return fail(invalid_field(field, "must have at most 255 characters"));
  }
  return {};
}

}  // namespace

bool is_set_up(const app::Directory& directory) {
  bool found = false;
  directory.table<domain::Organization>().for_each(
      [&](const domain::Organization&) { found = true; });
  return found;
}

Result<SetupInput> check_setup(SetupInput input, const Secret<std::string>& password) {
  KW_CHECK_OK(check_name("organization", input.organization));
  KW_TRY(input.email, app::canonical_email("email", trim(input.email)));
  if (input.name.empty()) input.name = input.email.substr(0, input.email.find('@'));
  KW_CHECK_OK(check_name("name", input.name));
  KW_CHECK_OK(app::check_password("password", password, input.email));
  return input;
}

Result<SetupDone> set_up(Core& core, const SetupInput& input, const Secret<std::string>& password) {
  KW_TRY(const SetupInput checked, check_setup(input, password));
  KW_TRY(const crypto::PasswordHash hash, app::password_hasher().hash(password));
  app::NewPerson owner;
  owner.email = checked.email;
  owner.name = checked.name;
  owner.password_hash = hash.encoded;
  SetupDone done;
  KW_CHECK_OK(core.committer.run([&](app::Change& change) -> Result<void> {
    KW_TRY(const auto made, app::set_up(change, checked.organization, owner));
    done = {made.organization, made.owner};
    return {};
  }));
  return done;
}

}  // namespace keywright::server
