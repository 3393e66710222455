// Keys through the operations: what a request must say, what changes and what is answered again.
#include "app/key_fixture_test.h"

namespace keywright::app {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(KeyOperations, ScopeIdsThatAreUnknownOrOutOfReachAreListedAlike) {
  const auto server = [&](const std::string& name) {
    return h.create("mcp_servers.create", h.owner,
                    "{\"name\":\"" + name + "\",\"url\":\"https://mcp.example.com/\"}");
  };
  const std::string given = server("given");
  const std::string kept = server("kept");
  h.create("registries.create", h.owner,
           "{\"name\":\"r\",\"everyone\":true,\"mcp_server_ids\":[\"" + given + "\"]}");
  const std::string unknown = "0190a3f5-c0d2-7c41-9f7a-3b1d6a0c52e8";
  const Answer refused = make(
      ann, "connect",
      ",\"scope\":{\"ids\":[\"" + unknown + "\",\"" + given + "\",\"" + kept + "\",\"nonsense\"]}");
  EXPECT_EQ(refused.status(), 400);
  EXPECT_EQ(fields_of(refused), (Fields{"scope.ids[0]", "scope.ids[2]", "scope.ids[3]"}));
  EXPECT_NE(refused.error().detail().find("scope.ids[3]: \"nonsense\""), std::string::npos);
  std::set<std::string> texts;
  const std::vector<std::string> ids{unknown, kept, "nonsense"};
  for (std::size_t i = 0; i < 3; ++i) {
    std::string message = refused.error().problems()[i].message;
    message.erase(message.find(ids[i]), ids[i].size());
    texts.insert(message);
  }
  EXPECT_EQ(texts.size(), 1u);
  const Answer made = make(ann, "connect", ",\"scope\":{\"ids\":[\"" + given + "\"]}");
  EXPECT_EQ(made.text("scope.ids.0"), given);
  EXPECT_TRUE(make(h.owner, "connect", ",\"scope\":{\"ids\":[\"" + kept + "\"]}").ok());
}

TEST_F(KeyOperations, IdsInUpperCaseMeanTheSame) {
  const std::string project = h.create("projects.create", h.owner, R"({"name":"p"})");
  const std::string platform = h.create(
      "platforms.create", h.owner, R"({"name":"f","type":"flowise"})", {{"project_id", project}});
  const auto upper = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  };
  const Answer made = make(
      h.owner, "ingest",
      owner_is("project", upper(project)) + ",\"scope\":{\"ids\":[\"" + upper(platform) + "\"]}");
  ASSERT_TRUE(made.ok()) << made.error().detail();
  EXPECT_EQ(made.text("owner.id"), project);
  EXPECT_EQ(made.text("scope.ids.0"), platform);
  EXPECT_EQ(h.code_of(made.text("key"),
                      ",\"resource\":{\"type\":\"platform\",\"id\":\"" + platform + "\"}"),
            "VALID");
  EXPECT_TRUE(make(ann, "access", owner_is("user", upper(h.user_id("ann@acme.test")))).ok());
}

TEST_F(KeyOperations, AScopeIsEitherAllOrAListThatIsNotEmpty) {
  for (const char* scope :
       {"", ",\"scope\":{}", ",\"scope\":{\"ids\":[]}", ",\"scope\":{\"all\":false}",
        ",\"scope\":{\"all\":true,\"ids\":[]}", ",\"scope\":null"}) {
    EXPECT_EQ(make(ann, "connect", scope).status(), 400) << scope;
  }
  EXPECT_EQ(fields_of(make(ann, "access", ",\"scope\":{\"all\":true}")), Fields{"scope"});
  const std::string project = h.create("projects.create", h.owner, R"({"name":"p"})");
  const Answer ingest = make(h.owner, "ingest", owner_is("project", project));
  EXPECT_EQ(ingest.text("scope.all"), "true");
  const Answer emptied = on("keys.update", h.owner, ingest.text("id"), R"({"scope":{"ids":[]}})");
  EXPECT_EQ(fields_of(emptied), Fields{"scope.ids"});
}

TEST_F(KeyOperations, ATokenIsNeitherANameNorPartOfADescription) {
  const Answer made = make(ann, "access");
  const std::string token = make(bob, "access").text("key");
  const Answer named = h.call("keys.create", ann, R"({"kind":"access","name":")" + token + "\"}");
  EXPECT_EQ(fields_of(named), Fields{"name"});
  EXPECT_EQ(named.error().detail().find(token), std::string::npos);
  EXPECT_EQ(fields_of(make(ann, "access", ",\"description\":\"it is\\n" + token + " .\"")),
            Fields{"description"});
  EXPECT_EQ(fields_of(on("keys.update", ann, made.text("id"), R"({"name":"x )" + token + "\"}")),
            Fields{"name"});
  EXPECT_TRUE(on("keys.update", ann, made.text("id"), R"({"name":"for kwa_ keys, mibo_x"})").ok());
}

