#include "app/operations.h"
#include "app/organizations.h"
#include "app/passwords.h"
#include "app/recording.h"
#include "app/sessions.h"
#include "app/user_views.h"

namespace keywright::app {
namespace {

using domain::Membership;
using domain::OrganizationId;
using domain::Right;
using domain::Role;
using domain::User;
using json::Patch;

constexpr std::chrono::hours kInvitationLife{72};
constexpr std::chrono::hours kResetLife{24};

KW_LIST_OF(UserList, UserView)
KW_LIST_OF(MembershipPage, Membership)

struct CreateUser {
  std::optional<OrganizationId> organization_id;
  std::optional<std::string> email;
  std::optional<std::string> name;
  Role role = Role::viewer;
  std::optional<Secret<std::string>> password;
  bool service_account = false;
};
KW_DESCRIBE(CreateUser,
            field<&CreateUser::organization_id>("organization_id", "Where the role is held."),
            field<&CreateUser::email>("email", "Needed for a person; none for a service account.",
                                      max_length(254), format("email"),
                                      example("robin@example.com")),
            field<&CreateUser::name>("name", "Shown to people.", non_blank, max_length(255)),
            field<&CreateUser::role>("role", "What the user may do.", required),
            field<&CreateUser::password>("password", "Left out: an invitation link is returned.",
                                         write_only, secret),
            field<&CreateUser::service_account>("service_account",
                                                "True: nobody signs in as it; admins make its "
                                                "keys."))

struct UserInOrganization {
  std::string id;
  std::optional<OrganizationId> organization_id;
};
KW_DESCRIBE(UserInOrganization, field<&UserInOrganization::id>("id", "Id of the user.", in_path),
            field<&UserInOrganization::organization_id>("organization_id",
                                                        "Which organization, if several.",
                                                        in_query))

struct UpdateUser {
  std::string id;
  std::optional<OrganizationId> organization_id;
  Patch<std::string> name;
  Patch<Role> role;
  Patch<bool> active;
  Patch<Secret<std::string>> password;
};
KW_DESCRIBE(UpdateUser, field<&UpdateUser::id>("id", "Id of the user.", in_path),
            field<&UpdateUser::organization_id>("organization_id",
                                                "Which organization, if several."),
            field<&UpdateUser::name>("name", "Name of a service account; people name themselves.",
                                     not_null, non_blank, max_length(255)),
            field<&UpdateUser::role>("role", "What the user may do.", not_null),
            field<&UpdateUser::active>("active", "False: signed out, keys refused at once.",
                                       not_null),
            field<&UpdateUser::password>("password", "Cannot be set for others: send a reset link.",
                                         write_only, secret))

struct ResetLink {
  Secret<std::string> reset_url;
  Time expires_at;
};
KW_DESCRIBE(ResetLink, field<&ResetLink::reset_url>("reset_url", "Works once.", shown),
            field<&ResetLink::expires_at>("expires_at", "When it stops working."))

std::string link(const Settings& settings, std::string_view page,
                 const Secret<std::string>& token) {
  return settings.public_url + "/console/" + std::string(page) + "#token=" + token.reveal();
}

// No key can make itself a person, or more than a member.
Result<void> check_key_caller(const Call& call, bool names_password, bool invites,
                              std::optional<Role> role) {
  if (!call.caller.is_key()) return {};
  if (names_password) return fail(forbidden("A key cannot set passwords. Sign in to do this."));
  if (invites) return fail(forbidden("A key cannot invite people. Sign in to do this."));
  if (role && !holds_all_of(Role::member, *role)) {  // an auditor reads what no member may
    return fail(forbidden("A key cannot give a role above \"member\". Sign in to do this."));
  }
  return {};
}

// Only owners make owners, and nobody acts on someone who stands above.
Result<void> check_standing(const Change& change, const Call& call, OrganizationId organization,
                            Role subject) {
  const auto own = role_in(user_of(change, call.caller), organization);
  if (own && holds_all_of(*own, subject)) return {};
  return fail(forbidden("Your role does not stand above \"" +
                        std::string(json::enum_name(subject)) + "\"; ask an owner."));
}

struct Subject {
  User user;
  Membership membership;
};

// The oldest organization where both belong and the caller has the right.
template <class View>
std::optional<OrganizationId> shared_organization(const View& view, const Call& call,
                                                  const User& user) {
  const User* own = user_of(view, call.caller);
  if (own == nullptr) return std::nullopt;
  for (const Membership& held : own->memberships) {
    if (user.membership_in(held.organization_id) == nullptr) continue;
    if (authorise(view, call, held.organization_id)) return held.organization_id;
  }
  return std::nullopt;
}

template <class View>
Result<Subject> subject_of(const View& view, const Call& call, std::string_view id,
                           const std::optional<OrganizationId>& named) {
  const User* user = view.template find<User>(id_from(id));
  if (!named && !call.organization_id && user != nullptr) {
    if (const auto shared = shared_organization(view, call, *user)) {
      return subject_of(view, call, id, shared);
    }
  }
  KW_TRY(auto organization, choose_organization(view, call, named));
  const Membership* membership = user ? user->membership_in(organization) : nullptr;
  if (membership == nullptr) return fail(not_found("user"));
  return Subject{*user, *membership};
}

Result<void> keep_an_owner(const Change& change, const Membership& leaving) {
  if (leaving.role != Role::owner || !leaving.active) return {};
  bool another = false;
  change.for_each<User>([&](const User& user) {
    const Membership* held = user.membership_in(leaving.organization_id);
    if (held && held->id != leaving.id && held->active && held->role == Role::owner &&
        !user.password_hash.empty()) {  // who never took up the invitation cannot sign in
      another = true;
    }
  });
  if (another) return {};
  return fail(Error(Code::conflict, "last_owner",
                    "This is the last active owner. Make someone else an owner first."));
}

Task<Result<UserList>> list_users(App& app, Call& call, ListInput input) {
  auto organization = choose_organization(app.directory, call, input.organization_id);
  if (!organization) co_return fail(std::move(organization).error());
  KW_CO_TRY(MembershipPage page,
            (co_await read_list<Membership, MembershipPage>(
                app, call, {store::RecordType::membership, organization->value, {}},
                page_of(input.limit, input.cursor))));
  UserList list;
  for (const Membership& row : page.items) {
    const User* user = app.directory.find<User>(row.user_id.value);
    const Membership* held = user ? user->membership_in(*organization) : nullptr;
    if (held) list.items.push_back(view_of(*user, *held));
  }
  list.next_cursor = std::move(page.next_cursor);
  co_return list;
}

Result<UserView> get_user(const Directory& directory, Call& call, const UserInOrganization& input) {
  KW_TRY(Subject subject, subject_of(directory, call, input.id, input.organization_id));
  UserView view = view_of(subject.user, subject.membership);
  call.reply.etag = etag_of(json::encode(view));
  return view;
}

Result<User> find_or_add(Change& change, Call& call, OrganizationId organization,
                         const CreateUser& input, const std::string& email,
                         const std::string& hash) {
  const User* existing = change.find_user_by_email(email);
  if (existing == nullptr) {
    return add_user(change, {email, input.name.value_or(email), hash, input.service_account});
  }
  if (existing->membership_in(organization) != nullptr) {
    return fail(Error(Code::conflict, "email_taken",
                      "Someone with this address is in the organization already.")
                    .with_problem("email", "is taken"));
  }
  if (call.caller.is_key())
    return fail(forbidden("A key cannot invite people. Sign in to do this."));
  if (input.password) {
    return fail(invalid_field("password", "must be left out: this person has an account already"));
  }
  return *existing;
}

// Whoever holds a link becomes that person, in every organization: the caller must manage people in
// each of them, and stand at least as high. A person whose invitation elsewhere is open goes on
// using that one.
Result<void> may_become(const Change& change, const Call& call, const User& user) {
  for (const Membership& held : user.memberships) {
    if (!authorise(change, call, held.organization_id, Right::users_write)) {
      return fail(
          forbidden("This person also belongs to an organization whose people you do not "
                    "manage. Ask an owner there."));
    }
    KW_CHECK_OK(check_standing(change, call, held.organization_id, held.role));
  }
  return {};
}

Result<UserView> write_user(Change& change, Call& call, const CreateUser& input,
                            const std::string& email, const std::string& hash) {
  KW_TRY(auto organization, choose_organization(change, call, input.organization_id));
  KW_CHECK_OK(check_standing(change, call, organization, input.role));
  KW_TRY(const User user, find_or_add(change, call, organization, input, email, hash));
  const Membership membership = add_membership(change, organization, user.id, input.role);
  UserView view = view_of(user, membership);
  call.reply.etag = etag_of(json::encode(view));
  if (!user.service_account && user.password_hash.empty() && may_become(change, call, user)) {
    const NewTicket ticket =
        make_ticket(change, user.id, domain::TicketPurpose::invitation, kInvitationLife);
    view.invite_url = Patch<Secret<std::string>>(
        Secret<std::string>(link(change.settings(), "invitation", ticket.token)));
  }
  change.audit(audit_event(change, call, organization, "user", user.id.to_string(), user.name));
  call.reply.location = "/users/" + user.id.to_string();
  return view;
}

// The hash takes 100 ms, so it is made before the change, and only for a caller who may.
Task<Result<UserView>> create_user(App& app, Call& call, CreateUser input) {
  KW_CO_CHECK_OK(
      check_key_caller(call, input.password.has_value(), !input.service_account, input.role));
  std::string email;
  if (input.service_account) {
    if (input.email)
      co_return fail(invalid_field("email", "must be left out for a service account"));
    if (input.password) {
      co_return fail(
          invalid_field("password", "must be left out: nobody signs in as a service account"));
    }
    if (!input.name) co_return fail(invalid_field("name", "is needed for a service account"));
    if (input.role == Role::owner) {
      co_return fail(invalid_field("role", "cannot be owner for a service account"));
    }
  } else {
    if (!input.email) co_return fail(invalid_field("email", "is required"));
    KW_CO_TRY(email, canonical_email("email", *input.email));
  }
  KW_CO_TRY(const auto organization,
            choose_organization(app.directory, call, input.organization_id));
  std::string hash;
  if (input.password) {
    KW_CO_CHECK_OK(check_password("password", *input.password, email));
    KW_CO_TRY(hash, co_await hash_password(app, input.password->clone()));
  }
  input.organization_id = organization;
  std::optional<UserView> view;
  const auto write = [&](Change& change) { return write_user(change, call, input, email, hash); };
  KW_CO_CHECK_OK(co_await submit_change<UserView>(app, call, write, view));
  co_return view ? std::move(*view) : UserView{};
}

Result<UserView> update_user(Change& change, Call& call, const UpdateUser& input) {
  if (!input.password.is_unset()) {
    KW_CHECK_OK(check_key_caller(call, true, false, {}));
    return fail(invalid_field("password", "cannot be set for others; make a reset link instead"));
  }
  KW_CHECK_OK(
      check_key_caller(call, false, false,
                       input.role.has_value() ? std::optional(input.role.value()) : std::nullopt));
  KW_TRY(Subject subject, subject_of(change, call, input.id, input.organization_id));
  KW_CHECK_OK(
      check_standing(change, call, subject.membership.organization_id, subject.membership.role));
  const UserView before = view_of(subject.user, subject.membership);
  KW_CHECK_OK(check_if_match(call, etag_of(json::encode(before))));
  Membership membership = subject.membership;
  if (input.role.has_value()) {
    KW_CHECK_OK(check_standing(change, call, membership.organization_id, input.role.value()));
    if (subject.user.service_account && input.role.value() == Role::owner) {
      return fail(invalid_field("role", "cannot be owner for a service account"));
    }
  }
  input.role.apply_to(membership.role);
  input.active.apply_to(membership.active);
  if (!membership.active || membership.role != Role::owner) {
    KW_CHECK_OK(keep_an_owner(change, subject.membership));
  }
  if (input.name.has_value()) {
    if (!subject.user.service_account) {
      return fail(invalid_field("name", "is the person's own; they change it under their account"));
    }
    subject.user.name = input.name.value();
    change.put(subject.user);
  }
  UserView after = view_of(subject.user, membership);
  call.reply.etag = etag_of(json::encode(after));
  if (json::encode(before) == json::encode(after)) return after;
  change.put_membership(membership);
  const User* now_user = change.find<User>(subject.user.id.value);
  if (now_user == nullptr || !now_user->is_active()) end_sessions(change, subject.user.id);
  change.removes_access();
  auto event = audit_event(change, call, membership.organization_id, "user",
                           subject.user.id.to_string(), subject.user.name);
  event.details = difference(json::encode(before), json::encode(after));
  change.audit(std::move(event));
  return after;
}

Result<Nothing> delete_user(Change& change, Call& call, const UserInOrganization& input) {
  KW_TRY(Subject subject, subject_of(change, call, input.id, input.organization_id));
  KW_CHECK_OK(
      check_standing(change, call, subject.membership.organization_id, subject.membership.role));
  KW_CHECK_OK(
      check_if_match(call, etag_of(json::encode(view_of(subject.user, subject.membership)))));
  KW_CHECK_OK(keep_an_owner(change, subject.membership));
  change.erase_membership(subject.membership);
  if (subject.user.memberships.size() == 1) {
    end_sessions(change, subject.user.id);
    change.erase<User>(subject.user.id.value);
  }
  change.removes_access();
  change.audit(audit_event(change, call, subject.membership.organization_id, "user",
                           subject.user.id.to_string(), subject.user.name));
  return Nothing{};
}

Result<ResetLink> make_reset_link(Change& change, Call& call, const UserInOrganization& input) {
  KW_TRY(Subject subject, subject_of(change, call, input.id, input.organization_id));
  if (subject.user.service_account) {
    return fail(Error(Code::conflict, "service_account", "Nobody signs in as a service account."));
  }
  KW_CHECK_OK(may_become(change, call, subject.user));
  NewTicket ticket =
      make_ticket(change, subject.user.id, domain::TicketPurpose::password_reset, kResetLife);
  change.audit(audit_event(change, call, subject.membership.organization_id, "user",
                           subject.user.id.to_string(), subject.user.name));
  return ResetLink{Secret<std::string>(link(change.settings(), "reset", ticket.token)),
                   ticket.ticket.expires_at};
}

}  // namespace

void add_user_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&list_users>({.name = "users.list",
                                               .method = "GET",
                                               .path = "/users",
                                               .summary = "List the users of an organization",
                                               .tag = "Users",
                                               .right = Right::users_read}));
  operations.push_back(
      operation<&create_user>({.name = "users.create",
                               .method = "POST",
                               .path = "/users",
                               .summary = "Invite a person or create a service account",
                               .tag = "Users",
                               .right = Right::users_write,
                               .status = 201,
                               .no_store = true}));
  operations.push_back(operation<&get_user>({.name = "users.get",
                                             .method = "GET",
                                             .path = "/users/{id}",
                                             .summary = "Get a user",
                                             .tag = "Users",
                                             .right = Right::users_read}));
  operations.push_back(operation<&update_user>({.name = "users.update",
                                                .method = "PATCH",
                                                .path = "/users/{id}",
                                                .summary = "Change a role, or deactivate a user",
                                                .tag = "Users",
                                                .right = Right::users_write}));
  operations.push_back(operation<&delete_user>({.name = "users.delete",
                                                .method = "DELETE",
                                                .path = "/users/{id}",
                                                .summary = "Remove a user from the organization",
                                                .tag = "Users",
                                                .right = Right::users_write,
                                                .status = 204,
                                                .destructive = true}));
  operations.push_back(
      operation<&make_reset_link>({.name = "users.reset_link",
                                   .method = "POST",
                                   .path = "/users/{id}/reset-link",
                                   .summary = "Make a link where the person sets a new password",
                                   .tag = "Users",
                                   .admits = Admits::people,
                                   .right = Right::users_write,
                                   .status = 201,
                                   .no_store = true}));
}

}  // namespace keywright::app
