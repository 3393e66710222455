#include "json/lenient.h"

#include <charconv>
#include <optional>
#include <string>

namespace keywright::json {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kEscapeBytes = 6;  // \uD83D

// The unit of the escape that begins at `at`; nothing if none does.
std::optional<unsigned> unit_at(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with("\\u")) return std::nullopt;
  const std::string_view digits = text.substr(at + 2, 4);
  unsigned unit = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
  if (error != std::errc() || end != digits.data() + 4) return std::nullopt;
  return unit;
}

bool is_high(unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

// Behind the escape that begins at `at`, mended if it is half a pair.
std::size_t mend_escape(std::string& text, std::size_t at) {
  const auto unit = unit_at(text, at);
  if (!unit) return at + 2;
  if (is_high(*unit)) {
    const auto next = unit_at(text, at + kEscapeBytes);
    if (next && is_low(*next)) return at + 2 * kEscapeBytes;
  }
  if (is_high(*unit) || is_low(*unit)) text.replace(at, kEscapeBytes, "\\ufffd");
  return at + kEscapeBytes;
}

std::string mended(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::string copy(text);
  bool in_string = false;
  for (std::size_t at = 0; at < copy.size();) {
    const char c = copy[at];
    if (in_string && c == '\\') {
      at = mend_escape(copy, at);
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string && static_cast<unsigned char>(c) < 0x20) copy[at] = ' ';
    ++at;
  }
  return copy;
}

}  // namespace

Result<Document> parse_leniently(std::string_view text) {
  auto document = Document::parse(text);
  if (document) return document;
  return Document::parse(mended(text));
}

}  // namespace keywright::json
