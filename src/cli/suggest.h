// cli/suggest.h - "did you mean": the known word that is nearest to a mistyped one.
//
//   suggest("keeys", {"keys", "users"})  ->  "keys"; "" when nothing is near
//
// Near is at most two slips (a letter missing, added, changed, or two swapped), and fewer than half
// of the letters, so that short words do not suggest unrelated ones.
//
// Threading: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keywright::cli {

std::string suggest(std::string_view typed, const std::vector<std::string>& known);

}  // namespace keywright::cli
