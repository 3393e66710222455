// Who may make, see, change and stop which keys.
#include "app/key_fixture_test.h"

namespace keywright::app {
namespace {

TEST_F(KeyOperations, EverybodyMakesKeysOfTheirOwn) {
  for (const std::string& person : {h.owner, admin, ann, viewer, auditor}) {
    const Answer made = make(person, "access");
    ASSERT_TRUE(made.ok()) << made.reason();
    EXPECT_EQ(made.text("owner.type"), "user");
    EXPECT_EQ(made.text("key").substr(0, 4), "kwa_");
    EXPECT_EQ(made.reply().location, "/keys/" + made.text("id"));
    EXPECT_EQ(h.code_of(made.text("key")), "VALID");
  }
}

TEST_F(KeyOperations, NobodyMakesAKeyForAnotherPerson) {
  const std::string anns_id = h.user_id("ann@acme.test");
  for (const std::string& caller : {h.owner, admin, management("\"keys:write\"")}) {
    EXPECT_EQ(make(caller, "access", owner_is("user", anns_id)).status(), 403);
  }
  EXPECT_EQ(make(bob, "access", owner_is("user", anns_id)).status(), 403);
}

TEST_F(KeyOperations, OnlyAdministratorsMakeKeysForWhatIsNoPerson) {
  const std::string project = h.create("projects.create", h.owner, R"({"name":"p"})");
  const std::string target =
      h.create("targets.create", h.owner, R"({"name":"t","url":"https://t.example.com"})");
  const std::string keyspace =
      h.create("keyspaces.create", h.owner, R"({"name":"k","prefix":"acme_"})");
  const std::string of_keyspace =
      owner_is("external", "c1") + ",\"keyspace_id\":\"" + keyspace + "\"";
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"ingest", owner_is("project", project)},
      {"target", owner_is("target", target)},
      {"account", ""},
      {"customer", of_keyspace},
      {"access", owner_is("user", service_account("member"))}};
  const std::string manager = management("\"keys:write\"");
  for (const auto& [kind, owner] : kinds) {
    EXPECT_TRUE(make(admin, kind, owner).ok()) << kind;
    EXPECT_TRUE(make(manager, kind, owner).ok()) << kind;
    EXPECT_EQ(make(ann, kind, owner).status(), 403) << kind;
    EXPECT_EQ(make(auditor, kind, owner).status(), 403) << kind;
  }
  EXPECT_EQ(fields_of(make(admin, "target", owner_is("target", project))), Fields{"owner.id"});
  EXPECT_EQ(fields_of(make(admin, "ingest", owner_is("target", target))), Fields{"owner.type"});
  EXPECT_EQ(fields_of(make(admin, "ingest")), Fields{"owner"});
}

TEST_F(KeyOperations, AServiceAccountAboveTheCallerGetsNoKeyFromThem) {
  const std::string boss = service_account("admin");
  const std::string reader = service_account("auditor");
  const std::string helper = service_account("member");
  const std::string manager = management("\"keys:write\"");
  EXPECT_TRUE(make(admin, "access", owner_is("user", boss)).ok());
  EXPECT_TRUE(make(admin, "access", owner_is("user", reader)).ok());
  EXPECT_EQ(make(manager, "access", owner_is("user", boss)).status(), 403);
  EXPECT_EQ(make(manager, "access", owner_is("user", reader)).status(), 403);
  EXPECT_TRUE(make(manager, "access", owner_is("user", helper)).ok());
  const Answer of_boss = make(admin, "access", owner_is("user", boss));
  EXPECT_EQ(on("keys.rotate", manager, of_boss.text("id")).status(), 403);
  EXPECT_EQ(on("keys.update", manager, of_boss.text("id"), R"({"name":"x"})").status(), 403);
  EXPECT_EQ(h.call("users.create", h.owner, R"({"service_account":true,"name":"x","role":"owner"})")
                .status(),
            400);
}

TEST_F(KeyOperations, AManagementKeyMakesAndWidensNoManagementKey) {
  const std::string manager = management("\"keys:write\",\"keys:read\"");
  const Answer other = make(h.owner, "management", ",\"permissions\":[\"keys:verify\"]");
  const std::string own = h.call("whoami.get", manager).text("id");
  EXPECT_EQ(make(manager, "management", ",\"permissions\":[\"keys:verify\"]").status(), 403);
  const std::string wider = R"({"permissions":["keys:verify","audit:read"]})";
  for (const std::string& id : {own, other.text("id")}) {
    EXPECT_EQ(on("keys.update", manager, id, wider).status(), 403);
    EXPECT_EQ(on("keys.rotate", manager, id).status(), 403);
  }
  ASSERT_TRUE(on("keys.disable", admin, other.text("id")).ok());
  EXPECT_EQ(on("keys.enable", manager, other.text("id")).status(), 403);
  EXPECT_TRUE(on("keys.revoke", manager, other.text("id")).ok());
  EXPECT_EQ(make(ann, "management", ",\"permissions\":[\"keys:verify\"]").status(), 403);
}

TEST_F(KeyOperations, AToolRuleNamesAToolAndItsStarStandsAtTheEndOfAPart) {
  const auto rule = [&](const std::string& text) {
    return make(h.owner, "connect", R"(,"scope":{"all":true},"permissions":[")" + text + "\"]");
  };
  for (const char* good :
       {"tools/call:echo", "tools/call:*", "tools/call:fs.*", "tools/call:my tool"}) {
    EXPECT_TRUE(rule(good).ok()) << good;
  }
  for (const char* bad :
       {"tools/call:", "tools/call:fs*", "tools/call:*x", "tools/list:echo", "echo"}) {
    EXPECT_EQ(fields_of(rule(bad)), Fields{"permissions[0]"}) << bad;
  }
}