TEST_F(KeyOperations, NamesAreNeitherBlankNorLongerThan255) {
  const auto with_name = [&](const std::string& name) {
    return h.call("keys.create", ann, "{\"kind\":\"access\",\"name\":\"" + name + "\"}").status();
  };
  EXPECT_EQ(with_name(""), 400);
  EXPECT_EQ(with_name("  \\t "), 400);
  EXPECT_EQ(with_name(std::string(255, 'x')), 200);
  EXPECT_EQ(with_name(std::string(256, 'x')), 400);
  EXPECT_EQ(h.call("keys.create", ann, R"({"kind":"nope","name":"x"})").status(), 400);
  EXPECT_EQ(h.call("keys.create", ann, R"({"kind":"access"})").status(), 400);
  EXPECT_EQ(fields_of(make(ann, "access", ",\"status\":\"active\"")), Fields{"status"});
}

TEST_F(KeyOperations, ExpiryIsRequiredWhereTheKindSaysSoAndLiesAhead) {
  for (const char* kind : {"personal", "mcp"}) {
    EXPECT_EQ(fields_of(make(ann, kind)), Fields{"expires_at"}) << kind;
    EXPECT_TRUE(make(ann, kind, expires_in(hours{1})).ok()) << kind;
  }
  EXPECT_EQ(fields_of(make(ann, "access", expires_in(seconds{0}))), Fields{"expires_at"});
  EXPECT_EQ(fields_of(make(ann, "access", expires_in(-hours{1}))), Fields{"expires_at"});
  const Answer personal = make(ann, "personal", expires_in(hours{1}));
  EXPECT_EQ(on("keys.update", ann, personal.text("id"), R"({"expires_at":null})").status(), 400);
  const Answer access = make(ann, "access", expires_in(hours{1}));
  EXPECT_TRUE(on("keys.update", ann, access.text("id"), R"({"expires_at":null})").ok());
}

TEST_F(KeyOperations, AnExpiredKeyShowsItAndOnlySomeKindsCanBeGivenMoreTime) {
  const Answer personal = make(ann, "personal", expires_in(hours{1}));
  const Answer access = make(ann, "access", expires_in(hours{1}));
  h.clock.advance(hours{1} - milliseconds{1});
  EXPECT_EQ(h.code_of(access.text("key")), "VALID");
  h.clock.advance(milliseconds{1});
  EXPECT_EQ(h.code_of(access.text("key")), "EXPIRED");
  EXPECT_EQ(on("keys.get", ann, access.text("id")).text("status_reason"), "null");
  EXPECT_EQ(on("keys.get", ann, personal.text("id")).text("status"), "expired");
  EXPECT_EQ(on("keys.get", ann, personal.text("id")).text("status_reason"), "idle_timeout");
  const std::string more = "{\"expires_at\":\"" + later(hours{1}) + "\"}";
  EXPECT_EQ(on("keys.update", ann, personal.text("id"), more).status(), 409);
  EXPECT_TRUE(on("keys.update", ann, access.text("id"), more).ok());
  EXPECT_EQ(h.code_of(access.text("key")), "VALID");
  EXPECT_EQ(on("keys.rotate", ann, personal.text("id")).status(), 409);
}

