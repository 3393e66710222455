// Verifying and importing keys: every code, who may ask about which key, and what is spent.
#include <gtest/gtest.h>

#include "app/harness_test.h"
#include "base/encoding.h"
#include "crypto/digest.h"

namespace keywright::app {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// bcrypt of "correct horse", Argon2id of "password".
constexpr std::string_view kBcrypt = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
constexpr std::string_view kArgon2 =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

class VerifyOperations : public testing::Test {
 protected:
  Answer make(std::string_view caller, std::string_view kind, std::string_view more = "") {
    return h.call(
        "keys.create", caller,
        "{\"kind\":\"" + std::string(kind) + "\",\"name\":\"test\"" + std::string(more) + "}");
  }
  // A customer key's token.
  std::string customer(std::string_view more = "") {
    if (keyspace.empty()) {
      keyspace = h.create("keyspaces.create", h.owner, R"({"name":"k","prefix":"acme_"})");
    }
    const Answer made = make(h.owner, "customer", as_customer() + std::string(more));
    EXPECT_TRUE(made.ok()) << made.error().detail();
    last_id = made.text("id");
    return made.text("key");
  }
  std::string as_customer() const {
    return ",\"owner\":{\"type\":\"external\",\"id\":\"c1\"},\"keyspace_id\":\"" + keyspace + "\"";
  }
  std::string management(std::string_view caller, std::string_view more = "") {
    return make(caller, "management",
                ",\"permissions\":[\"keys:verify\",\"keys:write\"]" + std::string(more))
        .text("key");
  }
  void on(std::string_view operation, const std::string& id, std::string_view body = "") {
    const Answer done = h.call(operation, h.owner, body, {{"id", id}});
    ASSERT_TRUE(done.ok()) << done.error().detail();
  }
  // The session of an owner of another organization.
  std::string stranger() {
    const std::string session = h.sign_up("stranger@other.test", "viewer");
    const std::string other = h.create("organizations.create", session, R"({"name":"Other"})");
    const Answer gone =
        h.call("users.delete", h.owner, "", {{"id", h.user_id("stranger@other.test")}});
    EXPECT_TRUE(gone.ok());
    return session;
  }

  Answer import(std::string_view item, std::string_view caller = "") {
    return h.call("keys.import", caller.empty() ? std::string_view(h.owner) : caller,
                  "{\"items\":[" + std::string(item) + "]}");
  }
  std::string import_item(std::string_view algorithm, std::string_view hash,
                          std::string_view more = "") {
    if (keyspace.empty()) customer();
    return "{\"kind\":\"customer\",\"name\":\"old\"" + as_customer() + ",\"algorithm\":\"" +
           std::string(algorithm) + "\",\"hash\":\"" + std::string(hash) + "\"" +
           std::string(more) + "}";
  }
  domain::Key stored(const std::string& id) { return **h.store.get_key(*domain::KeyId::parse(id)); }

  Harness h;
  std::string keyspace;
  std::string last_id;
};

// -- codes

TEST_F(VerifyOperations, EachCodeIsGivenForItsReason) {
  const std::string token = customer(R"(,"permissions":["a.*"],"scope":{"resource_type":"doc",
    "ids":["d1"]},"metadata":{"plan":"pro"})");
  const Answer valid = h.verify(h.owner, token,
                                ",\"audience\":\"verify\",\"permissions\":[\"a.b\"]"
                                ",\"resource\":{\"type\":\"doc\",\"id\":\"d1\"}");
  EXPECT_EQ(valid.text("valid"), "true");
  EXPECT_EQ(valid.text("code"), "VALID");
  EXPECT_EQ(valid.text("key_id"), last_id);
  EXPECT_EQ(valid.text("kind"), "customer");
  EXPECT_EQ(valid.text("owner.id"), "c1");
  EXPECT_EQ(valid.text("organization_id"), h.organization.to_string());
  EXPECT_EQ(valid.text("metadata.plan"), "pro");
  EXPECT_EQ(valid.text("resource.id"), "d1");
  EXPECT_EQ(valid.text("as_of"), format_rfc3339(h.clock.now()));
  EXPECT_EQ(h.code_of("nonsense"), "MALFORMED");
  std::string unknown = token;
  unknown.replace(unknown.size() - 49, 49, std::string(43, 'x'));
  unknown += encode_base62(crc32(unknown), 6);
  EXPECT_EQ(h.code_of(unknown), "NOT_FOUND");
  EXPECT_EQ(h.code_of(token, ",\"audience\":\"rest\""), "WRONG_AUDIENCE");
  EXPECT_EQ(h.code_of(token, ",\"resource\":{\"type\":\"doc\",\"id\":\"d2\"}"), "OUT_OF_SCOPE");
  EXPECT_EQ(h.code_of(token, ",\"permissions\":[\"a.b\",\"b\"]"), "INSUFFICIENT_PERMISSION");
  on("keys.disable", last_id);
  EXPECT_EQ(h.code_of(token), "DISABLED");
  on("keys.revoke", last_id);
  const Answer revoked = h.verify(h.owner, token);
  EXPECT_EQ(revoked.text("code"), "REVOKED");
  EXPECT_EQ(revoked.text("valid"), "false");
}

