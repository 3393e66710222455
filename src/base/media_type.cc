#include "base/media_type.h"

#include "base/text.h"

namespace keywright {
namespace {

// What stands before the next semicolon, which is taken away.
std::string_view next_part(std::string_view& rest) {
  const auto end = rest.find(';');
  const std::string_view part = trim(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

}  // namespace

bool is_json_type(std::string_view content_type) {
  if (!equals_ignoring_case(next_part(content_type), "application/json")) return false;
  constexpr std::string_view kCharset = "charset=";
  while (!content_type.empty()) {
    const std::string_view parameter = next_part(content_type);
    if (!equals_ignoring_case(parameter.substr(0, kCharset.size()), kCharset)) continue;
    const std::string_view charset = parameter.substr(kCharset.size());
    const bool utf8 =
        equals_ignoring_case(charset, "utf-8") || equals_ignoring_case(charset, "\"utf-8\"");
    if (!utf8) return false;
  }
  return true;
}

}  // namespace keywright
