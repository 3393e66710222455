#include "json/surrogates.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace keywright::json {
namespace {

constexpr std::size_t kEscapeSize = 6;  // \ud83d

// Of the \uXXXX that begins here; nothing if none does.
std::optional<std::uint32_t> unit_at(std::string_view json, std::size_t at) {
  if (json.size() < kEscapeSize || at > json.size() - kEscapeSize) return std::nullopt;
  if (json[at] != '\\' || json[at + 1] != 'u') return std::nullopt;
  std::uint32_t unit = 0;
  const char* const end = json.data() + at + kEscapeSize;
  const auto [stop, error] = std::from_chars(json.data() + at + 2, end, unit, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return unit;
}

bool is_high(std::optional<std::uint32_t> unit) { return unit && *unit >> 10 == 0xD800 >> 10; }
bool is_low(std::optional<std::uint32_t> unit) { return unit && *unit >> 10 == 0xDC00 >> 10; }

}  // namespace

bool mend_surrogates(std::string& json) {
  bool mended = false;
  for (std::size_t at = json.find('\\'); at != std::string::npos; at = json.find('\\', at)) {
    const auto unit = unit_at(json, at);
    if (!unit) {
      at += 2;
    } else if (is_high(unit) && is_low(unit_at(json, at + kEscapeSize))) {
      at += 2 * kEscapeSize;
    } else {
      if (is_high(unit) || is_low(unit)) {
        json.replace(at, kEscapeSize, "\\ufffd");
        mended = true;
      }
      at += kEscapeSize;
    }
  }
  return mended;
}

}  // namespace keywright::json
