#include "server/admin.h"

#include <fmt/format.h>

#include "app/passwords.h"
#include "app/sessions.h"
#include "base/text.h"
#include "domain/audit/system_event.h"

namespace keywright::server {

namespace {

constexpr std::chrono::hours kResetLinkLife{1};
constexpr std::string_view kDefaultUrl = "http://127.0.0.1:8080";

bool is_owner_somewhere(const domain::User& user) {
  for (const domain::Membership& membership : user.memberships) {
    if (membership.role == domain::Role::owner && membership.active) return true;
  }
  return false;
}

// Who is meant: the one with this address, or without one the owner who has been there longest.
Result<const domain::User*> find_person(const app::Directory& directory, const std::string& email) {
  if (!email.empty()) {
    const domain::User* user = directory.find_user_by_email(to_ascii_lower(trim(email)));
    if (user == nullptr) {
      return fail(Code::not_found, "user_not_found",
                  fmt::format("Nobody signs in with the address {}.", email));
    }
    return user;
  }
  const domain::User* oldest = nullptr;
  directory.table<domain::User>().for_each([&](const domain::User& user) {
    if (user.email.empty() || !is_owner_somewhere(user)) return;
    if (oldest == nullptr || user.serial < oldest->serial) oldest = &user;
  });
  if (oldest == nullptr) {
    return fail(Code::not_found, "user_not_found",
                "Nobody is set up here yet. Run `keywright setup` first.");
  }
  return oldest;
}

void audit_reset(app::Change& change, const domain::User& user, std::string_view by) {
  domain::OrganizationId organization;
  if (!user.memberships.empty()) organization = user.memberships.front().organization_id;
  auto event = domain::system_event("users.reset_password", organization,
                                    {"user", user.id.to_string(), user.name});
  event.details = json::Raw::trusted(fmt::format(R"({{"via":"command","by":"{}"}})", by));
  change.audit(std::move(event));
}

}  // namespace

Result<SetupDone> set_up_installation(const Place& place, SetupInput input,
                                      const Secret<std::string>& password, Clock& clock,
                                      Random& random) {
  KW_TRY(const SetupInput checked, check_setup(std::move(input), password));
  KW_TRY(const auto core, Core::open(place, Missing::create, clock, random));
  return set_up(*core, checked, password);
}

Result<void> reset_password(const Place& place, const std::string& email,
                            const Secret<std::string>& password, Clock& clock, Random& random) {
  KW_TRY(const auto core, Core::open(place, Missing::refuse, clock, random));
  KW_TRY(const domain::User* person, find_person(core->directory, email));
  KW_CHECK_OK(app::check_password("password", password, person->email));
  KW_TRY(const crypto::PasswordHash hash, app::password_hasher().hash(password));
  const Uuid id = person->id.value;
  KW_CHECK_OK(core->committer.run([&](app::Change& change) -> Result<void> {
    domain::User user = *change.find<domain::User>(id);
    user.password_hash = hash.encoded;
    change.put(user);
    app::end_sessions(change, user.id);
    audit_reset(change, user, "password");
    return {};
  }));
  return {};
}

Result<Secret<std::string>> make_reset_link(const Place& place, const std::string& email,
                                            const std::string& public_url, Clock& clock,
                                            Random& random) {
  KW_TRY(const auto core, Core::open(place, Missing::refuse, clock, random));
  KW_TRY(const domain::User* person, find_person(core->directory, email));
  const Uuid id = person->id.value;
  std::string_view url = public_url.empty() ? kDefaultUrl : std::string_view(public_url);
  if (url.ends_with('/')) url.remove_suffix(1);
  Secret<std::string> link;
  KW_CHECK_OK(core->committer.run([&](app::Change& change) -> Result<void> {
    const domain::User user = *change.find<domain::User>(id);
    const app::NewTicket made =
        app::make_ticket(change, user.id, domain::TicketPurpose::password_reset, kResetLinkLife);
    audit_reset(change, user, "link");
    link = Secret<std::string>(fmt::format("{}/console/reset#token={}", url, made.token.reveal()));
    return {};
  }));
  return link;
}

}  // namespace keywright::server