TEST_F(VerifyOperations, TimeAndAddressAndUseRefuseWithTheirOwnCodes) {
  const std::string expires = format_rfc3339(h.clock.now() + seconds{100});
  const std::string expiring = customer(",\"expires_at\":\"" + expires + "\"");
  const std::string idle = customer(",\"idle_timeout_seconds\":60");
  const std::string local = customer(",\"allowed_cidrs\":[\"192.0.2.0/24\"]");
  const std::string limited =
      customer(R"(,"limits":[{"name":"l","limit":2,"window_seconds":3600}])");
  const std::string paid = customer(R"(,"credits":{"remaining":5})");
  EXPECT_EQ(h.code_of(local), "IP_NOT_ALLOWED");
  EXPECT_EQ(h.code_of(local, ",\"client_ip\":\"198.51.100.1\""), "IP_NOT_ALLOWED");
  EXPECT_EQ(h.code_of(local, ",\"client_ip\":\"192.0.2.9\""), "VALID");
  EXPECT_EQ(h.verify(h.owner, limited).text("limits.0.remaining"), "1");
  EXPECT_EQ(h.code_of(limited), "VALID");
  const Answer refused = h.verify(h.owner, limited);
  EXPECT_EQ(refused.text("code"), "RATE_LIMITED");
  EXPECT_NE(refused.text("retry_after_seconds"), "null");
  EXPECT_NE(refused.text("retry_after_seconds"), "0");
  EXPECT_EQ(h.verify(h.owner, paid, ",\"cost\":4").text("credits_remaining"), "1");
  EXPECT_EQ(h.code_of(paid, ",\"cost\":2"), "USAGE_EXCEEDED");
  EXPECT_EQ(h.code_of(paid, ",\"cost\":1"), "VALID");
  h.clock.advance(seconds{59});
  EXPECT_EQ(h.code_of(idle), "VALID");  // and counts from here
  h.clock.advance(seconds{59});
  EXPECT_EQ(h.code_of(idle), "VALID");
  EXPECT_EQ(h.code_of(expiring), "EXPIRED");
  h.clock.advance(seconds{60});
  EXPECT_EQ(h.code_of(idle), "IDLE_TIMEOUT");
}

TEST_F(VerifyOperations, AKeyWhoseOwnerIsGoneIsRefused) {
  const std::string ann = h.sign_up("ann@acme.test", "member");
  const std::string token = make(ann, "access").text("key");
  on("users.update", h.user_id("ann@acme.test"), R"({"active":false})");
  EXPECT_EQ(h.code_of(token), "OWNER_INACTIVE");
  on("users.update", h.user_id("ann@acme.test"), R"({"active":true})");
  EXPECT_EQ(h.code_of(token), "VALID");
  on("users.delete", h.user_id("ann@acme.test"));
  EXPECT_EQ(h.code_of(token), "OWNER_INACTIVE");
}

// -- who may ask

TEST_F(VerifyOperations, ATokenOfAnotherOrganizationIsNotFound) {
  const std::string token = customer();
  const std::string other = stranger();
  EXPECT_EQ(h.verify(other, token).text("code"), "NOT_FOUND");
  EXPECT_EQ(h.verify(other, token).text("key_id"), "null");
  EXPECT_EQ(h.verify(management(other), token).text("code"), "NOT_FOUND");
  EXPECT_EQ(h.verify(management(h.owner), token).text("code"), "VALID");
  // Neither tells that the token exists, by spending or by the last use.
  const std::string once = customer(R"(,"credits":{"remaining":1})");
  EXPECT_EQ(h.verify(management(other), once).text("code"), "NOT_FOUND");
  EXPECT_EQ(h.code_of(once), "VALID");
}