TEST_F(KeyOperations, PatchLeavesClearsOrSetsEachField) {
  const std::string keyspace =
      h.create("keyspaces.create", h.owner, R"({"name":"k","prefix":"acme_"})");
  const std::string body = R"({"kind":"customer","name":"n","description":"d",
    "owner":{"type":"external","id":"c1"},"keyspace_id":")" +
                           keyspace + R"(",
    "expires_at":")" + later(hours{1}) +
                           R"(","idle_timeout_seconds":60,"permissions":["a.b"],
    "limits":[{"name":"l","limit":5,"window_seconds":60}],"credits":{"remaining":7},
    "allowed_cidrs":["192.0.2.0/24"],"metadata":{"plan":"pro"}})";
  const Answer made = h.call("keys.create", h.owner, body);
  ASSERT_TRUE(made.ok()) << made.error().detail();
  const std::string id = made.text("id");
  const auto shown = [&] {
    const Answer key = on("keys.get", h.owner, id);
    std::string all;
    for (const char* field :
         {"name", "description", "expires_at", "idle_timeout_seconds", "permissions",
          "limits.0.limit", "credits.remaining", "allowed_cidrs", "metadata"}) {
      all += key.text(field) + "|";
    }
    return all;
  };
  const std::string before =
      "n|d|" + later(hours{1}) + "|60|[\"a.b\"]|5|7|[\"192.0.2.0/24\"]|{\"plan\":\"pro\"}|";
  EXPECT_EQ(shown(), before);
  ASSERT_TRUE(on("keys.update", h.owner, id, "{}").ok());
  EXPECT_EQ(shown(), before);
  ASSERT_TRUE(on("keys.update", h.owner, id,
                 R"({"description":null,"expires_at":null,"idle_timeout_seconds":null,
                     "permissions":null,"limits":null,"credits":null,"allowed_cidrs":null,
                     "metadata":null})")
                  .ok());
  EXPECT_EQ(shown(), "n||null|null|null|||[]|null|");
  ASSERT_TRUE(on("keys.update", h.owner, id,
                 R"({"name":"m","permissions":[],"limits":[{"name":"l","limit":9,
                     "window_seconds":1}],"metadata":{}})")
                  .ok());
  EXPECT_EQ(shown(), "m||null|null|[]|9||[]|{}|");
  EXPECT_EQ(on("keys.update", h.owner, id, R"({"name":null})").status(), 400);
  EXPECT_EQ(on("keys.update", h.owner, id, R"({"kind":"access"})").status(), 400);
  EXPECT_EQ(on("keys.update", h.owner, id, R"({"metadata":[]})").status(), 400);
}

TEST_F(KeyOperations, CreditsThatAreSetCountFromThere) {
  const std::string keyspace =
      h.create("keyspaces.create", h.owner, R"({"name":"k","prefix":"acme_"})");
  const Answer made = make(h.owner, "customer",
                           owner_is("external", "c") + ",\"keyspace_id\":\"" + keyspace +
                               "\",\"credits\":{\"remaining\":3}");
  const std::string token = made.text("key");
  EXPECT_EQ(h.code_of(token, ",\"cost\":2"), "VALID");
  EXPECT_EQ(on("keys.get", h.owner, made.text("id")).text("credits.remaining"), "1");
  // Twice within one millisecond: the later one counts.
  for (const char* remaining : {"50", "20"}) {
    const Answer set = on("keys.update", h.owner, made.text("id"),
                          "{\"credits\":{\"remaining\":" + std::string(remaining) + "}}");
    EXPECT_EQ(set.text("credits.remaining"), remaining);
  }
  EXPECT_EQ(on("keys.get", h.owner, made.text("id")).text("credits.remaining"), "20");
  EXPECT_EQ(h.code_of(token, ",\"cost\":20"), "VALID");
  EXPECT_EQ(h.code_of(token), "USAGE_EXCEEDED");
}

TEST_F(KeyOperations, AStaleIfMatchChangesNothing) {
  const Answer made = make(ann, "access");
  const std::string id = made.text("id");
  const std::string etag = made.reply().etag;
  EXPECT_EQ(on("keys.get", ann, id).reply().etag, etag);
  EXPECT_EQ(h.code_of(made.text("key")), "VALID");
  EXPECT_EQ(on("keys.get", ann, id).reply().etag, etag);  // using it changes nothing
  const Answer renamed = on("keys.update", ann, id, R"({"name":"x"})", {.if_match = etag});
  ASSERT_TRUE(renamed.ok());
  EXPECT_NE(renamed.reply().etag, etag);
  EXPECT_EQ(on("keys.update", ann, id, R"({"name":"y"})", {.if_match = etag}).status(), 412);
  EXPECT_EQ(on("keys.revoke", ann, id, "", {.if_match = etag}).status(), 412);
  EXPECT_TRUE(on("keys.update", ann, id, R"({"name":"y"})", {.if_match = "*"}).ok());
  EXPECT_EQ(on("keys.get", ann, id).text("name"), "y");
}

TEST_F(KeyOperations, ARepeatedCreationAnswersWithTheSameKeyAndWithoutTheSecret) {
  const Harness::Options once{.idempotency_key = "k1"};
  const Answer first = make(ann, "access", "", once);
  const Answer again = make(ann, "access", "", once);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again.reply().replayed);
  EXPECT_EQ(again.status(), 201);
  EXPECT_EQ(again.text("id"), first.text("id"));
  EXPECT_EQ(again.body().find("\"key\":"), std::string::npos);
  EXPECT_EQ(h.call("keys.list", ann).size("items"), 1u);
  EXPECT_EQ(make(ann, "access", ",\"description\":\"other\"", once).status(), 422);
  EXPECT_NE(make(bob, "access", "", once).text("id"), first.text("id"));  // each his own
  h.clock.advance(hours{25});
  ann = h.sign_in("ann@acme.test");
  const Answer next_day = make(ann, "access", "", once);
  EXPECT_FALSE(next_day.reply().replayed);
  EXPECT_NE(next_day.text("id"), first.text("id"));
}

