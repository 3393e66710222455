#include "crypto/signature.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace keywright::crypto {
namespace {

std::string url(std::string_view text) { return encode_base64url(view_bytes(text)); }

MacKey test_key() { return MacKey(view_bytes("key")); }

TEST(SignHs256, IsWhatAnyOtherLibraryWouldSign) {
  EXPECT_EQ(sign_hs256(R"({"jti":"abc"})", test_key()),
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJhYmMifQ."
            "eoE3ENRKXKtp7T1kRDSrylm8doB7WOwyfcYOAdVBZ4o");
}

TEST(SplitJws, GivesThePartsBack) {
  std::string token = sign_hs256(R"({"jti":"abc"})", test_key());
  JwsParts parts = split_jws(token).value();
  EXPECT_EQ(parts.header, kJwsHeader);
  EXPECT_EQ(parts.payload, R"({"jti":"abc"})");
  EXPECT_EQ(parts.signature.size(), 32U);
  EXPECT_TRUE(is_signed_by_us(parts, test_key()));
}

TEST(SplitJws, OtherShapesAreRefused) {
  std::string good = sign_hs256("{}", test_key());
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("..."), std::string("a.b"),
        good + ".", "." + good, good + ".AAAA", good + "=", " " + good, good + "\n",
        url("{}") + ".." + url("x"), url("{}") + "." + url("{}") + ".", "." + url("{}") + ".AAAA",
        std::string("e+30.e30.AAAA")}) {
    EXPECT_FALSE(split_jws(text)) << text;
  }
}

TEST(SplitJws, OnlyOneTextIsAToken) {
  std::string token = sign_hs256("{}", test_key());
  // The last digit of 32 bytes has two spare bits: each of the other three spellings is refused.
  std::size_t accepted = 0;
  for (char c :
       std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) {
    std::string changed = token;
    changed.back() = c;
    auto parts = split_jws(changed);
    if (parts && is_signed_by_us(*parts, test_key())) ++accepted;
  }
  EXPECT_EQ(accepted, 1U);
}

TEST(SplitJws, LongTokensAreRefused) {
  std::string payload(kJwsBytesMax, 'x');
  EXPECT_FALSE(split_jws(sign_hs256(payload, test_key())));
  EXPECT_TRUE(split_jws(sign_hs256(std::string(2'900, 'x'), test_key())));
}

TEST(IsSignedByUs, NoOtherAlgorithmIsBelieved) {
  MacKey key = test_key();
  for (std::string_view header :
       {R"({"typ":"JWT","alg":"none"})", R"({"alg":"HS256","typ":"JWT"})",
        R"({"typ":"JWT","alg":"HS512"})", R"({"typ":"JWT","alg":"HS256","kid":"x"})",
        R"({"typ":"JWT", "alg":"HS256"})"}) {
    std::string input = url(header) + "." + url("{}");
    std::string token = input + "." + encode_base64url(key.mac(input));
    auto parts = split_jws(token);
    ASSERT_TRUE(parts);
    EXPECT_FALSE(is_signed_by_us(*parts, key)) << header;
  }
}

TEST(IsSignedByUs, OtherKeysPayloadsAndLengthsAreRefused) {
  std::string token = sign_hs256("{}", test_key());
  EXPECT_FALSE(is_signed_by_us(split_jws(token).value(), MacKey(view_bytes("other"))));
  JwsParts parts = split_jws(token).value();
  parts.signature.pop_back();
  EXPECT_FALSE(is_signed_by_us(parts, test_key()));
  parts.signature.clear();
  EXPECT_FALSE(is_signed_by_us(parts, test_key()));
  std::string other = token;
  other.replace(other.find('.') + 1, url("{}").size(), url("[]"));
  EXPECT_FALSE(is_signed_by_us(split_jws(other).value(), test_key()));
}

}  // namespace
}  // namespace keywright::crypto
