#include "base/encoding.h"

#include <array>
#include <map>

#include <gtest/gtest.h>

namespace keywright {
namespace {

std::string text_of(const Result<Bytes>& bytes) {
  return bytes ? std::string(view_text(*bytes)) : "refused";
}

TEST(Hex, ReadsEitherCaseAndWritesLower) {
  Bytes bytes = {0x00, 0x9F, 0xFF};
  EXPECT_EQ(encode_hex(bytes), "009fff");
  EXPECT_EQ(decode_hex("009fFF").value(), bytes);
  EXPECT_EQ(decode_hex("").value(), Bytes{});
}

TEST(Hex, OtherTextIsRefused) {
  for (std::string_view text : {"0", "0g", "0x00", " 00", "00\n", "-1"}) {
    EXPECT_FALSE(decode_hex(text)) << text;
  }
  std::array<std::uint8_t, 2> two{};
  EXPECT_FALSE(decode_hex_into("00", two));
  EXPECT_FALSE(decode_hex_into("000000", two));
  EXPECT_TRUE(decode_hex_into("0a0B", two));
  EXPECT_EQ(two[1], 0x0B);
}

TEST(Base64, Rfc4648Vectors) {
  const std::map<std::string, std::string> vectors = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(encode_base64(view_bytes(plain)), encoded);
    EXPECT_EQ(text_of(decode_base64(encoded)), plain);
    std::string url = encoded.substr(0, encoded.find('='));
    EXPECT_EQ(encode_base64url(view_bytes(plain)), url);
    EXPECT_EQ(text_of(decode_base64url(url)), plain);
  }
}

TEST(Base64, OnlyTheCanonicalTextIsAccepted) {
  for (std::string_view text : {"Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zm9v=",
                                "Zm9v====", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm-v", "=Zm9"}) {
    EXPECT_EQ(text_of(decode_base64(text)), "refused") << text;
  }
}

TEST(Base64Url, OnlyTheCanonicalTextIsAccepted) {
  EXPECT_EQ(decode_base64url("-_8").value(), (Bytes{0xFB, 0xFF}));
  for (std::string_view text : {"A", "Zg==", "Zh", "Zm9", "+/8", "Zm9v.", "AAAAA"}) {
    EXPECT_EQ(text_of(decode_base64url(text)), "refused") << text;
  }
}

TEST(Base64Url, EachTextThatIsAcceptedIsTheOneThatIsWritten) {
  std::string text = "AA";
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      text[0] = static_cast<char>(first);
      text[1] = static_cast<char>(second);
      auto bytes = decode_base64url(text);
      if (bytes) {
        ASSERT_EQ(encode_base64url(*bytes), text);
      }
    }
  }
}

TEST(Base64Url, IntoAFixedSizeTakesExactlyThatSize) {
  std::array<std::uint8_t, 32> key{};
  EXPECT_TRUE(decode_base64url_into(std::string(43, 'A'), key));
  EXPECT_FALSE(decode_base64url_into(std::string(42, 'A'), key));
  EXPECT_FALSE(decode_base64url_into(std::string(44, 'A'), key));
  EXPECT_FALSE(decode_base64url_into(std::string(42, 'A') + "B", key));
}

TEST(Encoding, RandomBytesSurviveEveryRoundTrip) {
  SeededRandom random(11);
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes bytes(size);
    random.fill(std::as_writable_bytes(std::span(bytes)));
    EXPECT_EQ(decode_hex(encode_hex(bytes)).value(), bytes);
    EXPECT_EQ(decode_base64(encode_base64(bytes)).value(), bytes);
    EXPECT_EQ(decode_base64url(encode_base64url(bytes)).value(), bytes);
  }
}

TEST(Base62, AlphabetIsDigitsThenUpperThenLower) {
  EXPECT_EQ(encode_base62(9, 1), "9");
  EXPECT_EQ(encode_base62(10, 1), "A");
  EXPECT_EQ(encode_base62(36, 1), "a");
  EXPECT_EQ(encode_base62(61, 1), "z");
  EXPECT_EQ(encode_base62(62, 2), "10");
}

TEST(Base62, LeadingZerosAreKept) {
  EXPECT_EQ(encode_base62(0, 6), "000000");
  EXPECT_EQ(encode_base62(61, 6), "00000z");
}

TEST(Base62, TheLargestCrcFitsSixDigits) { EXPECT_EQ(encode_base62(0xFFFFFFFF, 6), "4gfFC3"); }

TEST(Base62, TheLargestNumberFitsElevenDigits) {
  EXPECT_EQ(encode_base62(UINT64_MAX, 11), "LygHa16AHYF");
}

TEST(Base62, OtherCharactersAreRefused) {
  for (std::string_view text : {"-1", "1_", "1 ", "\xC3\xA9"}) {
    EXPECT_FALSE(is_base62(text)) << text;
  }
  EXPECT_TRUE(is_base62("09AZaz"));
  EXPECT_FALSE(is_base62("09AZaz-"));
}

TEST(RandomBase62, HasTheLengthAskedForAndOnlyTheAlphabet) {
  SeededRandom random(3);
  for (std::size_t count : {0U, 1U, 43U, 500U}) {
    std::string text = random_base62(random, count);
    EXPECT_EQ(text.size(), count);
    EXPECT_TRUE(is_base62(text));
  }
  EXPECT_NE(random_base62(random, 43), random_base62(random, 43));
}

// 62 classes, 620,000 characters: for fair ones chi-squared stays below 120 but for one run in a
// million; byte % 62 without rejection comes out near 10,000.
TEST(RandomBase62, EveryCharacterIsEquallyLikely) {
  SeededRandom random(5);
  std::array<double, 256> seen{};
  for (char c : random_base62(random, 620'000)) ++seen[static_cast<unsigned char>(c)];
  double chi_squared = 0;
  for (unsigned digit = 0; digit < 62; ++digit) {
    double surplus = seen[static_cast<unsigned char>(encode_base62(digit, 1)[0])] - 10'000;
    chi_squared += surplus * surplus / 10'000;
  }
  EXPECT_LT(chi_squared, 120);
}

TEST(Crc32, IsThatOfIsoHdlc) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(crc32(""), 0U);
  EXPECT_EQ(crc32("The quick brown fox jumps over the lazy dog"), 0x414FA339U);
}

TEST(Crc32, EveryLengthAgreesWithTheBitwiseDefinition) {
  SeededRandom random(9);
  Bytes bytes(80);
  random.fill(std::as_writable_bytes(std::span(bytes)));
  std::uint32_t expected = 0xFFFFFFFF;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(crc32(view_text(ByteView(bytes).first(size))), ~expected);
    expected ^= bytes[size];
    for (int bit = 0; bit < 8; ++bit) expected = expected >> 1 ^ (expected & 1 ? 0xEDB88320U : 0U);
  }
}

TEST(Crc32, GivesTheChecksumOfAToken) {
  std::string_view head = "kpk_8duiKQeAexpzTpokmIePfU6OLJZJpaUqBQKyywC06J7";
  EXPECT_EQ(encode_base62(crc32(head), 6), "0Wh6Gp");
}

}  // namespace
}  // namespace keywright
