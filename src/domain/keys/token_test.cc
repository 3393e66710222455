#include "domain/keys/token.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/signature.h"

namespace keywright::domain {
namespace {

const crypto::MacKey& jwt_key() {
  static const crypto::MacKey key(view_bytes("jwt key of the test"));
  return key;
}

const Kind& kind(std::string_view name) { return *shipped_kinds().named(name); }

TokenParts example_parts() {
  TokenParts parts;
  parts.user_serial = 2;
  parts.key_serial = 32;
  parts.keyspace_prefix = "acme_live_";
  parts.jti = "AbCdEfGhIjKl";
  parts.tenant = "Acme \"Inc\"";
  parts.username = "ada@acme.test";
  return parts;
}

NewToken make(std::string_view kind_name, const TokenParts& parts = example_parts()) {
  static SeededRandom random(7);
  return make_token(kind(kind_name), parts, jwt_key(), random);
}

TokenForm form_of(std::string_view token) { return read_token(shipped_kinds(), token).form; }

TEST(Token, EveryKindMakesTokensThatReadBackAsItsOwn) {
  for (const Kind& each : shipped_kinds().all()) {
    std::set<std::string> seen;
    for (int i = 0; i < 20; ++i) {
      TokenParts parts = example_parts();
      if (each.shape == TokenShape::jwt) parts.jti[11] = static_cast<char>('a' + i);
      NewToken made = make(each.name, parts);
      const std::string& token = made.token.reveal();
      ReadToken read = read_token(shipped_kinds(), token);
      EXPECT_EQ(read.form, TokenForm::recognised) << each.name;
      EXPECT_EQ(read.kind, each.prefix.empty() ? nullptr : &each);
      EXPECT_TRUE(seen.insert(token).second);
    }
  }
}

TEST(Token, LengthsAndBeginningsAreAsPromised) {
  struct {
    const char* kind;
    const char* prefix;
    std::size_t size;
  } const expected[] = {{"personal", "kwp_", 4 + 43 + 6},       {"mcp", "kwm_", 4 + 43 + 6},
                        {"access", "kwa_", 4 + 43 + 6},         {"management", "kwr_", 4 + 43 + 6},
                        {"connect", "ok1-2-32-", 9 + 43},       {"ingest", "mibo_", 5 + 43},
                        {"customer", "acme_live_", 10 + 43 + 6}};
  for (const auto& line : expected) {
    const NewToken made = make(line.kind);
    EXPECT_EQ(made.token.reveal().size(), line.size) << line.kind;
    EXPECT_TRUE(made.token.reveal().starts_with(line.prefix)) << line.kind;
  }
}

// Computed by another program (zlib's CRC-32).
TEST(Token, TheChecksumIsTheOneOthersCompute) {
  EXPECT_EQ(form_of("kwp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg1tzIfF"),
            TokenForm::recognised);
  EXPECT_EQ(form_of("acme_live_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg1Jvx2D"),
            TokenForm::recognised);
}

// Computed by another program.
TEST(Token, JwtsAreTheOnesOthersCompute) {
  const std::string head =
      "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJBYkNkRWZHaElqS2wiLCJ0ZW5hbnQiOiJBY21lIFwi"
      "SW5jXCIiLCJ1c2VybmFtZSI6ImFkYUBhY21lLnRlc3Q";
  EXPECT_EQ(make("account").token.reveal(),
            head + "ifQ.ahhIKwxfK1rcV8G-kx4NKoeudnFkYkDyoWKiWZIMqCw");
  TokenParts parts = example_parts();
  parts.expires_at_seconds = 1800000000;
  EXPECT_EQ(make("target", parts).token.reveal(),
            head + "iLCJleHAiOjE4MDAwMDAwMDB9.wQwUdSBr6eNN3YvQadml4Qmzr4yXRY5JtuM4TGI-kqA");
}

TEST(Token, JwtsWithTheLongestNamesStillReadBack) {
  TokenParts parts = example_parts();
  parts.tenant = std::string(255, '\x01');
  parts.username = std::string(255, '\x02');
  NewToken made = make("account", parts);
  EXPECT_EQ(form_of(made.token.reveal()), TokenForm::recognised);
  EXPECT_TRUE(crypto::is_signed_by_us(*crypto::split_jws(made.token.reveal()), jwt_key()));

  parts = example_parts();
  for (int i = 0; i < 250; ++i) parts.tenant += "\U0001F511";
  const NewToken whole = make("account", parts);
  EXPECT_NE(crypto::split_jws(whole.token.reveal())->payload.find(parts.tenant.substr(11)),
            std::string::npos)
      << "names that fit are not cut";
}

TEST(Token, MasksShowWhatWasPromisedAndNoMore) {
  for (const char* name : {"personal", "mcp", "access", "management", "customer"}) {
    const NewToken made = make(name);
    const std::string start = made.token.reveal().substr(0, 12);
    EXPECT_EQ(made.shown.prefix, start);
    EXPECT_EQ(made.shown.last4, "");
    EXPECT_EQ(made.shown.mask, start + "\u2026");
  }
  const NewToken connect = make("connect");
  EXPECT_EQ(connect.shown.prefix, "ok1-2-32-");
  EXPECT_EQ(connect.shown.last4, "");
  EXPECT_EQ(connect.shown.mask, "ok1-2-32-\u2026");

  const NewToken ingest = make("ingest");
  const std::string& token = ingest.token.reveal();
  EXPECT_EQ(ingest.shown.prefix, "mibo_");
  EXPECT_EQ(ingest.shown.last4, token.substr(token.size() - 4));
  EXPECT_EQ(ingest.shown.mask, "mibo_..." + ingest.shown.last4);

  for (const char* name : {"account", "target"}) {
    const NewToken made = make(name);
    EXPECT_EQ(made.shown.prefix, "");
    EXPECT_EQ(made.shown.last4, "MqCw");
    EXPECT_EQ(made.shown.mask, "\u2026MqCw");
  }
}

TEST(Token, OneWrongCharacterAnywhereIsSeenByTheChecksum) {
  for (const char* name : {"personal", "customer"}) {
    const NewToken made = make(name);
    for (std::size_t i = name == std::string("personal") ? 4 : 0; i < made.token.reveal().size();
         ++i) {
      std::string changed = made.token.reveal();
      changed[i] = changed[i] == 'a' ? 'b' : 'a';
      EXPECT_NE(form_of(changed), TokenForm::recognised) << name << " at " << i;
    }
  }
}

TEST(Token, AKnownPrefixWithAnotherFormIsMalformed) {
  const NewToken personal = make("personal");
  const NewToken ingest = make("ingest");
  const std::string& good = personal.token.reveal();
  for (const std::string& token : {std::string("kwp_"),
                                   good + "0",
                                   good.substr(0, good.size() - 1),
                                   good.substr(0, 47),
                                   std::string("kwa_") + good.substr(4),
                                   good.substr(0, 10) + "-" + good.substr(11),
                                   ingest.token.reveal() + "0",
                                   ingest.token.reveal().substr(0, 47),
                                   std::string("mibo_"),
                                   std::string("ok1-"),
                                   std::string("ok1-2"),
                                   std::string("ok1-2-"),
                                   std::string("ok1-2-32"),
                                   std::string("ok1-2-32-"),
                                   std::string("ok1--32-x"),
                                   std::string("ok1-2--x"),
                                   std::string("ok1-x-32-abc"),
                                   std::string("ok1-2-32-a b"),
                                   std::string("ok1-2-32-a\n"),
                                   std::string("ok1-12345678901234567890-1-x")}) {
    ReadToken read = read_token(shipped_kinds(), token);
    EXPECT_EQ(read.form, TokenForm::malformed) << token;
    EXPECT_NE(read.kind, nullptr) << token;
  }
}

TEST(Token, ConnectTokensOfOtherSystemsAreRecognised) {
  EXPECT_EQ(form_of("ok1-123-456-abcdefghijklmnopqrstuvwxyz"), TokenForm::recognised);
  EXPECT_EQ(form_of("ok1-1-1-x"), TokenForm::recognised);
  EXPECT_EQ(form_of("ok1-1-1-with-hyphens_and~more="), TokenForm::recognised);
}

TEST(Token, OnlyCanonicalJwtsAreRecognised) {
  EXPECT_EQ(form_of("eyJhIjoxfQ.e30.AA"), TokenForm::recognised);
  for (const char* token :
       {"eyJ", "eyJhIjoxfQ", "eyJhIjoxfQ.e30", "eyJhIjoxfQ.e30.", "eyJhIjoxfQ..AA",
        "eyJhIjoxfQ.e30.AA.AA", "eyJhIjoxfQ.e30.AB",  // the last four bits are not 0
        "eyJhIjoxfR.e30.AA", "eyJhIjoxfQ.e31.AA", "eyJhIjoxfQ.e30.A", "eyJhIjoxfQ.e30.AA==",
        "eyJhIjoxfQ.e3+.AA", "eyJhIjoxfQ.e3/.AA", "eyJhIjoxfQ. e30.AA", "eyJhIjoxfQ.e30.AA\n"}) {
    EXPECT_EQ(form_of(token), TokenForm::malformed) << token;
  }
  std::string longest = "eyJhIjoxfQ.e30.";
  longest.resize(4096, 'A');
  while (longest.size() % 4 != 3) longest.pop_back();
  EXPECT_EQ(form_of(longest), TokenForm::recognised);
  EXPECT_EQ(form_of(longest + "AAAA"), TokenForm::malformed) << "more than 4096 characters";
}

TEST(Token, AnythingElseIsUnrecognised) {
  for (const char* token : {"garbage", "Bearer", "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "kwx_abc",
                            "KWP_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg1tzIfF",
                            " kwp_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg1tzIfF", "\xff\xfe"}) {
    EXPECT_EQ(form_of(token), TokenForm::unrecognised) << token;
  }
  EXPECT_EQ(form_of(""), TokenForm::malformed);
  EXPECT_EQ(form_of(std::string(4097, 'a')), TokenForm::malformed);
  EXPECT_EQ(form_of(std::string_view("kwp_\0", 5)), TokenForm::malformed);
}

TEST(Token, ImportedTokensAreShownByTheRulesOfTheirKind) {
  Shown shown = shown_of(kind("access"), "sk_live_4eC39HqLyjWDarjt", "");
  EXPECT_EQ(shown.prefix, "sk_live_4eC3");
  EXPECT_EQ(shown.mask, "sk_live_4eC3\u2026");
  shown = shown_of(kind("access"), "", "");
  EXPECT_EQ(shown.prefix, "");
  EXPECT_EQ(shown.mask, "\u2026");
  shown = shown_of(kind("connect"), "ok1-123-456-abcdefghijklmnop", "");
  EXPECT_EQ(shown.mask, "ok1-123-456-\u2026");
  shown = shown_of(kind("connect"), "a-b-secret-secret-secret", "");
  EXPECT_EQ(shown.mask, "a-b-secret-s\u2026");
  shown = shown_of(kind("connect"), "ok1-123", "");
  EXPECT_EQ(shown.mask, "ok1-123\u2026");
  shown = shown_of(kind("ingest"), "", "");
  EXPECT_EQ(shown.mask, "mibo_...");
  shown = shown_of(kind("ingest"), "mibo_abcdef", "wxyz");
  EXPECT_EQ(shown.prefix, "mibo_");
  EXPECT_EQ(shown.mask, "mibo_...wxyz");
  shown = shown_of(kind("account"), "eyJ0eXAi", "morethanfour");
  EXPECT_EQ(shown.prefix, "");
  EXPECT_EQ(shown.mask, "\u2026four");
}

}  // namespace
}  // namespace keywright::domain