TEST_F(VerifyOperations, WhoMayNotReadAllKeysAsksAboutOwnOnesOnly) {
  const std::string ann = h.sign_up("ann@acme.test", "member");
  const std::string auditor = h.sign_up("auditor@acme.test", "auditor");
  const std::string anns = make(ann, "access").text("key");
  const std::string of_org = customer();
  EXPECT_EQ(h.verify(ann, anns).text("code"), "VALID");
  EXPECT_EQ(h.verify(ann, of_org).text("code"), "NOT_FOUND");
  EXPECT_EQ(h.verify(auditor, of_org).text("code"), "VALID");
  EXPECT_EQ(h.verify(auditor, anns).text("code"), "VALID");
}

// -- what is spent

TEST_F(VerifyOperations, ARefusalSpendsNothingAndLeavesNoTrace) {
  const std::string token = customer(R"(,"permissions":["a"],"credits":{"remaining":2},
    "limits":[{"name":"l","limit":2,"window_seconds":3600}])");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(h.code_of(token, ",\"permissions\":[\"b\"]"), "INSUFFICIENT_PERMISSION");
    EXPECT_EQ(h.code_of(token, ",\"cost\":3"), "RATE_LIMITED");
  }
  EXPECT_EQ(h.call("keys.get", h.owner, "", {{"id", last_id}}).text("last_used_at"), "null");
  EXPECT_EQ(h.code_of(token, ",\"cost\":0"), "VALID");
  EXPECT_EQ(h.code_of(token, ",\"cost\":2"), "VALID");
  EXPECT_EQ(h.call("keys.get", h.owner, "", {{"id", last_id}}).text("last_used_at"),
            format_rfc3339(h.clock.now()));
}

TEST_F(VerifyOperations, AnExplanationSpendsNothingAndNamesEveryCheckThatFails) {
  const std::string token = customer(R"(,"permissions":["a"],"credits":{"remaining":1},
    "allowed_cidrs":["192.0.2.0/24"])");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(
        h.verify(h.owner, token, ",\"client_ip\":\"192.0.2.1\",\"explain\":true").text("code"),
        "VALID");
  }
  on("keys.disable", last_id);
  const Answer why = h.verify(h.owner, token,
                              ",\"permissions\":[\"b\"],\"cost\":2,"
                              "\"explain\":true");
  EXPECT_EQ(why.text("code"), "DISABLED");
  std::string checks;
  for (std::size_t i = 0; i < why.size("failed"); ++i) {
    checks += why.text("failed." + std::to_string(i) + ".code") + " ";
  }
  EXPECT_EQ(checks, "DISABLED INSUFFICIENT_PERMISSION IP_NOT_ALLOWED USAGE_EXCEEDED ");
  on("keys.enable", last_id);
  EXPECT_EQ(h.call("keys.get", h.owner, "", {{"id", last_id}}).text("last_used_at"), "null");
  EXPECT_EQ(h.code_of(token, ",\"client_ip\":\"192.0.2.1\""), "VALID");
}

TEST_F(VerifyOperations, ABatchAnswersInOrder) {
  const std::string first = customer();
  const std::string second = customer();
  on("keys.revoke", last_id);
  const Answer batch =
      h.call("keys.verify_batch", h.owner,
             "{\"items\":[{\"key\":\"" + second + "\"},{\"key\":\"x\\u0000\"},{\"key\":\"" + first +
                 "\",\"audience\":\"rest\"},{\"key\":\"" + first + "\"}]}");
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch.text("items.0.code"), "REVOKED");
  EXPECT_EQ(batch.text("items.1.code"), "MALFORMED");  // whatever it holds
  EXPECT_EQ(batch.text("items.2.code"), "WRONG_AUDIENCE");
  EXPECT_EQ(batch.text("items.3.code"), "VALID");
  std::string many = "{\"items\":[{\"key\":\"x\"}";
  for (int i = 0; i < 1000; ++i) many += ",{\"key\":\"x\"}";
  EXPECT_EQ(h.call("keys.verify_batch", h.owner, many + "]}").status(), 400);
}

// -- import

