// json/malformed.h - where and why a text is not the JSON that Document accepts. Of this room only.
//
//   find_malformed("[1,]")   // offset 3, "expected a value"
//
// The fast parser knows no integers beyond 64 bits, which are JSON all the same: for it they are
// written anew, with a fraction, so that it takes the nearest double.
//
//   with_large_integers_as_doubles("[18446744073709551616]")   // "[18446744073709551616.0]"
//
// The fast parser says only that a text is wrong; this one reads it again, slowly, to tell people
// where. Both must agree on what is JSON, and the fuzz target holds them to it. Duplicate keys are
// not looked for.
//
// Threading: a pure function. Cost: linear, no recursion.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace keywright::json {

struct Malformed {
  std::size_t offset;
  std::string_view what;
};

std::optional<Malformed> find_malformed(std::string_view text);

std::string with_large_integers_as_doubles(std::string_view text);

}  // namespace keywright::json