TEST_F(KeyOperations, AManagementKeyDoesWhatItsPermissionsSayAndNoMore) {
  const Answer key = make(ann, "access");
  const std::string id = key.text("id");
  const std::string verifier = management("\"keys:verify\"");
  const std::string reader = management("\"keys:read\"");
  const std::string writer = management("\"keys:write\"");
  const std::string historian = management("\"audit:read\"");
  const std::string all = management("\"keys:verify\",\"keys:read\",\"keys:write\",\"audit:read\"");
  const auto statuses = [&](const std::string& caller) {
    return std::vector<int>{h.verify(caller, key.text("key")).status(),
                            h.call("keys.list", caller, "", {{"owner", "all"}}).status(),
                            on("keys.get", caller, id).status(),
                            on("keys.disable", caller, id).status(),
                            h.call("audit_events.list", caller).status()};
  };
  EXPECT_EQ(statuses(verifier), (std::vector<int>{200, 403, 403, 403, 403}));
  EXPECT_EQ(statuses(reader), (std::vector<int>{403, 200, 200, 403, 403}));
  EXPECT_EQ(statuses(writer), (std::vector<int>{403, 403, 403, 200, 403}));
  EXPECT_EQ(statuses(historian), (std::vector<int>{403, 403, 403, 403, 200}));
  EXPECT_EQ(statuses(all), (std::vector<int>{200, 200, 200, 200, 200}));
  EXPECT_EQ(h.call("projects.list", all).status(), 403);
  EXPECT_EQ(h.call("users.list", all).status(), 403);
  EXPECT_EQ(fields_of(make(h.owner, "management")), Fields{"permissions"});
  EXPECT_EQ(fields_of(make(h.owner, "management", ",\"permissions\":[]")), Fields{"permissions"});
  EXPECT_EQ(fields_of(make(h.owner, "management", ",\"permissions\":[\"keys:*\",\"x\"]")),
            (Fields{"permissions[0]", "permissions[1]"}));
}

TEST_F(KeyOperations, AKeyThatActsAsItsOwnerManagesNoKeys) {
  const std::string key = make(h.owner, "access").text("key");
  const std::string victim = make(ann, "access").text("id");
  EXPECT_TRUE(h.call("users.list", key).ok());  // its owner's other rights it has
  EXPECT_EQ(make(key, "access").reason(), "wrong_key_kind");
  EXPECT_EQ(h.call("keys.list", key).reason(), "wrong_key_kind");
  EXPECT_EQ(h.verify(key, key).reason(), "wrong_key_kind");
  for (const char* operation : {"keys.get", "keys.update", "keys.rotate", "keys.revoke",
                                "keys.delete", "keys.disable", "keys.enable"}) {
    EXPECT_EQ(on(operation, key, victim).reason(), "wrong_key_kind") << operation;
  }
  const std::string import = R"({"items":[]})";
  EXPECT_EQ(h.call("keys.import", key, import).reason(), "wrong_key_kind");
}

