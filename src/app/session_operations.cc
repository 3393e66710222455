#include "app/authority.h"
#include "app/operations.h"
#include "app/organizations.h"
#include "app/passwords.h"
#include "app/sessions.h"
#include "app/setup_link.h"
#include "app/targets_api.h"
#include "app/throttle.h"
#include "app/user_views.h"
#include "base/text.h"

namespace keywright::app {
namespace {

using domain::Ticket;
using domain::TicketPurpose;
using domain::User;

enum class Transport : unsigned char { cookie, bearer };
KW_DESCRIBE_ENUM(Transport, cookie, bearer)

struct SignIn {
  std::string email;
  Secret<std::string> password;
  Transport transport = Transport::cookie;
};
KW_DESCRIBE(SignIn, field<&SignIn::email>("email", "Address of the person.", required),
            field<&SignIn::password>("password", "The person's password.", required, write_only,
                                     secret),
            field<&SignIn::transport>("transport",
                                      "`bearer`: the session token is in the answer, and no cookie "
                                      "is set."))

struct SignedInUser {
  domain::UserId id;
  std::string email;
  std::string name;
  std::optional<domain::Role> role;
  std::vector<OrganizationRole> organizations;
};
KW_DESCRIBE(SignedInUser, field<&SignedInUser::id>("id", "Id of the user."),
            field<&SignedInUser::email>("email", "Address used to sign in."),
            field<&SignedInUser::name>("name", "Shown to people."),
            field<&SignedInUser::role>("role", "The role in the oldest organization."),
            field<&SignedInUser::organizations>("organizations", "Where the person belongs."))

struct SignedIn {
  SignedInUser user;
  Secret<std::string> csrf_token;
  Time expires_at;
  json::Patch<Secret<std::string>> token;
};
KW_DESCRIBE(SignedIn, field<&SignedIn::user>("user", "Who is signed in now."),
            field<&SignedIn::csrf_token>("csrf_token",
                                         "Send it as X-CSRF-Token with each write that the cookie "
                                         "authenticates.",
                                         shown),
            field<&SignedIn::expires_at>("expires_at", "When the session ends at the latest."),
            field<&SignedIn::token>("token", "With transport `bearer`: the session token.", shown))

Error refused() {
  return Error(Code::unauthenticated, "sign_in_refused",
               "The e-mail address or the password is wrong.");
}

Error too_many(int seconds) {
  return Error(Code::rate_limited, "too_many_attempts",
               "Too many failed attempts. Wait as long as Retry-After says.")
      .with_retry_after_seconds(seconds);
}

enum class SessionToken : unsigned char { opaque, jwt };

SignedIn begin_session(Change& change, Call& call, const User& user, Transport transport,
                       SessionToken form = SessionToken::opaque) {
  const std::string address = call.caller.address.to_string();
  NewSession made = form == SessionToken::jwt
                        ? make_jwt_session(change, user, address, call.user_agent)
                        : make_session(change, user.id, address, call.user_agent);
  SignedIn answer;
  answer.user = {user.id, user.email, user.name, {}, organizations_of(change, user)};
  if (!answer.user.organizations.empty()) {
    answer.user.role = answer.user.organizations.front().role;
  }
  answer.csrf_token = std::move(made.csrf_token);
  answer.expires_at = made.session.expires_at;
  if (transport == Transport::bearer) {
    answer.token = json::Patch<Secret<std::string>>(std::move(made.token));
  } else {
    call.reply.session_token = std::move(made.token);
    call.reply.session_seconds =
        std::chrono::duration_cast<std::chrono::seconds>(kSessionLife).count();
  }
  return answer;
}

domain::OrganizationId first_organization(const User& user) {
  return user.memberships.empty() ? domain::OrganizationId{}
                                  : user.memberships.front().organization_id;
}

// An address that nobody has is not written down: people type passwords into the wrong field.
void audit_refusal(App& app, const Call& call, const User* user) {
  domain::AuditEvent event;
  event.object.type = "user";
  if (user != nullptr) {
    event.organization_id = first_organization(*user);
    event.object = {"user", user->id.to_string(), user->name};
  }
  event.actor.type = "anonymous";
  event.action = "session.create";
  event.outcome = "denied";
  event.reason = "wrong_password";
  event.request_id = call.request_id;
  event.address = call.caller.address.to_string();
  app.committer.post([event](Change& change) -> Result<void> {
    change.audit(event);
    return {};
  });
}

Task<Result<SignedIn>> sign_in_with(App& app, Call& call, SignIn input, SessionToken form) {
  const std::string email = to_ascii_lower(input.email);
  const IpAddress address = call.caller.address;
  if (const int wait = app.throttle.attempt(email, address, call.now); wait > 0) {
    co_return fail(too_many(wait));
  }
  const User* user = app.directory.find_user_by_email(email);
  const bool known = user != nullptr && user->is_active() && !user->service_account;
  const domain::UserId user_id = known ? user->id : domain::UserId{};
  const std::string hash = known ? user->password_hash : std::string();
  KW_CO_TRY(const bool matches, co_await verify_password(app, hash, std::move(input.password)));
  if (!matches) {
    audit_refusal(app, call, app.directory.find_user_by_email(email));
    co_return fail(refused());
  }
  app.throttle.succeeded(email, address);
  std::optional<SignedIn> answer;
  const ChangeWork work = [&](Change& change) -> Result<void> {
    const User* now_user = change.find<User>(user_id.value);
    const bool still = now_user != nullptr && now_user->is_active() &&
                       now_user->password_hash == hash;  // or it was changed meanwhile
    if (!still) return fail(refused());
    call.caller.user = user_id;
    answer.emplace(begin_session(change, call, *now_user, input.transport, form));
    auto event = audit_event(change, call, first_organization(*now_user), "user",
                             user_id.to_string(), now_user->name);
    event.actor.type = "user";
    change.audit(std::move(event));
    return {};
  };
  KW_CO_TRY(call.committed, co_await app.committer.submit(work));
  co_return std::move(*answer);
}

Task<Result<SignedIn>> sign_in(App& app, Call& call, SignIn input) {
  return sign_in_with(app, call, std::move(input), SessionToken::opaque);
}

Task<Result<SignedIn>> sign_in_for_jwt(App& app, Call& call, SignIn input) {
  input.transport = Transport::bearer;
  return sign_in_with(app, call, std::move(input), SessionToken::jwt);
}

struct LoginToken {
  Secret<std::string> token;
};
KW_DESCRIBE(LoginToken, field<&LoginToken::token>("token", "As the sign-in returned it.", required,
                                                  write_only, secret))

struct FreshToken {
  Secret<std::string> token;
};
KW_DESCRIBE(FreshToken,
            field<&FreshToken::token>("token", "Goes on in place of the old one.", shown))

Error token_refused() {
  return Error(Code::invalid_argument, "token_refused",
               "The token is not valid: it was revoked or replaced, or its session has ended.");
}

Result<Nothing> verify_token(const Directory& directory, Call& call, const LoginToken& input) {
  const std::string& token = input.token.reveal();
  if (!token.starts_with(kJwtStart)) return fail(token_refused());
  const domain::Session* session = directory.find_session(session_digest(directory, token));
  if (session == nullptr || !session_lives(directory, *session, call.now)) {
    return fail(token_refused());
  }
  return Nothing{};
}

// The session of a JWT, its owner noted as the one who acts.
Result<domain::Session> session_of(const Change& change, Call& call, const LoginToken& input) {
  const std::string& token = input.token.reveal();
  const domain::Session* session =
      token.starts_with(kJwtStart) ? find_live_session(change, token) : nullptr;
  if (session == nullptr) return fail(token_refused());
  call.caller.user = session->user_id;
  return *session;
}

void audit_session(Change& change, const Call& call, const User* user,
                   const domain::SessionId& session) {
  auto event =
      audit_event(change, call, user ? first_organization(*user) : domain::OrganizationId{},
                  "session", session.to_string(), user ? user->name : "");
  event.actor.type = "user";
  change.audit(std::move(event));
}

Result<FreshToken> refresh_token(Change& change, Call& call, const LoginToken& input) {
  KW_TRY(const domain::Session session, session_of(change, call, input));
  const User* user = change.find<User>(session.user_id.value);
  if (user == nullptr) return fail(token_refused());
  NewSession made = replace_session(change, *user, session);
  change.removes_access();  // the old token's
  audit_session(change, call, user, made.session.id);
  return FreshToken{std::move(made.token)};
}

Result<Nothing> revoke_token(Change& change, Call& call, const LoginToken& input) {
  KW_TRY(const domain::Session session, session_of(change, call, input));
  change.erase<domain::Session>(session.id.value);
  change.removes_access();
  audit_session(change, call, change.find<User>(session.user_id.value), session.id);
  return Nothing{};
}

Result<Nothing> sign_out(Change& change, Call& call, const Nothing&) {
  KW_CHECK_OK(stands(change, call));
  change.erase<domain::Session>(call.caller.session.value);
  change.removes_access();
  const User* user = change.find<User>(call.caller.user.value);
  change.audit(audit_event(change, call,
                           user ? first_organization(*user) : domain::OrganizationId{}, "session",
                           call.caller.session.to_string(), user ? user->name : ""));
  call.reply.end_session = true;
  return Nothing{};
}

struct AcceptTicket {
  Secret<std::string> token;
  std::optional<std::string> name;
  Secret<std::string> password;
};
KW_DESCRIBE(AcceptTicket,
            field<&AcceptTicket::token>("token", "From the link.", required, write_only, secret),
            field<&AcceptTicket::name>("name", "How the person wants to be shown.", non_blank,
                                       max_length(255)),
            field<&AcceptTicket::password>("password", "The new password.", required, write_only,
                                           secret))

// Spends the link, sets the password, ends every session that existed, and signs in.
Task<Result<SignedIn>> accept_ticket(App& app, Call& call, AcceptTicket input,
                                     TicketPurpose purpose) {
  const Error spent(Code::not_found, "link_spent",
                    "This link was used already, or is too old. Ask for a new one.");
  if (const int wait = app.throttle.attempt("", call.caller.address, call.now); wait > 0) {
    co_return fail(too_many(wait));
  }
  const Ticket* ticket =
      app.directory.find_ticket(app.directory.keyring().newest().session.mac(input.token.reveal()));
  if (ticket == nullptr || ticket->purpose != purpose || ticket->expires_at <= call.now) {
    co_return fail(spent);
  }
  app.throttle.succeeded("", call.caller.address);
  KW_CO_CHECK_OK(check_password("password", input.password, ""));
  KW_CO_TRY(const std::string hash, co_await hash_password(app, std::move(input.password)));
  std::optional<SignedIn> answer;
  const ChangeWork work = [&](Change& change) -> Result<void> {
    const Ticket* good = find_ticket(change, input.token.reveal(), purpose);
    const User* found = good ? change.find<User>(good->user_id.value) : nullptr;
    if (found == nullptr) return fail(spent);
    User user = *found;
    user.password_hash = hash;
    if (input.name) user.name = *input.name;
    change.erase<Ticket>(good->id.value);
    end_sessions(change, user.id);
    change.put(user);
    call.caller.user = user.id;
    auto event =
        audit_event(change, call, first_organization(user), "user", user.id.to_string(), user.name);
    event.actor.type = "user";
    change.audit(std::move(event));
    change.removes_access();
    answer.emplace(begin_session(change, call, user, Transport::cookie));
    return {};
  };
  KW_CO_TRY(call.committed, co_await app.committer.submit(work));
  co_return std::move(*answer);
}

Task<Result<SignedIn>> accept_invitation(App& app, Call& call, AcceptTicket input) {
  return accept_ticket(app, call, std::move(input), TicketPurpose::invitation);
}

Task<Result<SignedIn>> reset_password(App& app, Call& call, AcceptTicket input) {
  return accept_ticket(app, call, std::move(input), TicketPurpose::password_reset);
}

struct CompleteSetup {
  Secret<std::string> token;
  std::string organization;
  std::string email;
  std::optional<std::string> name;
  Secret<std::string> password;
};
KW_DESCRIBE(CompleteSetup,
            field<&CompleteSetup::token>("token", "From the link that the server printed.",
                                         required, write_only, secret),
            field<&CompleteSetup::organization>("organization", "Name of the first organization.",
                                                required, non_blank, max_length(255)),
            field<&CompleteSetup::email>("email", "Address of its owner.", required,
                                         format("email"), max_length(254)),
            field<&CompleteSetup::name>("name", "How the owner wants to be shown.", non_blank,
                                        max_length(255)),
            field<&CompleteSetup::password>("password", "The owner's password.", required,
                                            write_only, secret))

Task<Result<SignedIn>> complete_setup(App& app, Call& call, CompleteSetup input) {
  if (const int wait = app.throttle.attempt("", call.caller.address, call.now); wait > 0) {
    co_return fail(too_many(wait));
  }
  if (!app.setup_link.matches(app.directory, input.token.reveal(), call.now)) {
    co_return fail(Error(Code::not_found, "link_spent",
                         "This link was used already, or is too old. Start the server again for a "
                         "new one."));
  }
  app.throttle.succeeded("", call.caller.address);
  KW_CO_TRY(const std::string email, canonical_email("email", input.email));
  KW_CO_CHECK_OK(check_password("password", input.password, email));
  KW_CO_TRY(const std::string hash, co_await hash_password(app, std::move(input.password)));
  std::optional<SignedIn> answer;
  const ChangeWork work = [&](Change& change) -> Result<void> {
    KW_TRY(const auto made,
           set_up(change, input.organization, {email, input.name.value_or(email), hash, false}));
    call.caller.user = made.owner;
    answer.emplace(
        begin_session(change, call, *change.find<User>(made.owner.value), Transport::cookie));
    return {};
  };
  KW_CO_TRY(call.committed, co_await app.committer.submit(work));
  co_return std::move(*answer);
}

}  // namespace

const LoginTokenOperations& login_token_operations() {
  const auto described = [](std::string_view name, std::string_view summary) {
    OperationInfo info;
    info.name = name;
    info.method = "POST";
    info.summary = summary;
    info.admits = Admits::anyone;
    info.no_store = true;
    info.unchanging = true;
    return info;
  };
  static const LoginTokenOperations operations{
      operation<&sign_in_for_jwt>(described("session.create", "Sign in for a JWT")),
      operation<&verify_token>(described("session.verify", "Is this JWT good?")),
      operation<&refresh_token>(described("session.refresh", "Replace a JWT with a new one")),
      operation<&revoke_token>(described("session.delete", "End the session of a JWT"))};
  return operations;
}

void add_session_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&sign_in>({.name = "session.create",
                                            .method = "POST",
                                            .path = "/session",
                                            .summary = "Sign in",
                                            .tag = "Session",
                                            .admits = Admits::anyone,
                                            .no_store = true,
                                            .unchanging = true}));
  operations.push_back(operation<&sign_out>({.name = "session.delete",
                                             .method = "DELETE",
                                             .path = "/session",
                                             .summary = "Sign out",
                                             .tag = "Session",
                                             .admits = Admits::people,
                                             .status = 204}));
  operations.push_back(operation<&complete_setup>(
      {.name = "setup.complete",
       .method = "POST",
       .path = "/setup",
       .summary = "Take over an empty installation with the link the server printed",
       .tag = "Session",
       .admits = Admits::anyone,
       .status = 201,
       .no_store = true,
       .unchanging = true}));
  operations.push_back(
      operation<&accept_invitation>({.name = "invitations.accept",
                                     .method = "POST",
                                     .path = "/invitations/accept",
                                     .summary = "Choose a password with an invitation link",
                                     .tag = "Session",
                                     .admits = Admits::anyone,
                                     .no_store = true,
                                     .unchanging = true}));
  operations.push_back(
      operation<&reset_password>({.name = "password_resets.complete",
                                  .method = "POST",
                                  .path = "/password-resets",
                                  .summary = "Choose a new password with a reset link",
                                  .tag = "Session",
                                  .admits = Admits::anyone,
                                  .no_store = true,
                                  .unchanging = true}));
}

}  // namespace keywright::app
