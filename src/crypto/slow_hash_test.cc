#include "crypto/slow_hash.h"

#include <string>

#include <gtest/gtest.h>

namespace keywright::crypto {
namespace {

constexpr std::string_view kBcrypt = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
constexpr std::string_view kArgon2 =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
constexpr std::string_view kTwoLanes =
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  out.replace(out.find(from), from.size(), to);
  return out;
}

std::string refusal(std::string_view encoded) {
  auto hash = inspect_slow_hash(encoded);
  return hash ? "accepted" : hash.error().detail();
}

TEST(VerifySlow, BcryptOfEachSpelling) {
  for (std::string_view spelling : {"$2a$", "$2b$", "$2y$"}) {
    std::string hash = replaced(kBcrypt, "$2b$", spelling);
    EXPECT_TRUE(verify_slow(hash, "correct horse")) << spelling;
    EXPECT_FALSE(verify_slow(hash, "correct horsf")) << spelling;
    EXPECT_FALSE(verify_slow(hash, "")) << spelling;
  }
}

TEST(VerifySlow, BcryptNeverMatchesMoreThan72Bytes) {
  constexpr std::string_view kOf72 = "$2y$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
  EXPECT_TRUE(verify_slow(kOf72, std::string(72, 'x')));
  EXPECT_FALSE(verify_slow(kOf72, std::string(73, 'x')));
  EXPECT_FALSE(verify_slow(kOf72, std::string(72, 'x') + "tail"));
  EXPECT_FALSE(verify_slow(kOf72, std::string(71, 'x')));
}

TEST(VerifySlow, BcryptNeverMatchesAZeroByte) {
  EXPECT_FALSE(verify_slow(kBcrypt, std::string_view("correct horse\0", 14)));
  EXPECT_FALSE(verify_slow(kBcrypt, std::string_view("correct horse\0tail", 18)));
}

TEST(VerifySlow, Argon2idOfOneAndOfTwoLanes) {
  EXPECT_TRUE(verify_slow(kArgon2, "password"));
  EXPECT_TRUE(verify_slow(kTwoLanes, "password"));
  EXPECT_FALSE(verify_slow(kArgon2, "passwore"));
  EXPECT_FALSE(verify_slow(kTwoLanes, "passwore"));
  EXPECT_FALSE(verify_slow(kArgon2, std::string_view("password\0", 9)));
  EXPECT_FALSE(verify_slow(kArgon2, ""));
}

TEST(InspectSlowHash, TellsAlgorithmAndCost) {
  SlowHash bcrypt = inspect_slow_hash(kBcrypt).value();
  EXPECT_EQ(bcrypt.algorithm, SlowHashAlgorithm::bcrypt);
  EXPECT_EQ(bcrypt.cost, 4U);
  SlowHash argon2 = inspect_slow_hash(kTwoLanes).value();
  EXPECT_EQ(argon2.algorithm, SlowHashAlgorithm::argon2id);
  EXPECT_EQ(argon2.cost, 2U);
  EXPECT_EQ(argon2.memory_kibibytes, 256U);
  EXPECT_EQ(argon2.lanes, 2U);
  EXPECT_EQ(to_string(argon2.algorithm), "argon2id");
}

TEST(InspectSlowHash, WhatIsTooDearIsRefusedBeforeAnyWork) {
  EXPECT_EQ(refusal(replaced(kBcrypt, "$04$", "$12$")), "accepted");
  EXPECT_EQ(refusal(replaced(kBcrypt, "$04$", "$13$")),
            "The bcrypt cost is 13; at most 12 is taken.");
  EXPECT_EQ(refusal(replaced(kArgon2, "m=256", "m=65536")), "accepted");
  EXPECT_NE(refusal(replaced(kArgon2, "m=256", "m=65537")).find("65537 KiB"), std::string::npos);
  EXPECT_EQ(refusal(replaced(kArgon2, "t=2", "t=10")), "accepted");
  EXPECT_NE(refusal(replaced(kArgon2, "t=2", "t=11")), "accepted");
  EXPECT_EQ(refusal(replaced(kArgon2, "p=1", "p=4")), "accepted");
  EXPECT_NE(refusal(replaced(kArgon2, "p=1", "p=5")), "accepted");
  EXPECT_FALSE(verify_slow(replaced(kBcrypt, "$04$", "$31$"), "correct horse"));
  EXPECT_FALSE(verify_slow(replaced(kArgon2, "m=256", "m=4194304"), "password"));
}

TEST(InspectSlowHash, OtherShapesAreRefused) {
  for (const std::string& text : {std::string(),
                                  std::string("$"),
                                  std::string("$2b$"),
                                  replaced(kBcrypt, "$2b$", "$2x$"),
                                  replaced(kBcrypt, "$2b$", "$1$b"),
                                  replaced(kBcrypt, "$04$", "$03$"),
                                  replaced(kBcrypt, "$04$", "$4a$"),
                                  replaced(kBcrypt, "$04$", "$004"),
                                  replaced(kBcrypt, "abc", "ab!"),
                                  std::string(kBcrypt) + "e",
                                  std::string(kBcrypt.substr(0, 59)),
                                  replaced(kBcrypt, "stuu", "stuv"),
                                  std::string(kBcrypt.substr(0, 59)) + "f",
                                  replaced(kArgon2, "argon2id", "argon2i"),
                                  replaced(kArgon2, "argon2id", "argon2d"),
                                  replaced(kArgon2, "v=19", "v=16"),
                                  replaced(kArgon2, "v=19$", ""),
                                  replaced(kArgon2, "m=256,t=2,p=1", "t=2,m=256,p=1"),
                                  replaced(kArgon2, "m=256", "m=0256"),
                                  replaced(kArgon2, "m=256", "m=-1"),
                                  replaced(kArgon2, "m=256", "m=99999999999"),
                                  replaced(kArgon2, "m=256", "m=7"),
                                  replaced(kArgon2, "p=1", "p=1,x=1"),
                                  replaced(kArgon2, "p=1", "p=0"),
                                  replaced(kArgon2, "c29tZXNhbHQ", "c29tZXNhbHR"),
                                  replaced(kArgon2, "c29tZXNhbHQ", "c29t"),
                                  replaced(kArgon2, "c29tZXNhbHQ", "c29tZXNhbHQ="),
                                  replaced(kArgon2, "Gi/4", "Gi/5"),
                                  std::string(kArgon2) + "$",
                                  std::string(kArgon2.substr(0, 50)),
                                  std::string(kArgon2) + std::string(300, 'A')}) {
    EXPECT_NE(refusal(text), "accepted") << text;
    EXPECT_FALSE(verify_slow(text, "password")) << text;
  }
}

TEST(VerifySlow, NoCutOrChangedHashMatches) {
  for (std::string_view hash : {kBcrypt, kArgon2}) {
    std::string token = hash == kBcrypt ? "correct horse" : "password";
    for (std::size_t size = 0; size < hash.size(); ++size) {
      EXPECT_FALSE(verify_slow(hash.substr(0, size), token)) << size;
      for (char c : {'\0', '$', '\xFF'}) {
        std::string changed(hash);
        changed[size] = c;
        if (changed != hash) {
          EXPECT_FALSE(verify_slow(changed, token)) << size;
        }
      }
    }
  }
}

}  // namespace
}  // namespace keywright::crypto