TEST_F(KeyOperations, AKeyMayGiveItselfUpButForConnect) {
  const Answer made = make(ann, "access");
  const Answer given_up = h.call("whoami.revoke", made.text("key"));
  EXPECT_EQ(given_up.text("status"), "revoked");
  EXPECT_EQ(given_up.text("status_reason"), "given_up");
  EXPECT_EQ(h.call("whoami.get", made.text("key")).status(), 401);
  const std::string connect = make(ann, "connect", ",\"scope\":{\"all\":true}").text("key");
  EXPECT_EQ(h.call("whoami.revoke", connect).reason(), "wrong_key_kind");
  EXPECT_EQ(h.code_of(connect), "VALID");
}

TEST_F(KeyOperations, AnothersKeyIsUnknownToWhoMayNotReadAllKeys) {
  const std::string id = make(ann, "access").text("id");
  for (const char* operation : {"keys.get", "keys.update", "keys.rotate", "keys.revoke",
                                "keys.delete", "keys.disable", "keys.enable"}) {
    EXPECT_EQ(on(operation, bob, id).status(), 404) << operation;
    EXPECT_EQ(on(operation, bob, "AAAAAAAAAAAA").error().detail(),
              on(operation, bob, id).error().detail());
  }
  EXPECT_TRUE(on("keys.get", auditor, id).ok());
  EXPECT_EQ(on("keys.revoke", auditor, id).status(), 403);
  EXPECT_EQ(h.call("keys.list", bob, "", {{"owner", "all"}}).status(), 403);
  EXPECT_EQ(h.call("keys.list", bob, "", {{"owner", h.user_id("ann@acme.test")}}).status(), 403);
  EXPECT_EQ(h.call("keys.list", bob).size("items"), 0u);
  EXPECT_EQ(h.call("keys.list", ann).size("items"), 1u);
}

TEST_F(KeyOperations, AdministratorsStopAnothersKeyAndDoNotChangeIt) {
  const Answer made = make(ann, "access");
  const std::string id = made.text("id");
  EXPECT_TRUE(on("keys.get", admin, id).ok());
  EXPECT_EQ(on("keys.update", admin, id, R"({"name":"x"})").status(), 403);
  EXPECT_EQ(on("keys.rotate", admin, id).status(), 403);
  EXPECT_EQ(on("keys.rotate", management("\"keys:write\""), id).status(), 403);
  EXPECT_EQ(on("keys.disable", admin, id).text("status"), "disabled");
  EXPECT_EQ(h.code_of(made.text("key")), "DISABLED");
  EXPECT_EQ(on("keys.revoke", admin, id).text("status"), "revoked");
}

TEST_F(KeyOperations, WhatAnAdministratorDisabledItsPersonCannotEnable) {
  const Answer made = make(ann, "access");
  const std::string id = made.text("id");
  ASSERT_TRUE(on("keys.disable", ann, id).ok());
  ASSERT_TRUE(on("keys.enable", ann, id).ok());
  EXPECT_EQ(h.code_of(made.text("key")), "VALID");
  ASSERT_TRUE(on("keys.disable", ann, id).ok());
  EXPECT_EQ(on("keys.disable", admin, id).text("status_reason"), "disabled_by_administrator");
  ASSERT_TRUE(on("keys.disable", ann, id).ok());  // does not make it her own doing again
  EXPECT_EQ(on("keys.enable", ann, id).status(), 403);
  EXPECT_TRUE(on("keys.enable", admin, id).ok());
  EXPECT_EQ(h.code_of(made.text("key")), "VALID");
}

TEST_F(KeyOperations, WhatAPersonDisabledOnlyTheyEnable) {
  const Answer made = make(ann, "access");
  ASSERT_TRUE(on("keys.disable", ann, made.text("id")).ok());
  EXPECT_EQ(on("keys.enable", admin, made.text("id")).status(), 403);
  EXPECT_EQ(on("keys.enable", management("\"keys:write\""), made.text("id")).status(), 403);
  EXPECT_EQ(h.code_of(made.text("key")), "DISABLED");
}

}  // namespace
}  // namespace keywright::app
