#include "traces/trace_row.h"

#include <algorithm>
#include <charconv>

namespace keywright::traces {

std::string join_warnings(const std::vector<std::string>& warnings) {
  std::string text;
  for (const std::string& warning : warnings) {
    if (!text.empty()) text += ' ';
    text += warning;
  }
  return text;
}

std::vector<std::string> split_warnings(std::string_view text) {
  std::vector<std::string> warnings;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    warnings.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return warnings;
}

Result<Number> parse_cursor(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) {
    return fail(Code::invalid_argument, "invalid_cursor",
                "The cursor is none that an earlier page gave.");
  }
  return number;
}

}  // namespace keywright::traces
