#include "ingest/inflate.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/encoding.h"

namespace keywright::ingest {
namespace {

// gzip -n of "hello hello hello\n", and of nothing.
const std::string kHello(
    view_text(decode_hex("1f8b08000000000002ffcb48cdc9c957c840905c003b7c8adf12000000").value()));
const std::string kNothing(
    view_text(decode_hex("1f8b08000000000002ff03000000000000000000").value()));

struct Outcome {
  std::string text;
  std::string reason = "ok";
};

// Fed in pieces of this size.
Outcome inflated(std::string_view input, std::size_t piece, std::size_t limit = 1000) {
  Inflater inflater;
  Outcome outcome;
  while (!input.empty()) {
    const std::string_view part = input.substr(0, piece);
    input.remove_prefix(part.size());
    if (auto fed = inflater.feed(part, outcome.text, limit); !fed) {
      outcome.reason = fed.error().reason();
      return outcome;
    }
  }
  if (auto done = inflater.finish(); !done) outcome.reason = done.error().reason();
  return outcome;
}

std::string hello_text() { return inflated(kHello, 1000).text; }

TEST(Inflater, PiecesOfAnySizeGiveTheSame) {
  const Outcome whole = inflated(kHello, 1000);
  ASSERT_EQ(whole.reason, "ok");
  EXPECT_TRUE(whole.text.starts_with("hello"));
  for (std::size_t piece = 1; piece < kHello.size(); ++piece) {
    EXPECT_EQ(inflated(kHello, piece).text, whole.text) << piece;
  }
}

TEST(Inflater, MembersAfterOneAnotherAreOneBody) {
  const Outcome twice = inflated(kHello + kNothing + kHello, 7);
  EXPECT_EQ(twice.reason, "ok");
  EXPECT_EQ(twice.text, hello_text() + hello_text());
}

TEST(Inflater, TheLimitHoldsWhateverTheInputSays) {
  const std::size_t size = hello_text().size();
  EXPECT_EQ(inflated(kHello, 5, size).reason, "ok");
  EXPECT_EQ(inflated(kHello, 5, size - 1).reason, "body_too_large");
}

TEST(Inflater, WhatIsMissingOrWrongOrTooMuchIsRefused) {
  for (std::size_t size = 0; size < kHello.size(); ++size) {
    EXPECT_EQ(inflated(kHello.substr(0, size), 1000).reason, "malformed_body") << size;
  }
  EXPECT_EQ(inflated(kHello + "x", 1000).reason, "malformed_body");
  EXPECT_EQ(inflated("no gzip at all", 1000).reason, "malformed_body");
}

}  // namespace
}  // namespace keywright::ingest