TEST_F(KeyOperations, ARefusedRequestMayBeRepeatedWithItsKeyOnceItIsMended) {
  const Harness::Options once{.idempotency_key = "k1"};
  EXPECT_EQ(make(ann, "personal", "", once).status(), 400);
  EXPECT_TRUE(make(ann, "access", "", once).ok());
}

TEST_F(KeyOperations, ARepeatedRevocationUnderOneKeyIsRememberedToo) {
  const std::string id = make(ann, "access").text("id");
  ASSERT_TRUE(on("keys.revoke", ann, id).ok());
  const Harness::Options once{.idempotency_key = "k1"};
  ASSERT_TRUE(on("keys.revoke", ann, id, "", once).ok());  // writes nothing
  EXPECT_EQ(on("keys.revoke", ann, id, R"({"reason":"x"})", once).status(), 422);
}

TEST_F(KeyOperations, RevokingKeepsTheFirstTimeAndReason) {
  const Answer made = make(ann, "access");
  const std::string id = made.text("id");
  const Answer first = on("keys.revoke", ann, id, R"({"reason":"leaked"})");
  h.clock.advance(hours{1});
  const Answer again = on("keys.revoke", admin, id, R"({"reason":"other"})");
  EXPECT_EQ(again.text("revoked_at"), first.text("revoked_at"));
  EXPECT_EQ(again.text("status_reason"), "leaked");
  EXPECT_EQ(first.text("effective_on.nodes"), "1");
  EXPECT_EQ(again.text("effective_on.nodes"), "1");
  EXPECT_TRUE(on("keys.delete", ann, id).ok());
  EXPECT_EQ(on("keys.get", ann, id).text("status_reason"), "leaked");
  EXPECT_EQ(h.code_of(made.text("key")), "REVOKED");
}

TEST_F(KeyOperations, ARevokedKeyIsHiddenFromListsAndNothingBringsItBack) {
  const std::string id = make(ann, "access").text("id");
  ASSERT_TRUE(on("keys.delete", ann, id).ok());
  EXPECT_EQ(on("keys.get", ann, id).text("status"), "revoked");
  EXPECT_EQ(h.call("keys.list", ann).size("items"), 0u);
  EXPECT_EQ(h.call("keys.list", ann, "", {{"include", "revoked"}}).size("items"), 1u);
  EXPECT_EQ(h.call("keys.list", ann, "", {{"status", "revoked"}}).size("items"), 1u);
  for (const char* operation : {"keys.enable", "keys.disable", "keys.rotate"}) {
    EXPECT_EQ(on(operation, ann, id).status(), 409) << operation;
  }
  EXPECT_EQ(on("keys.update", ann, id, R"({"name":"x"})").status(), 409);
}

TEST_F(KeyOperations, TheOldSecretWorksUntilTheOverlapEnds) {
  const Answer made = make(ann, "access");
  const std::string id = made.text("id");
  const Answer rotated = on("keys.rotate", ann, id, R"({"overlap_seconds":60})");
  EXPECT_EQ(rotated.text("id"), id);
  EXPECT_EQ(h.code_of(made.text("key")), "VALID");
  EXPECT_EQ(h.code_of(rotated.text("key")), "VALID");
  h.clock.advance(seconds{60} - milliseconds{1});
  EXPECT_EQ(h.code_of(made.text("key")), "VALID");
  h.clock.advance(milliseconds{1});
  EXPECT_EQ(h.code_of(made.text("key")), "REVOKED");
  EXPECT_EQ(h.code_of(rotated.text("key")), "VALID");
  const Answer shown = on("keys.get", ann, id);
  EXPECT_EQ(shown.size("versions"), 2u);
  EXPECT_EQ(shown.text("versions.0.number"), "2");
  EXPECT_EQ(shown.text("versions.0.retires_at"), "null");
  EXPECT_EQ(shown.text("versions.1.retires_at"), format_rfc3339(h.clock.now()));
}

TEST_F(KeyOperations, RotationWithoutOverlapEndsEveryOlderSecretAtOnce) {
  const Answer made = make(ann, "access");
  const std::string id = made.text("id");
  const Answer second = on("keys.rotate", ann, id, R"({"overlap_seconds":3600})");
  const Answer third = on("keys.rotate", ann, id);
  EXPECT_EQ(h.code_of(made.text("key")), "REVOKED");
  EXPECT_EQ(h.code_of(second.text("key")), "REVOKED");
  EXPECT_EQ(h.code_of(third.text("key")), "VALID");
  EXPECT_EQ(on("keys.rotate", ann, id, R"({"overlap_seconds":-1})").status(), 400);
}

