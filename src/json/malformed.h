// json/malformed.h - where and why a text is not the JSON that Document accepts. Of this room only.
//
//   find_malformed("[1,]")   // offset 3, "expected a value"
//
// The fast parser says only that a text is wrong; this one reads it again, slowly, to tell people
// where. Both must agree on what is JSON, and the fuzz target holds them to it. Duplicate keys are
// not looked for.
//
// Threading: a pure function. Cost: linear, no recursion.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace keywright::json {

struct Malformed {
  std::size_t offset;
  std::string_view what;
};

std::optional<Malformed> find_malformed(std::string_view text);

}  // namespace keywright::json
