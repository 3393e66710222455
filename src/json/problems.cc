#include "json/problems.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"

namespace keywright::json {
namespace {

constexpr std::size_t kLongestName = 64;  // described names are shorter

// At most kLongestName bytes, cut between characters.
std::string_view clipped(std::string_view name) {
  if (name.size() <= kLongestName) return name;
  std::size_t end = kLongestName;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return name.substr(0, end);
}

// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::array<std::size_t, kLongestName + 1>, 3> rows;
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_above[j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

template <class T>
std::string range(std::string_view what, T lowest, T highest, bool has_lowest, bool has_highest) {
  if (has_lowest && has_highest && lowest == highest) {
    return fmt::format("must be {} of exactly {}", what, lowest);
  }
  if (has_lowest && has_highest) {
    return fmt::format("must be {} of {} to {}", what, lowest, highest);
  }
  if (has_lowest) return fmt::format("must be {} of at least {}", what, lowest);
  if (has_highest) return fmt::format("must be {} of at most {}", what, highest);
  return fmt::format("must be {}", what);
}

constexpr auto kNoLimit = std::numeric_limits<std::uint32_t>::max();

std::string expected_string(const Field& rules) {
  std::string text = range("a string", rules.min_length, rules.max_length, rules.min_length > 0,
                           rules.max_length != kNoLimit);
  if (rules.min_length > 0 || rules.max_length != kNoLimit) text += " characters";
  return text;
}

std::string expected_items(std::string_view what, std::string_view items, const Field& rules) {
  const bool limited = rules.min_items > 0 || rules.max_items != kMaximumItems;
  std::string text = range(what, rules.min_items, rules.max_items, rules.min_items > 0, limited);
  if (limited) text += items;
  return text;
}

template <class T>
std::string expected_integer(const Field& rules, bool show_limits_of_type) {
  auto lowest = std::numeric_limits<std::int64_t>::min();
  auto highest = std::numeric_limits<std::int64_t>::max();
  if (show_limits_of_type) {
    lowest = static_cast<std::int64_t>(std::numeric_limits<T>::min());
    highest = static_cast<std::int64_t>(std::numeric_limits<T>::max());
  }
  if (std::is_unsigned_v<T>) lowest = 0;
  lowest = std::max(lowest, rules.minimum);
  highest = std::min(highest, rules.maximum);
  const bool has_lowest = lowest != std::numeric_limits<std::int64_t>::min();
  const bool has_highest = highest != std::numeric_limits<std::int64_t>::max();
  if (has_lowest && has_highest) {
    return fmt::format("must be an integer from {} to {}", lowest, highest);
  }
  return range("an integer", lowest, highest, has_lowest, has_highest);
}

std::string expected_number(const Field& rules) {
  const bool has_lowest = rules.minimum != std::numeric_limits<std::int64_t>::min();
  const bool has_highest = rules.maximum != std::numeric_limits<std::int64_t>::max();
  if (has_lowest && has_highest) {
    return fmt::format("must be a number from {} to {}", rules.minimum, rules.maximum);
  }
  return range("a number", rules.minimum, rules.maximum, has_lowest, has_highest);
}

std::string expected_enumerator(const Type& type) {
  std::string text = "must be one of: ";
  for (const EnumName& name : type.names) {
    if (&name != type.names.data()) text += ", ";
    text += name.name;
  }
  return text;
}

}  // namespace

std::string Path::to_string() const {
  if (parent == nullptr) return {};
  std::string text = parent->to_string();
  if (name.data() == nullptr) return text + fmt::format("[{}]", index);
  if (!text.empty()) text.push_back('.');
  text += clipped(name);
  if (clipped(name).size() < name.size()) text += "...";
  return text;
}

void Problems::add(const Path& path, std::string_view message) {
  if (!full()) list_.push_back({path.to_string(), std::string(message)});
}

void Problems::consider(std::string_view name, std::string_view candidate,
                        std::string_view& closest, std::size_t& distance) {
  if (name.size() > kLongestName || candidate.size() > kLongestName) return;
  // Anything further than a third is another word.
  const std::size_t near = std::max<std::size_t>(1, std::max(name.size(), candidate.size()) / 3);
  const std::size_t found = edit_distance(name, candidate);
  if (found <= near && found < distance) {
    distance = found;
    closest = candidate;
  }
}

void Problems::add_unknown_name(const Path& path, std::string_view what, std::string_view name,
                                std::string_view closest) {
  std::string message = fmt::format("unknown {}", what);
  if (!closest.empty()) message += fmt::format("; did you mean \"{}\"?", closest);
  add(Path(&path, name), message);
}

Result<void> Problems::to_result() const {
  if (list_.empty()) return {};
  const FieldProblem& first = list_.front();
  std::string detail =
      first.field.empty() ? "The document " + first.message : first.field + ": " + first.message;
  if (list_.size() > 1) {
    detail += fmt::format(" (and {}{} more problem{})", full() ? "at least " : "", list_.size() - 1,
                          list_.size() == 2 ? "" : "s");
  }
  Error error(Code::invalid_argument, "invalid_request", detail);
  for (const FieldProblem& problem : list_) {
    error = std::move(error).with_problem(problem.field, problem.message);
  }
  return fail(std::move(error));
}

std::string expectation(const Type& type, const Field& rules) {
  switch (type.shape) {
    case Shape::boolean: return "must be true or false";
    case Shape::int32: return expected_integer<std::int32_t>(rules, true);
    case Shape::uint32: return expected_integer<std::uint32_t>(rules, true);
    case Shape::int64: return expected_integer<std::int64_t>(rules, false);
    case Shape::uint64: return expected_integer<std::uint64_t>(rules, false);
    case Shape::number: return expected_number(rules);
    case Shape::string:
    case Shape::secret: return expected_string(rules);
    case Shape::text: return std::string(type.text->expected);
    case Shape::enumeration: return expected_enumerator(type);
    case Shape::list: return expected_items("a list", " items", rules);
    case Shape::map: return expected_items("an object", " members", rules);
    case Shape::object: return "must be an object";
    case Shape::raw: return rules.object_only ? "must be an object" : "must be a JSON value";
    case Shape::optional:
    case Shape::patch: return expectation(type.element(), rules);
  }
  return {};
}

}  // namespace keywright::json