TEST_F(KeyOperations, AnOverlapIsEndedBeforeItsTime) {
  const Answer first = make(ann, "access");
  const std::string id = first.text("id");
  const Answer second = on("keys.rotate", ann, id, R"({"overlap_seconds":3600})");
  const Answer third = on("keys.rotate", ann, id, R"({"overlap_seconds":3600})");
  EXPECT_EQ(on("keys.finish_rotation", ann, id, R"({"number":4})").status(), 400);
  EXPECT_EQ(on("keys.finish_rotation", ann, id, R"({"number":3})").status(), 409);
  EXPECT_EQ(on("keys.finish_rotation", bob, id).status(), 404);
  EXPECT_EQ(h.code_of(first.text("key")), "VALID");

  const Answer one = on("keys.finish_rotation", ann, id, R"({"number":1})");
  EXPECT_EQ(one.text("versions.2.retires_at"), format_rfc3339(h.clock.now()));
  EXPECT_EQ(one.text("effective_on.nodes"), "1");
  EXPECT_EQ(h.code_of(first.text("key")), "REVOKED");
  EXPECT_EQ(h.code_of(second.text("key")), "VALID");

  h.clock.advance(seconds{1});
  ASSERT_TRUE(on("keys.finish_rotation", admin, id).ok());  // whoever may revoke it
  EXPECT_EQ(h.code_of(second.text("key")), "REVOKED");
  EXPECT_EQ(h.code_of(third.text("key")), "VALID");
  const Answer again = on("keys.finish_rotation", ann, id);  // and once more changes nothing
  EXPECT_EQ(again.text("versions.1.retires_at"), format_rfc3339(h.clock.now()));
  EXPECT_EQ(again.text("versions.2.retires_at"), one.text("versions.2.retires_at"));
  EXPECT_EQ(again.text("versions.0.retires_at"), "null");

  ASSERT_TRUE(on("keys.revoke", ann, id).ok());
  EXPECT_EQ(on("keys.finish_rotation", ann, id).status(), 409);
}

TEST_F(KeyOperations, AKeyOfADeletedKeyspaceIsNotRotated) {
  const std::string keyspace =
      h.create("keyspaces.create", h.owner, R"({"name":"k","prefix":"acme_"})");
  const Answer made = make(h.owner, "customer",
                           owner_is("external", "c") + ",\"keyspace_id\":\"" + keyspace + "\"");
  ASSERT_TRUE(on("keyspaces.delete", h.owner, keyspace).ok());
  EXPECT_EQ(h.code_of(made.text("key")), "REVOKED");
  EXPECT_EQ(on("keys.rotate", h.owner, made.text("id")).status(), 409);
}

TEST_F(KeyOperations, ListsAreFilteredAndTurnedPageByPage) {
  for (int i = 0; i < 5; ++i) make(ann, "access");
  make(ann, "personal", expires_in(hours{1}));
  make(bob, "access");
  EXPECT_EQ(h.call("keys.list", admin, "", {{"owner", "all"}}).size("items"), 7u);
  EXPECT_EQ(h.call("keys.list", admin, "", {{"owner", "all"}, {"kind", "personal"}}).size("items"),
            1u);
  EXPECT_EQ(h.call("keys.list", admin, "", {{"owner", h.user_id("bob@acme.test")}}).size("items"),
            1u);
  std::set<std::string> seen;
  std::string cursor;
  int pages = 0;
  do {
    Harness::Parameters parameters{{"limit", "2"}, {"status", "active"}};
    if (!cursor.empty()) parameters.push_back({"cursor", cursor});
    const Answer page = h.call("keys.list", ann, "", parameters);
    ASSERT_TRUE(page.ok());
    for (std::size_t i = 0; i < page.size("items"); ++i) {
      seen.insert(page.text("items." + std::to_string(i) + ".id"));
      EXPECT_EQ(page.text("items." + std::to_string(i) + ".key"), "");
    }
    cursor = page.text("next_cursor");
    ++pages;
  } while (cursor != "null");
  EXPECT_EQ(seen.size(), 6u);
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(h.call("keys.list", ann, "", {{"status", "gone"}}).status(), 400);
  EXPECT_EQ(h.call("keys.list", ann, "", {{"limit", "201"}}).status(), 400);
}

}  // namespace
}  // namespace keywright::app