TEST_F(VerifyOperations, DigestsAreImportedInEachEncodingAndWorkAtOnce) {
  const std::string tokens[] = {"old-token-1", "old-token-2", "old-token-3"};
  const auto digest = [&](int i) { return crypto::sha256(tokens[i]); };
  const Answer done =
      import(import_item("sha256", encode_hex(digest(0))) + "," +
             import_item("sha256", encode_base64(digest(1)), ",\"encoding\":\"base64\"") + "," +
             import_item("sha256", encode_base64url(digest(2)), ",\"encoding\":\"base64url\"") +
             "," + import_item("sha256", encode_hex(digest(2)), ",\"encoding\":\"base64\"") + "," +
             import_item("sha256", encode_hex(digest(0))));
  ASSERT_TRUE(done.ok());
  for (int i = 0; i < 3; ++i) {
    const Answer answer = h.verify(h.owner, tokens[i]);
    EXPECT_EQ(answer.text("code"), "VALID");
    EXPECT_EQ(answer.text("key_id"), done.text("items." + std::to_string(i) + ".id"));
  }
  EXPECT_EQ(done.text("items.3.error.code"), "invalid_request");
  EXPECT_EQ(done.text("items.4.error.code"), "duplicate");
  EXPECT_EQ(import(import_item("sha256", encode_hex(digest(1)))).text("items.0.error.code"),
            "duplicate");
}

TEST_F(VerifyOperations, SlowHashesAreUpgradedAtTheirFirstUse) {
  const Answer done = import(import_item("bcrypt", kBcrypt, ",\"prefix\":\"correct\"") + "," +
                             import_item("argon2id", kArgon2, ",\"prefix\":\"passwo\""));
  const std::string bcrypt_id = done.text("items.0.id");
  const std::string argon_id = done.text("items.1.id");
  ASSERT_NE(bcrypt_id, "");
  ASSERT_NE(argon_id, "");
  EXPECT_EQ(stored(bcrypt_id).current().sealed_slow_hash.find("$2b$"), std::string::npos);
  EXPECT_EQ(h.code_of("correct horsf"), "MALFORMED");
  const Answer first = h.verify(h.owner, "correct horse");
  EXPECT_EQ(first.text("code"), "VALID");
  EXPECT_EQ(first.text("key_id"), bcrypt_id);
  EXPECT_EQ(stored(bcrypt_id).current().sealed_slow_hash, "");
  EXPECT_EQ(stored(bcrypt_id).current().slow_prefix, "");
  EXPECT_NE(h.directory.find_token("correct horse"), nullptr);  // no slow path any more
  EXPECT_EQ(h.code_of("correct horse"), "VALID");
  const Answer batch = h.call("keys.verify_batch", h.owner,
                              R"({"items":[{"key":"correct horse"},{"key":"password"}]})");
  EXPECT_EQ(batch.text("items.0.code"), "VALID");
  EXPECT_EQ(batch.text("items.1.key_id"), argon_id);
}

TEST_F(VerifyOperations, AnUpgradedKeyIsTheSameAfterARestart) {
  const Answer done = import(import_item("bcrypt", kBcrypt, ",\"prefix\":\"correct\""));
  ASSERT_EQ(h.code_of("correct horse"), "VALID");
  Directory later(h.keyring, test_usage_file(), h.clock.now());
  ASSERT_TRUE(later.load(h.store).has_value());
  ASSERT_NE(later.find_token("correct horse"), nullptr);
  EXPECT_EQ(later.find_token("correct horse")->id.to_string(), done.text("items.0.id"));
}

TEST_F(VerifyOperations, AnImportedSecretThatWasNeverUsedWorksWhileItIsRotatedOut) {
  const Answer done = import(import_item("bcrypt", kBcrypt, ",\"prefix\":\"correct\""));
  on("keys.rotate", done.text("items.0.id"), R"({"overlap_seconds":60})");
  EXPECT_EQ(h.code_of("correct horse"), "VALID");
  h.clock.advance(seconds{60});
  EXPECT_EQ(h.code_of("correct horse"), "REVOKED");
}

TEST_F(VerifyOperations, ARevokedImportIsNeverUpgraded) {
  const Answer done = import(import_item("bcrypt", kBcrypt, ",\"prefix\":\"correct\""));
  on("keys.revoke", done.text("items.0.id"));
  EXPECT_NE(h.code_of("correct horse"), "VALID");
}

