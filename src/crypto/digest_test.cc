#include "crypto/digest.h"

#include <string>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/constant_time.h"
#include "crypto/hkdf.h"
#include "crypto/mac.h"
#include "crypto/token_digest.h"

namespace keywright::crypto {
namespace {

Bytes hex(std::string_view text) { return decode_hex(text).value(); }

TEST(Sha256, Fips180Vectors) {
  EXPECT_EQ(encode_hex(sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(encode_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(encode_hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Hasher, PartsHashLikeTheWhole) {
  std::string text(300, 'x');
  for (std::size_t cut = 0; cut <= text.size(); cut += 7) {
    Sha256Hasher hasher;
    hasher.update(text.substr(0, cut)).update(text.substr(cut));
    EXPECT_EQ(hasher.finish(), sha256(text));
  }
}

TEST(Sha256Hasher, IsAsNewAfterFinish) {
  Sha256Hasher hasher;
  hasher.update("first").finish();
  EXPECT_EQ(hasher.update("second").finish(), sha256("second"));
}

TEST(MacKey, Rfc4231Vectors) {
  struct Vector {
    Bytes key;
    Bytes message;
    std::string tag;
  };
  const Vector vectors[] = {
      {Bytes(20, 0x0B), hex("4869205468657265"),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {hex("4a656665"), hex("7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {Bytes(20, 0xAA), Bytes(50, 0xDD),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), Bytes(50, 0xCD),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {Bytes(131, 0xAA),
       hex("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d204861736"
           "8"
           "204b6579204669727374"),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {Bytes(131, 0xAA),
       hex("5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697"
           "a"
           "65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174612e2054686"
           "5"
           "206b6579206e6565647320746f20626520686173686564206265666f7265206265696e67207573656420627"
           "9"
           "2074686520484d414320616c676f726974686d2e"),
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const Vector& vector : vectors) {
    MacKey key(vector.key);
    EXPECT_EQ(encode_hex(key.mac(view_text(vector.message))), vector.tag);
  }
}

TEST(MacKey, TheDigestPathIsTheMacOfItsBytes) {
  MacKey key(view_bytes("key"));
  Sha256 digest = sha256("message");
  EXPECT_EQ(key.mac_of_digest(digest), key.mac(view_text(digest)));
}

TEST(MacKey, ACopyMakesTheSameMac) {
  MacKey key(view_bytes("key"));
  MacKey copy = key;
  EXPECT_EQ(copy.mac("m"), key.mac("m"));
}

TEST(Hkdf, Rfc5869Vectors) {
  Sha256 first = hkdf_extract(hex("000102030405060708090a0b0c"), Bytes(22, 0x0B));
  EXPECT_EQ(encode_hex(first), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  EXPECT_EQ(encode_hex(hkdf_expand<42>(first, hex("f0f1f2f3f4f5f6f7f8f9"))),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

  Bytes input(80);
  Bytes salt(80);
  Bytes info(80);
  for (std::size_t i = 0; i < 80; ++i) {
    input[i] = static_cast<std::uint8_t>(i);
    salt[i] = static_cast<std::uint8_t>(0x60 + i);
    info[i] = static_cast<std::uint8_t>(0xB0 + i);
  }
  EXPECT_EQ(
      encode_hex(hkdf_expand<82>(hkdf_extract(salt, input), info)),
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
      "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");

  EXPECT_EQ(encode_hex(hkdf_expand<42>(hkdf_extract({}, Bytes(22, 0x0B)), {})),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(DeriveKey, EachLabelGivesAKeyOfItsOwn) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(7);
  Key256 root(bytes);
  EXPECT_EQ(encode_hex(derive_key(root, "keywright/v1/digest").reveal()),
            "5a928b62126661bf372bada6dc8f82097fa96720ec514efeb9049028b4d722ad");
  EXPECT_EQ(encode_hex(derive_key(root, "keywright/v1/check").reveal()),
            "b06a2908a13960d1ff66c43841880e51501e692c20368fa939a21bf024a1ba68");
}

TEST(TokenDigest, IsTheMacOfTheSha256OfTheToken) {
  Bytes bytes(32);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(encode_hex(token_digest(MacKey(bytes), "kwa_test-token")),
            "625ddce309e03a94e133bad39f7f0996e75fcf989ec5a97bc85556793119c144");
}

TEST(TokenDigest, AnImportedSha256IsFoundByItsToken) {
  MacKey key(view_bytes("key"));
  EXPECT_EQ(token_digest_of_sha256(key, sha256("token")), token_digest(key, "token"));
  EXPECT_NE(token_digest(key, "token"), token_digest(key, "Token"));
  EXPECT_NE(token_digest(key, "token"), token_digest(MacKey(view_bytes("other")), "token"));
}

TEST(EqualInConstantTime, SeesEveryBitAndTheLength) {
  Sha256 left = sha256("x");
  for (std::size_t bit = 0; bit < 256; ++bit) {
    Sha256 right = left;
    right[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_FALSE(equal_in_constant_time(left, right));
  }
  EXPECT_TRUE(equal_in_constant_time(left, Sha256(left)));
  EXPECT_FALSE(equal_in_constant_time(std::string_view("ab"), std::string_view("abc")));
  EXPECT_TRUE(equal_in_constant_time(std::string_view(""), std::string_view("")));
}

}  // namespace
}  // namespace keywright::crypto
