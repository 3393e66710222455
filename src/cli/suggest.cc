#include "cli/suggest.h"

#include <algorithm>

namespace keywright::cli {

namespace {

// Slips between two words, swaps of neighbours counted as one (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string suggest(std::string_view typed, const std::vector<std::string>& known) {
  constexpr std::size_t kMostSlips = 2;
  constexpr std::size_t kLongestWord = 64;
  if (typed.size() > kLongestWord) return {};
  std::size_t best = kMostSlips + 1;
  std::string nearest;
  for (const std::string& word : known) {
    const std::size_t slips = distance(typed, word);
    const std::size_t letters = std::min(typed.size(), word.size());
    if (slips < best && slips * 2 < letters + 1) {
      best = slips;
      nearest = word;
    }
  }
  return nearest;
}

}  // namespace keywright::cli