TEST_F(VerifyOperations, ImportRefusesWhatWouldBeTooDear) {
  const auto refusal = [&](std::string_view item) {
    const Answer done = import(item);
    return done.ok() ? done.text("items.0.error.code") : done.reason();
  };
  EXPECT_EQ(refusal(import_item("bcrypt", kBcrypt)), "invalid_request");  // no prefix
  EXPECT_EQ(refusal(import_item("bcrypt", kBcrypt, ",\"prefix\":\"corre\"")), "invalid_request");
  EXPECT_EQ(refusal(import_item("argon2id", kBcrypt, ",\"prefix\":\"correct\"")),
            "invalid_request");
  std::string dear(kBcrypt);
  dear.replace(4, 2, "13");
  EXPECT_NE(refusal(import_item("bcrypt", dear, ",\"prefix\":\"correct\"")), "");
  std::string big(kArgon2);
  big.replace(big.find("m=256"), 5, "m=65537");
  EXPECT_NE(refusal(import_item("argon2id", big, ",\"prefix\":\"passwo\"")), "");
  EXPECT_EQ(refusal(import_item("sha256", "00")), "invalid_request");
}

TEST_F(VerifyOperations, AtMostEightSlowHashesShareAPrefix) {
  std::string items;
  for (int i = 0; i < 9; ++i) {
    items += (i == 0 ? "" : ",") + import_item("bcrypt", kBcrypt, ",\"prefix\":\"shared\"");
  }
  const Answer done = import(items);
  EXPECT_NE(done.text("items.7.id"), "");
  EXPECT_EQ(done.text("items.8.error.code"), "invalid_request");
  EXPECT_EQ(
      import(import_item("bcrypt", kBcrypt, ",\"prefix\":\"shared\"")).text("items.0.error.code"),
      "invalid_request");
  on("keys.revoke", done.text("items.0.id"));
  EXPECT_NE(import(import_item("bcrypt", kBcrypt, ",\"prefix\":\"shared\"")).text("items.0.id"),
            "");
}

TEST_F(VerifyOperations, GuessingAtSlowHashesIsSlowedDown) {
  import(import_item("bcrypt", kBcrypt, ",\"prefix\":\"correct\""));
  for (int i = 0; i < SlowHashes::kFailuresPerMinute; ++i) {
    ASSERT_EQ(h.code_of("correct guess " + std::to_string(i)), "MALFORMED");
  }
  const Answer slowed = h.verify(h.owner, "correct horse");
  EXPECT_EQ(slowed.status(), 503);
  EXPECT_GE(slowed.error().retry_after_seconds(), 1);
  h.clock.advance(seconds{60});
  EXPECT_EQ(h.code_of("correct horse"), "VALID");
}

TEST_F(VerifyOperations, OneGuesserDoesNotUseUpWhatOthersNeed) {
  import(import_item("bcrypt", kBcrypt, ",\"prefix\":\"correct\""));
  const std::string guesser = R"(,"client_ip":"2001:db8::1")";
  for (int i = 0; i < SlowHashes::kFailuresPerMinuteOfAddress; ++i) {
    ASSERT_EQ(h.code_of("correct guess " + std::to_string(i), guesser), "MALFORMED");
  }
  const std::string next_door = R"(,"client_ip":"2001:db8::2")";
  EXPECT_EQ(h.verify(h.owner, "correct horse", next_door).status(), 503);
  EXPECT_EQ(h.code_of("correct horse", R"(,"client_ip":"2001:db8:1::1")"), "VALID");
}

TEST_F(VerifyOperations, ImportObeysTheRulesOfCreation) {
  const std::string ann = h.sign_up("ann@acme.test", "member");
  const std::string item = import_item("sha256", encode_hex(crypto::sha256("x")));
  EXPECT_EQ(import(item, ann).status(), 403);
  const std::string for_ann =
      "{\"kind\":\"access\",\"name\":\"old\",\"owner\":{\"type\":\"user\",\"id\":\"" +
      h.user_id("ann@acme.test") + "\"},\"algorithm\":\"sha256\",\"hash\":\"" +
      encode_hex(crypto::sha256("y")) + "\"}";
  EXPECT_EQ(import(for_ann).text("items.0.error.code"), "forbidden");
  const std::string manager = management(h.owner);
  EXPECT_NE(import(item, manager).text("items.0.id"), "");
  const std::string another =
      R"({"kind":"management","name":"m","permissions":["keys:write"],"algorithm":"sha256",)"
      R"("hash":")" +
      encode_hex(crypto::sha256("z")) + "\"}";
  EXPECT_EQ(import(another, manager).text("items.0.error.code"), "forbidden");
}

}  // namespace
}  // namespace keywright::app
