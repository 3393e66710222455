#include "api/rest/admission.h"

#include <vector>

#include <fmt/format.h>

#include "app/give_back.h"
#include "app/sessions.h"

namespace keywright::rest {
namespace {

using app::Admits;
using app::Operation;
using app::Presented;
using domain::Audience;
using domain::Kind;
using domain::OwnerType;

bool admits_people(Admits admits) {
  return admits != Admits::any_key && admits != Admits::anyone && admits != Admits::giving_up;
}

std::optional<Audience> audience_of(Admits admits) {
  switch (admits) {
    case Admits::callers:
    case Admits::key_managers: return Audience::rest;
    case Admits::me: return Audience::me;
    case Admits::anyone:
    case Admits::people:
    case Admits::any_key:
    case Admits::giving_up: break;
  }
  return std::nullopt;
}

Error naming_the_right_kind(const Error& error, const Operation& operation,
                            const domain::Kinds& kinds) {
  return Error(error.code(), error.reason(),
               fmt::format("{} Admitted here: {}.", error.detail(), admitted_to(operation, kinds)));
}

Error wrong_kind(const Operation& operation, const Kind& kind, const domain::Kinds& kinds) {
  return Error(Code::permission_denied, "wrong_key_kind",
               fmt::format("This is a key of kind \"{}\": it is made to {}. Admitted here: {}.",
                           kind.name, kind.summary, admitted_to(operation, kinds)));
}

// Where no key may come: good or not, without spending anything.
Result<void> refuse_keys(const Operation& operation, const Presented& presented,
                         const app::Directory& directory, const IpAddress& address, Time now) {
  if (presented.cookie || presented.token.starts_with(app::kSessionPrefix)) return {};
  const domain::KeyRecord* key = directory.find_token(presented.token);
  if (key == nullptr) return fail(app::unauthenticated());
  domain::Ask ask;
  ask.client_ip = address;
  ask.spend = false;
  const domain::Decision decision = decide(*key, ask, directory, now);
  const bool good = decision.outcome == domain::Outcome::valid;
  directory.meter().refused(*key, good ? domain::Outcome::wrong_audience : decision.outcome);
  if (!good) return fail(app::refusal(decision, directory.kinds()));
  return fail(wrong_kind(operation, directory.kinds().at(key->kind), directory.kinds()));
}

// Known by its first characters to be of a kind that is not admitted, before any use is counted.
bool begins_as_another_kind(const Operation& operation, const domain::Kinds& kinds,
                            std::string_view token) {
  for (const Kind& kind : kinds.all()) {
    if (kind.prefix.empty() || !token.starts_with(kind.prefix)) continue;
    return !admits_kind(operation, kind);
  }
  return false;
}

std::string joined(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace

bool admits_kind(const Operation& operation, const Kind& kind) {
  // Owned by a person: acts with that person's rights. Others act with their permissions.
  const bool for_a_person = kind.owners.contains(OwnerType::user);
  switch (operation.admits) {
    case Admits::anyone: return true;
    case Admits::people: return false;
    case Admits::callers:
      return domain::admits(kind, Audience::rest) &&
             (for_a_person || !operation.permission.empty());
    case Admits::key_managers: return domain::admits(kind, Audience::rest) && !for_a_person;
    case Admits::any_key:
    case Admits::giving_up: return kind.may_give_itself_up;
    case Admits::me: return domain::admits(kind, Audience::me) && for_a_person;
  }
  return false;
}

std::string admitted_to(const Operation& operation, const domain::Kinds& kinds) {
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds.all()) {
    if (admits_kind(operation, kind)) names.push_back(kind.name);
  }
  if (operation.admits == Admits::anyone) return "everybody";
  if (names.empty()) return "people who are signed in";
  if (!admits_people(operation.admits)) return "keys of kind " + joined(names);
  return "people who are signed in, and keys of kind " + joined(names);
}

Result<app::Caller> admit_to(const Operation& operation, const std::optional<Presented>& presented,
                             const app::Directory& directory, const IpAddress& address, Time now) {
  if (operation.admits == Admits::anyone) {
    app::Caller caller;
    caller.address = address;
    return caller;
  }
  if (!presented) {
    return fail(Code::unauthenticated, "credential_missing",
                "This needs a credential. Send Authorization: Bearer <key>, or sign in.");
  }
  if (operation.admits == Admits::people ||
      (operation.admits == Admits::key_managers &&
       begins_as_another_kind(operation, directory.kinds(), presented->token))) {
    KW_CHECK_OK(refuse_keys(operation, *presented, directory, address, now));
  }
  const app::Use use =
      operation.admits == Admits::giving_up ? app::Use::giving_up : app::Use::counted;
  auto caller = app::admit(directory, *presented, audience_of(operation.admits), address, now, use);
  if (!caller && caller.error().reason() == "wrong_key_kind") {
    return fail(naming_the_right_kind(caller.error(), operation, directory.kinds()));
  }
  if (caller && caller->is_session() && !admits_people(operation.admits)) {
    return fail(Code::permission_denied, "wrong_key_kind",
                fmt::format("This is a session. Admitted here: {}. GET /api/v1/me tells who is "
                            "signed in.",
                            admitted_to(operation, directory.kinds())));
  }
  if (caller && caller->is_key() && operation.admits == Admits::key_managers) {
    const Kind& kind = directory.kinds().at(caller->kind);
    if (!admits_kind(operation, kind)) {
      app::give_back(directory, *caller);
      return fail(wrong_kind(operation, kind, directory.kinds()));
    }
  }
  return caller;
}

}  // namespace keywright::rest
