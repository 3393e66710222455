// People, roles, sessions and the audit log through the operations.
#include <gtest/gtest.h>

#include <set>

#include "app/harness_test.h"
#include "app/sessions.h"
#include "app/upstream.h"

namespace keywright::app {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class PeopleOperations : public testing::Test {
 protected:
  std::string id_of(std::string_view email) const { return h.user_id(email); }
  Answer update(std::string_view caller, std::string_view email, std::string_view body) {
    return h.call("users.update", caller, body, {{"id", id_of(email)}});
  }
  Answer remove(std::string_view caller, std::string_view email) {
    return h.call("users.delete", caller, "", {{"id", id_of(email)}});
  }
  Answer reset_link(std::string_view caller, std::string_view email) {
    return h.call("users.reset_link", caller, "", {{"id", id_of(email)}});
  }
  Answer invite(std::string_view caller, const std::string& email, std::string_view role) {
    return h.call("users.create", caller,
                  "{\"email\":\"" + email + "\",\"role\":\"" + std::string(role) + "\"}");
  }
  // The token of a link.
  static std::string token_in(const std::string& url) {
    const std::size_t at = url.find("#token=");
    return at == std::string::npos ? "none" : url.substr(at + 7);
  }
  Answer accept(std::string_view operation, const std::string& token,
                std::string_view password = "a new long password") {
    return h.call(operation, "",
                  "{\"token\":\"" + token + "\",\"password\":\"" + std::string(password) + "\"}");
  }
  Answer sign_in(const std::string& email, std::string_view password,
                 const std::string& address = "192.0.2.10") {
    return h.call("session.create", "",
                  "{\"email\":\"" + email + "\",\"password\":\"" + std::string(password) + "\"}",
                  {}, {.address = address});
  }
  bool signed_in(std::string_view session) { return h.call("me.get", session).ok(); }
  std::string access_key(std::string_view session) {
    return h.call("keys.create", session, R"({"kind":"access","name":"k"})").text("key");
  }
  // A second organization with an owner of its own: {session, email}.
  std::string other_owner(const std::string& email) {
    const std::string session = h.sign_up(email, "viewer");
    h.create("organizations.create", session, R"({"name":"Other"})");
    EXPECT_TRUE(remove(h.owner, email).ok());
    return session;
  }

