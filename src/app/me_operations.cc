#include "app/key_views.h"
#include "app/operations.h"
#include "app/passwords.h"
#include "app/recording.h"
#include "app/sessions.h"
#include "app/throttle.h"
#include "app/user_views.h"

namespace keywright::app {
namespace {

using domain::Session;
using domain::User;
using json::Patch;

// The key that asks, in short.
struct CallingKey {
  std::string id;
  std::string kind;
  std::string name;
  std::optional<Time> expires_at;
  std::optional<ScopeView> scope;
};
KW_DESCRIBE(CallingKey, field<&CallingKey::id>("id", "Id of the key."),
            field<&CallingKey::kind>("kind", "Its kind."),
            field<&CallingKey::name>("name", "Its name."),
            field<&CallingKey::expires_at>("expires_at", "When it expires; null: never."),
            field<&CallingKey::scope>("scope", "What it is narrowed to; null: not narrowed."))

struct Me {
  domain::UserId id;
  std::string email;
  std::string name;
  std::optional<domain::Role> role;
  std::vector<OrganizationRole> organizations;
  Time created_at;
  std::optional<CallingKey> api_key;
};
KW_DESCRIBE(Me, field<&Me::id>("id", "Id of the person."),
            field<&Me::email>("email", "Address used to sign in."),
            field<&Me::name>("name", "Shown to people."),
            field<&Me::role>("role", "The role in the oldest organization."),
            field<&Me::organizations>("organizations", "Where the person belongs, oldest first."),
            field<&Me::created_at>("created_at", "When the person was added."),
            field<&Me::api_key>("api_key", "For a key: the key that asks; null for a session."))

CallingKey calling_key(const Directory& directory, const domain::KeyRecord& key) {
  CallingKey view;
  view.id = key.id.to_string();
  view.kind = directory.kinds().at(key.kind).name;
  view.name = key.text->name();
  if (key.expires_at != domain::kNever) view.expires_at = from_unix_milliseconds(key.expires_at);
  view.scope = view_of(key.policy->scope);
  return view;
}

Result<Me> me_view(const Directory& directory, const Call& call, const User& user) {
  Me me;
  me.id = user.id;
  me.email = user.email;
  me.name = user.name;
  me.organizations = organizations_of(directory, user);
  if (!me.organizations.empty()) me.role = me.organizations.front().role;
  me.created_at = user.created_at;
  if (call.caller.is_key()) {
    const domain::KeyRecord* key = directory.keys().find(call.caller.digest);
    if (key == nullptr) return fail(unauthenticated());
    me.api_key = calling_key(directory, *key);
  }
  return me;
}

Result<Me> get_me(const Directory& directory, Call& call, const Nothing&) {
  const User* user = user_of(directory, call.caller);
  if (user == nullptr) {
    return fail(Error(Code::permission_denied, "wrong_key_kind",
                      "No person stands behind this key. GET /api/v1/whoami tells what it is."));
  }
  KW_TRY(Me me, me_view(directory, call, *user));
  call.reply.etag = etag_of(json::encode(me));
  return me;
}

struct UpdateMe {
  Patch<std::string> name;
  std::optional<Secret<std::string>> current_password;
  std::optional<Secret<std::string>> password;
};
KW_DESCRIBE(UpdateMe,
            field<&UpdateMe::name>("name", "How you want to be shown.", not_null, non_blank,
                                   max_length(255)),
            field<&UpdateMe::current_password>("current_password",
                                               "Needed to set another password.", write_only,
                                               secret),
            field<&UpdateMe::password>("password", "The new password; ends your other sessions.",
                                       write_only, secret))

struct PasswordChange {
  std::string old_hash;
  std::string new_hash;
};

Error wrong_password() { return invalid_field("current_password", "is wrong"); }

Task<Result<PasswordChange>> new_password_hash(App& app, Call& call, UpdateMe& input) {
  if (!input.current_password) {
    co_return fail(invalid_field("current_password", "is needed to set another password"));
  }
  const User* user = user_of(app.directory, call.caller);
  if (user == nullptr) co_return fail(unauthenticated());
  KW_CO_CHECK_OK(check_password("password", *input.password, user->email));
  const std::string account = user->email;
  if (const int wait = app.throttle.attempt(account, call.caller.address, call.now); wait > 0) {
    co_return fail(Error(Code::rate_limited, "too_many_attempts",
                         "Too many failed attempts. Wait as long as Retry-After says.")
                       .with_retry_after_seconds(wait));
  }
  PasswordChange hashes{user->password_hash, ""};
  KW_CO_TRY(const bool matches,
            co_await verify_password(app, hashes.old_hash, std::move(*input.current_password)));
  if (!matches) co_return fail(wrong_password());
  app.throttle.succeeded(account, call.caller.address);
  KW_CO_TRY(hashes.new_hash, co_await hash_password(app, std::move(*input.password)));
  co_return hashes;
}

Task<Result<Me>> update_me(App& app, Call& call, UpdateMe input) {
  PasswordChange hashes;
  if (input.password) {
    KW_CO_TRY(hashes, co_await new_password_hash(app, call, input));
  }
  const ChangeWork work = [&](Change& change) -> Result<void> {
    KW_CHECK_OK(stands(change, call));
    const User* found = change.find<User>(call.caller.user.value);
    if (found == nullptr) return fail(unauthenticated());
    KW_TRY(const Me before, me_view(change.directory(), call, *found));
    KW_CHECK_OK(check_if_match(call, etag_of(json::encode(before))));
    User user = *found;
    input.name.apply_to(user.name);
    if (!hashes.new_hash.empty()) {
      if (user.password_hash != hashes.old_hash) return fail(wrong_password());
      user.password_hash = hashes.new_hash;
      end_sessions(change, user.id, call.caller.session);
      change.removes_access();
    }
    change.put(user);
    const auto organization = user.memberships.empty() ? domain::OrganizationId{}
                                                       : user.memberships.front().organization_id;
    auto event = audit_event(change, call, organization, "user", user.id.to_string(), user.name);
    event.reason = hashes.new_hash.empty() ? "" : "password_changed";
    change.audit(std::move(event));
    return {};
  };
  KW_CO_TRY(call.committed, co_await app.committer.submit(work));
  const User* user = user_of(app.directory, call.caller);
  if (user == nullptr) co_return fail(unauthenticated());
  KW_CO_TRY(Me me, me_view(app.directory, call, *user));
  call.reply.etag = etag_of(json::encode(me));
  co_return me;
}

struct SessionView {
  domain::SessionId id;
  bool current = false;
  std::string address;
  std::string user_agent;
  Time created_at;
  Time last_used_at;
  Time expires_at;
};
KW_DESCRIBE(SessionView, field<&SessionView::id>("id", "Id of the session."),
            field<&SessionView::current>("current", "True for the one that asks."),
            field<&SessionView::address>("address", "Where the sign-in came from."),
            field<&SessionView::user_agent>("user_agent", "What the browser called itself."),
            field<&SessionView::created_at>("created_at", "When the sign-in happened."),
            field<&SessionView::last_used_at>("last_used_at", "When it was last used."),
            field<&SessionView::expires_at>("expires_at", "When it ends at the latest."))
KW_LIST_OF(SessionList, SessionView)

Result<SessionList> list_sessions(const Directory& directory, Call& call, const PageInput& input) {
  std::vector<SessionView> own;
  directory.table<Session>().for_each([&](const Session& session) {
    if (session.user_id != call.caller.user || !session_lives(directory, session, call.now)) return;
    own.push_back({session.id, session.id == call.caller.session, session.address,
                   session.user_agent, session.created_at, session_last_used_at(directory, session),
                   session.expires_at});
  });
  return page_from_memory<SessionList>(std::move(own), input);
}

Result<void> end_session(Change& change, Call& call, const Session& session) {
  change.erase<Session>(session.id.value);
  change.removes_access();
  const User* user = change.find<User>(call.caller.user.value);
  const auto organization = user == nullptr || user->memberships.empty()
                                ? domain::OrganizationId{}
                                : user->memberships.front().organization_id;
  change.audit(audit_event(change, call, organization, "session", session.id.to_string(),
                           session.user_agent));
  if (session.id == call.caller.session) call.reply.end_session = true;
  return {};
}

Result<Nothing> delete_session(Change& change, Call& call, const ById& input) {
  KW_CHECK_OK(stands(change, call));
  const Session* session = change.find<Session>(id_from(input.id));
  if (session == nullptr || session->user_id != call.caller.user) return fail(not_found("session"));
  KW_CHECK_OK(end_session(change, call, Session(*session)));
  return Nothing{};
}

Result<Nothing> delete_other_sessions(Change& change, Call& call, const Nothing&) {
  KW_CHECK_OK(stands(change, call));
  std::vector<Session> others;
  change.for_each<Session>([&](const Session& session) {
    if (session.user_id == call.caller.user && session.id != call.caller.session) {
      others.push_back(session);
    }
  });
  for (const Session& session : others) KW_CHECK_OK(end_session(change, call, session));
  return Nothing{};
}

struct Whoami {
  std::string id;
  std::string kind;
  std::string name;
  OwnerView owner;
  domain::OrganizationId organization_id;
  std::vector<std::string> audiences;
  std::optional<ScopeView> scope;
  std::optional<std::vector<std::string>> permissions;
  std::string status;
  std::optional<Time> expires_at;
};
KW_DESCRIBE(Whoami, field<&Whoami::id>("id", "Id of the key."),
            field<&Whoami::kind>("kind", "Its kind."), field<&Whoami::name>("name", "Its name."),
            field<&Whoami::owner>("owner", "Who it acts for."),
            field<&Whoami::organization_id>("organization_id", "Where it was made."),
            field<&Whoami::audiences>("audiences", "What its kind opens."),
            field<&Whoami::scope>("scope", "What it is narrowed to; null: not narrowed."),
            field<&Whoami::permissions>("permissions", "Permissions it holds; null: not narrowed."),
            field<&Whoami::status>("status", "active: it was just accepted."),
            field<&Whoami::expires_at>("expires_at", "When it expires; null: never."))

Result<Whoami> whoami(const Directory& directory, Call& call, const Nothing&) {
  const domain::KeyRecord* key = directory.keys().find(call.caller.digest);
  if (key == nullptr) return fail(unauthenticated());
  Whoami view;
  view.id = key->id.to_string();
  view.kind = directory.kinds().at(key->kind).name;
  view.name = key->text->name();
  view.owner = owner_view(directory, *key);
  view.organization_id = call.caller.organization;
  view.audiences = audience_names(directory.kinds().at(key->kind));
  view.scope = view_of(key->policy->scope);
  view.permissions = key->policy->permissions;
  view.status = "active";
  if (key->expires_at != domain::kNever) view.expires_at = from_unix_milliseconds(key->expires_at);
  return view;
}

}  // namespace

void add_me_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&get_me>({.name = "me.get",
                                           .method = "GET",
                                           .path = "/me",
                                           .summary = "Who am I?",
                                           .tag = "Me",
                                           .admits = Admits::me}));
  operations.push_back(operation<&update_me>({.name = "me.update",
                                              .method = "PATCH",
                                              .path = "/me",
                                              .summary = "Change your name or password",
                                              .tag = "Me",
                                              .admits = Admits::people}));
  operations.push_back(operation<&list_sessions>({.name = "sessions.list",
                                                  .method = "GET",
                                                  .path = "/me/sessions",
                                                  .summary = "List your sessions",
                                                  .tag = "Me",
                                                  .admits = Admits::people}));
  operations.push_back(operation<&delete_other_sessions>({.name = "sessions.delete_others",
                                                          .method = "DELETE",
                                                          .path = "/me/sessions",
                                                          .summary = "End all your other sessions",
                                                          .tag = "Me",
                                                          .admits = Admits::people,
                                                          .status = 204,
                                                          .destructive = true}));
  operations.push_back(operation<&delete_session>({.name = "sessions.delete",
                                                   .method = "DELETE",
                                                   .path = "/me/sessions/{id}",
                                                   .summary = "End one of your sessions",
                                                   .tag = "Me",
                                                   .admits = Admits::people,
                                                   .status = 204,
                                                   .destructive = true}));
  operations.push_back(operation<&whoami>({.name = "whoami.get",
                                           .method = "GET",
                                           .path = "/whoami",
                                           .summary = "What is this key?",
                                           .tag = "Me",
                                           .admits = Admits::any_key}));
}

}  // namespace keywright::app