  Harness h;
};

// -- roles

TEST_F(PeopleOperations, TheLastActiveOwnerStays) {
  const char* const owner = "owner@acme.test";
  h.create("users.create", h.owner, R"({"service_account":true,"name":"bot","role":"admin"})");
  for (const char* body : {R"({"role":"admin"})", R"({"active":false})"}) {
    EXPECT_EQ(update(h.owner, owner, body).reason(), "last_owner") << body;
  }
  EXPECT_EQ(remove(h.owner, owner).reason(), "last_owner");
  const std::string second = h.sign_up("second@acme.test", "owner");
  ASSERT_TRUE(update(h.owner, "second@acme.test", R"({"active":false})").ok());
  EXPECT_EQ(remove(h.owner, owner).status(), 409);  // the other one is not active
  ASSERT_TRUE(update(h.owner, "second@acme.test", R"({"active":true})").ok());
  EXPECT_TRUE(remove(h.owner, owner).ok());
  EXPECT_FALSE(signed_in(h.owner));
  EXPECT_TRUE(signed_in(h.sign_in("second@acme.test")));
}

TEST_F(PeopleOperations, TwoOwnersCannotDemoteEachOtherAtOnce) {
  const std::string second = h.sign_up("second@acme.test", "owner");
  std::vector<StartedCall> calls;
  {
    const HeldWriter held(h.committer);
    calls.push_back(h.start("users.update", h.owner, R"({"role":"admin"})",
                            {{"id", id_of("second@acme.test")}}));
    calls.push_back(
        h.start("users.update", second, R"({"role":"admin"})", {{"id", id_of("owner@acme.test")}}));
  }
  EXPECT_TRUE(calls[0].get().ok());
  EXPECT_EQ(calls[1].get().status(), 403);  // no longer an owner when it is decided
}

TEST_F(PeopleOperations, EachRoleWritesWhatItMayAndNoMore) {
  const std::string sessions[] = {
      h.sign_up("v@acme.test", "viewer"), h.sign_up("m@acme.test", "member"),
      h.sign_up("a@acme.test", "admin"), h.owner, h.sign_up("x@acme.test", "auditor")};
  const std::string organization = h.organization.to_string();
  const auto statuses = [&](std::string_view operation, std::string_view body,
                            const Harness::Parameters& parameters = {}) {
    std::string all;
    for (const std::string& session : sessions) {
      all += h.call(operation, session, body, parameters).ok() ? 'y' : 'n';
    }
    return all;  // viewer, member, admin, owner, auditor
  };
  EXPECT_EQ(statuses("projects.list", ""), "yyyyy");
  EXPECT_EQ(statuses("projects.create", R"({"name":"p"})"), "nyyyn");
  EXPECT_EQ(statuses("targets.create", R"({"name":"t","url":"https://t.example.com"})"), "nyyyn");
  EXPECT_EQ(statuses("users.list", ""), "yyyyy");
  EXPECT_EQ(statuses("users.create", R"({"service_account":true,"name":"b","role":"viewer"})"),
            "nnyyn");
  EXPECT_EQ(statuses("registries.create", R"({"name":"r","mcp_server_ids":[],"everyone":true})"),
            "nnyyn");
  EXPECT_EQ(statuses("mcp_servers.list", ""), "yyyyy");
  EXPECT_EQ(statuses("audit_events.list", ""), "nnyyy");
  EXPECT_EQ(statuses("keys.list", "", {{"owner", "all"}}), "nnyyy");
  EXPECT_EQ(statuses("organizations.update", R"({"name":"Acme Ltd"})", {{"id", organization}}),
            "nnnyn");
}

TEST_F(PeopleOperations, NobodyActsOnWhoStandsAboveThem) {
  const std::string admin = h.sign_up("admin@acme.test", "admin");
  EXPECT_EQ(update(admin, "owner@acme.test", R"({"active":false})").status(), 403);
  EXPECT_EQ(remove(admin, "owner@acme.test").status(), 403);
  EXPECT_EQ(reset_link(admin, "owner@acme.test").status(), 403);
  EXPECT_EQ(update(admin, "admin@acme.test", R"({"role":"owner"})").status(), 403);
  EXPECT_EQ(invite(admin, "new@acme.test", "owner").status(), 403);
  EXPECT_TRUE(invite(admin, "new@acme.test", "admin").ok());
}

TEST_F(PeopleOperations, AnotherOrganizationsThingsDoNotExist) {
  const std::string other = other_owner("eve@other.test");
  const std::string project = h.create("projects.create", h.owner, R"({"name":"p"})");
  for (const char* operation : {"projects.get", "projects.update", "projects.delete"}) {
    EXPECT_EQ(h.call(operation, other, "", {{"id", project}}).status(), 404) << operation;
  }
  EXPECT_EQ(h.call("users.get", other, "", {{"id", id_of("owner@acme.test")}}).status(), 404);
  EXPECT_EQ(h.call("projects.list", other, "", {{"organization_id", h.organization.to_string()}})
                .status(),
            404);
}

// -- keys that act for people

TEST_F(PeopleOperations, NoKeyMakesItselfAPerson) {
  const std::string key = access_key(h.owner);
  h.sign_up("ann@acme.test", "viewer");
  const auto create = [&](std::string_view body) {
    return h.call("users.create", key, body).status();
  };
  EXPECT_EQ(create(R"({"email":"n@acme.test","role":"viewer"})"), 403);
  EXPECT_EQ(create(R"({"email":"n@acme.test","role":"viewer","password":"long enough pw"})"), 403);
  EXPECT_EQ(create(R"({"service_account":true,"name":"b","role":"admin"})"), 403);
  EXPECT_EQ(create(R"({"service_account":true,"name":"b","role":"auditor"})"), 403);
  EXPECT_EQ(create(R"({"service_account":true,"name":"b","role":"member"})"), 200);
  EXPECT_EQ(update(key, "ann@acme.test", R"({"role":"admin"})").status(), 403);
  EXPECT_EQ(update(key, "ann@acme.test", R"({"role":"owner"})").status(), 403);
  EXPECT_EQ(update(key, "ann@acme.test", R"({"password":"long enough pw"})").status(), 403);
  EXPECT_TRUE(update(key, "ann@acme.test", R"({"role":"member"})").ok());
  EXPECT_EQ(reset_link(key, "ann@acme.test").status(), 403);
  EXPECT_EQ(h.call("organizations.create", key, R"({"name":"x"})").status(), 403);
}

TEST_F(PeopleOperations, AKeyActsWithTheRoleItsOwnerHasNow) {
  const std::string ann = h.sign_up("ann@acme.test", "member");
  const std::string key = access_key(ann);
  EXPECT_TRUE(h.call("projects.create", key, R"({"name":"p"})").ok());
  ASSERT_TRUE(update(h.owner, "ann@acme.test", R"({"role":"viewer"})").ok());
  EXPECT_EQ(h.call("projects.create", key, R"({"name":"p"})").status(), 403);
  EXPECT_TRUE(h.call("projects.list", key).ok());
  ASSERT_TRUE(update(h.owner, "ann@acme.test", R"({"active":false})").ok());
  EXPECT_EQ(h.call("projects.list", key).status(), 401);
  EXPECT_FALSE(signed_in(ann));
}

// -- invitations and reset links

TEST_F(PeopleOperations, AnInvitationWorksOnceAndFor72Hours) {
  const std::string token = token_in(invite(h.owner, "ann@acme.test", "member").text("invite_url"));
  EXPECT_EQ(accept("password_resets.complete", token).reason(), "link_spent");  // no such purpose
  EXPECT_EQ(accept("invitations.accept", token, "short").status(), 400);
  EXPECT_EQ(accept("invitations.accept", token, "password123").status(), 400);
  const Answer accepted = accept("invitations.accept", token);
  ASSERT_TRUE(accepted.ok());
  EXPECT_TRUE(signed_in(accepted.reply().session_token.reveal()));
  EXPECT_EQ(accept("invitations.accept", token).reason(), "link_spent");
  EXPECT_TRUE(sign_in("ann@acme.test", "a new long password").ok());
  const std::string late = token_in(invite(h.owner, "bob@acme.test", "member").text("invite_url"));
  h.clock.advance(hours{72});
  EXPECT_EQ(accept("invitations.accept", late).reason(), "link_spent");
}

TEST_F(PeopleOperations, ALinkUsedTwiceAtOnceWorksOnce) {
  const std::string token = token_in(invite(h.owner, "ann@acme.test", "member").text("invite_url"));
  const std::string body = "{\"token\":\"" + token + "\",\"password\":\"a new long password\"}";
  std::vector<StartedCall> calls;
  {
    const HeldWriter held(h.committer);
    for (int i = 0; i < 2; ++i) calls.push_back(h.start("invitations.accept", "", body));
  }
  EXPECT_TRUE(calls[0].get().ok());
  EXPECT_EQ(calls[1].get().reason(), "link_spent");
}

TEST_F(PeopleOperations, AResetLinkWorksOnceEndsSessionsAndReplacesEarlierLinks) {
  const std::string ann = h.sign_up("ann@acme.test", "member");
  const std::string key = access_key(ann);
  const std::string first = token_in(reset_link(h.owner, "ann@acme.test").text("reset_url"));
  const std::string second = token_in(reset_link(h.owner, "ann@acme.test").text("reset_url"));
  EXPECT_TRUE(signed_in(ann));
  EXPECT_EQ(accept("password_resets.complete", first).reason(), "link_spent");
  EXPECT_TRUE(accept("password_resets.complete", second).ok());
  EXPECT_EQ(accept("password_resets.complete", second).reason(), "link_spent");
  EXPECT_FALSE(signed_in(ann));
  EXPECT_FALSE(sign_in("ann@acme.test", kTestPassword).ok());
  EXPECT_EQ(h.code_of(key), "VALID");
}

TEST_F(PeopleOperations, NoResetLinkForWhoStandsHigherAnywhere) {
  const std::string admin = h.sign_up("admin@acme.test", "admin");
  const std::string other = other_owner("eve@other.test");
  ASSERT_TRUE(invite(admin, "eve@other.test", "viewer").ok());  // here the least of all
  EXPECT_EQ(reset_link(admin, "eve@other.test").status(), 403);
  EXPECT_EQ(reset_link(h.owner, "eve@other.test").status(), 403);
  h.sign_up("ann@acme.test", "viewer");
  EXPECT_TRUE(reset_link(admin, "ann@acme.test").ok());
  // The administrator is a member there, where Ann reads everything.
  ASSERT_TRUE(invite(other, "admin@acme.test", "member").ok());
  ASSERT_TRUE(invite(other, "ann@acme.test", "auditor").ok());
  EXPECT_EQ(reset_link(admin, "ann@acme.test").status(), 403);
  const std::string bot =
      h.create("users.create", h.owner, R"({"service_account":true,"name":"b","role":"viewer"})");
  EXPECT_EQ(h.call("users.reset_link", h.owner, "", {{"id", bot}}).status(), 409);
}

TEST_F(PeopleOperations, AnInvitationHereIsNoWayIntoOneThatIsOpenElsewhere) {
  const std::string other = other_owner("eve@other.test");
  const std::string first = token_in(invite(other, "ann@both.test", "owner").text("invite_url"));
  const Answer here = invite(h.owner, "ann@both.test", "viewer");
  ASSERT_TRUE(here.ok());
  EXPECT_EQ(token_in(here.text("invite_url")), "none");
  EXPECT_TRUE(accept("invitations.accept", first).ok());  // and the first one still works
  EXPECT_EQ(
      h.call("me.get", h.sign_in("ann@both.test", "a new long password")).size("organizations"),
      2u);
}

TEST_F(PeopleOperations, AnAddressIsInAnOrganizationOnce) {
  h.sign_up("ann@acme.test", "member");
  EXPECT_EQ(invite(h.owner, "ANN@acme.test", "viewer").reason(), "email_taken");
  for (const char* email : {"ann", "@acme.test", "ann@", "a b@acme.test", "a@b@c"}) {
    EXPECT_EQ(invite(h.owner, email, "viewer").status(), 400) << email;
  }
}

// -- signing in

TEST_F(PeopleOperations, TenFailuresCloseAnAccountForAQuarterOfAnHour) {
  h.sign_up("ann@acme.test", "member");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(sign_in("Ann@acme.test", "wrong", "198.51.100." + std::to_string(i)).status(), 401);
  }
  const Answer closed = sign_in("ann@acme.test", kTestPassword, "198.51.100.99");
  EXPECT_EQ(closed.status(), 429);
  EXPECT_EQ(closed.error().retry_after_seconds(), 900);
  EXPECT_TRUE(sign_in("owner@acme.test", kTestPassword, "198.51.100.99").ok());
  h.clock.advance(minutes{15});
  EXPECT_TRUE(sign_in("ann@acme.test", kTestPassword, "198.51.100.99").ok());
}

TEST_F(PeopleOperations, TenFailuresCloseAnAddressWhoeverTheyTried) {
  for (int i = 0; i < 10; ++i) {
    const std::string email = "nobody" + std::to_string(i) + "@acme.test";
    const Answer refused = sign_in(email, "wrong", "2001:db8::" + std::to_string(i));
    EXPECT_EQ(refused.status(), 401);
    EXPECT_EQ(refused.error().detail(), "The e-mail address or the password is wrong.");
  }
  EXPECT_EQ(sign_in("owner@acme.test", kTestPassword, "2001:db8::ffff").status(), 429);
  EXPECT_TRUE(sign_in("owner@acme.test", kTestPassword, "2001:db8:1::1").ok());
}

TEST_F(PeopleOperations, ASuccessForgetsTheFailuresOfItsAccount) {
  for (int i = 0; i < 9; ++i)
    sign_in("owner@acme.test", "wrong", "198.51.100." + std::to_string(i));
  EXPECT_TRUE(sign_in("owner@acme.test", kTestPassword).ok());
  for (int i = 0; i < 9; ++i) sign_in("owner@acme.test", "wrong", "203.0.113." + std::to_string(i));
  EXPECT_TRUE(sign_in("owner@acme.test", kTestPassword).ok());
}

TEST_F(PeopleOperations, ASessionEndsTwelveHoursAfterItsLastUse) {
  h.clock.advance(hours{12} - seconds{1});
  EXPECT_TRUE(signed_in(h.owner));
  h.clock.advance(hours{12} - seconds{1});
  EXPECT_TRUE(signed_in(h.owner));
  h.clock.advance(hours{12});
  EXPECT_FALSE(signed_in(h.owner));
}

TEST_F(PeopleOperations, AnEndedSessionDoesNotStayInTheStore) {
  const auto stored = [&](bool idle_too) {
    EXPECT_TRUE(h.change([&](Change& change) -> Result<void> {
                   remove_ended_sessions(change, idle_too);
                   return {};
                 }).has_value());
    std::size_t count = 0;
    h.directory.table<domain::Session>().for_each([&](const domain::Session&) { ++count; });
    return count;
  };
  h.clock.advance(hours{6});
  const std::string other = h.sign_in("owner@acme.test");
  EXPECT_EQ(stored(true), 2u);
  h.clock.advance(hours{6});
  EXPECT_EQ(stored(false), 2u);  // it may be in use on another node
  EXPECT_EQ(stored(true), 1u);
  EXPECT_TRUE(signed_in(other));
  h.clock.advance(hours{7 * 24});
  EXPECT_EQ(stored(false), 0u);
}

TEST_F(PeopleOperations, ASessionEndsAfterSevenDaysHoweverOftenItIsUsed) {
  for (int i = 0; i < 7 * 4 - 1; ++i) {
    h.clock.advance(hours{6});
    ASSERT_TRUE(signed_in(h.owner)) << i;
  }
  h.clock.advance(hours{6});
  EXPECT_FALSE(signed_in(h.owner));
}

TEST_F(PeopleOperations, ANewPasswordEndsTheOtherSessionsAndOnlyThose) {
  const std::string other = h.sign_in("owner@acme.test");
  const std::string key = access_key(h.owner);
  const auto change = [&](std::string_view current) {
    return h.call("me.update", h.owner,
                  "{\"current_password\":\"" + std::string(current) +
                      "\",\"password\":\"a new long password\"}");
  };
  EXPECT_EQ(change("wrong").status(), 400);
  EXPECT_EQ(h.call("me.update", h.owner, R"({"password":"a new long password"})").status(), 400);
  EXPECT_TRUE(signed_in(other));
  ASSERT_TRUE(change(kTestPassword).ok());
  EXPECT_TRUE(signed_in(h.owner));
  EXPECT_FALSE(signed_in(other));
  EXPECT_EQ(h.code_of(key), "VALID");
  EXPECT_EQ(sign_in("owner@acme.test", kTestPassword).status(), 401);
  EXPECT_TRUE(sign_in("owner@acme.test", "a new long password").ok());
}

// The old password was good when it was checked, and is not any more when the session would begin.
TEST_F(PeopleOperations, ASignInThatAChangeOfPasswordOvertakesIsRefused) {
  std::vector<StartedCall> calls;
  {
    const HeldWriter held(h.committer);
    calls.push_back(h.start("me.update", h.owner,
                            "{\"current_password\":\"" + std::string(kTestPassword) +
                                "\",\"password\":\"a new long password\"}"));
    calls.push_back(h.start("session.create", "",
                            "{\"email\":\"owner@acme.test\",\"password\":\"" +
                                std::string(kTestPassword) + "\",\"transport\":\"bearer\"}"));
  }
  EXPECT_TRUE(calls[0].get().ok());
  EXPECT_EQ(calls[1].get().status(), 401);
}

TEST_F(PeopleOperations, PeopleSeeAndEndTheirOwnSessionsOnly) {
  const std::string second = h.sign_in("owner@acme.test");
  const std::string ann = h.sign_up("ann@acme.test", "admin");
  const Answer list = h.call("sessions.list", h.owner);
  ASSERT_EQ(list.size("items"), 2u);
  const std::string newest = list.text("items.0.id");
  EXPECT_EQ(list.text("items.0.current"), "false");
  EXPECT_EQ(h.call("sessions.delete", ann, "", {{"id", newest}}).status(), 404);
  EXPECT_TRUE(h.call("sessions.delete", h.owner, "", {{"id", newest}}).ok());
  EXPECT_FALSE(signed_in(second));
  const std::string third = h.sign_in("owner@acme.test");
  EXPECT_TRUE(h.call("sessions.delete_others", h.owner).ok());
  EXPECT_FALSE(signed_in(third));
  EXPECT_TRUE(signed_in(h.owner));
  EXPECT_TRUE(h.call("session.delete", h.owner).ok());
  EXPECT_FALSE(signed_in(h.owner));
  EXPECT_TRUE(signed_in(ann));
}

TEST_F(PeopleOperations, TheSetupLinkWorksForAQuarterOfAnHourAndOnlyWhileThereIsNothing) {
  const std::string token = h.setup_link.issue(h.directory, h.random, h.clock.now()).reveal();
  EXPECT_TRUE(h.setup_link.matches(h.directory, token, h.clock.now() + minutes{15} - seconds{1}));
  EXPECT_FALSE(h.setup_link.matches(h.directory, token, h.clock.now() + minutes{15}));
  EXPECT_FALSE(h.setup_link.matches(h.directory, token + "x", h.clock.now()));
  const Answer again = h.call("setup.complete", "",
                              "{\"token\":\"" + token +
                                  "\",\"organization\":\"Evil\",\"email\":"
                                  "\"e@e.test\",\"password\":\"a new long password\"}");
  EXPECT_EQ(again.reason(), "already_set_up");
}

TEST_F(PeopleOperations, TheFirstPersonSpendsTheSetupLinkOfEveryNode) {
  const std::string token = SetupLink().issue(h.directory, h.random, h.clock.now()).reveal();
  EXPECT_TRUE(h.setup_link.matches(h.directory, token, h.clock.now()));
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_FALSE(h.setup_link.matches(h.directory, other, h.clock.now())) << i;
    EXPECT_FALSE(h.setup_link.matches(h.directory, token.substr(0, i), h.clock.now())) << i;
  }
  h.sign_up("first@acme.test", "owner");
  EXPECT_FALSE(h.setup_link.matches(h.directory, token, h.clock.now()));
}

// -- things

TEST_F(PeopleOperations, DeletingAnOrganizationEndsEverythingInIt) {
  const std::string project = h.create("projects.create", h.owner, R"({"name":"p"})");
  const std::string key = access_key(h.owner);
  ASSERT_TRUE(
      h.call("organizations.delete", h.owner, "", {{"id", h.organization.to_string()}}).ok());
  EXPECT_FALSE(signed_in(h.owner));
  EXPECT_EQ(h.call("projects.list", key).status(), 401);
  EXPECT_EQ(h.directory.find<domain::Project>(*Uuid::parse(project)), nullptr);
  EXPECT_TRUE(h.store.list_records({store::RecordType::membership}, {})->items.empty());
}

TEST_F(PeopleOperations, ARegistryThatNamesADeletedServerCanStillBeChanged) {
  const std::string server =
      h.create("mcp_servers.create", h.owner, R"({"name":"s","url":"https://mcp.example.com/"})");
  const std::string registry =
      h.create("registries.create", h.owner,
               "{\"name\":\"r\",\"mcp_server_ids\":[\"" + server + "\"],\"everyone\":true}");
  ASSERT_TRUE(h.call("mcp_servers.delete", h.owner, "", {{"id", server}}).ok());
  const std::string users =
      "{\"everyone\":false,\"user_ids\":[\"" + id_of("owner@acme.test") + "\"]}";
  EXPECT_TRUE(h.call("registries.update", h.owner, users, {{"id", registry}}).ok());
  const std::string again = "{\"mcp_server_ids\":[\"" + server + "\"]}";
  EXPECT_EQ(h.call("registries.update", h.owner, again, {{"id", registry}}).status(), 400);
}

TEST_F(PeopleOperations, SlugsAreUniqueAndSomeAreReserved) {
  const auto service = [&](const std::string& slug) {
    return h.call(
        "services.create", h.owner,
        "{\"name\":\"s\",\"slug\":\"" + slug + "\",\"upstream_url\":\"https://s.example.com\"}");
  };
  for (const char* slug : {"obtain", "verify", "refresh", "revoke", "A", "-a", "a_b", ""}) {
    EXPECT_EQ(service(slug).status(), 400) << slug;
  }
  EXPECT_TRUE(service("deploy").ok());
  EXPECT_EQ(service("deploy").reason(), "slug_taken");
  std::vector<StartedCall> calls;
  {
    const HeldWriter held(h.committer);
    for (int i = 0; i < 2; ++i) {
      calls.push_back(h.start("services.create", h.owner,
                              R"({"name":"s","slug":"once","upstream_url":"https://s.test"})"));
    }
  }
  EXPECT_TRUE(calls[0].get().ok());
  EXPECT_EQ(calls[1].get().reason(), "slug_taken");
}

TEST(Upstream, AddressesOfTheServersOwnNetworkAreRefused) {
  for (const char* url :
       {"http://127.0.0.1/", "http://127.1/", "http://0x7f000001/", "http://2130706433/",
        "http://localhost/", "http://[::1]/", "http://10.0.0.1/", "http://192.168.1.1:8080/x",
        "http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/", "ftp://a.example.com/", "http://user:pw@a.example.com/", "http://",
        "nonsense", "http://a.example.com:0/", "http://a.example.com:70000/"}) {
    EXPECT_FALSE(parse_upstream("url", url, {}).has_value()) << url;
  }
  const Cidr loopback = *Cidr::parse("127.0.0.0/8");
  EXPECT_TRUE(parse_upstream("url", "http://127.0.0.1:9000/x", std::span(&loopback, 1)));
  EXPECT_FALSE(parse_upstream("url", "http://127.1:9000/x", std::span(&loopback, 1)));
  EXPECT_EQ(parse_upstream("url", "https://A.example.com", {})->host, "a.example.com");
  EXPECT_EQ(parse_upstream("url", "https://a.example.com", {})->port, 443);
}

}  // namespace
}  // namespace keywright::app
