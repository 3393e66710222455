#include "json/describe.h"

namespace keywright::json::describe_detail {

void append_time(const void* object, std::string& out) {
  append_rfc3339(out, *static_cast<const Time*>(object));
}

bool parse_time(std::string_view text, void* object) {
  const Result<Time> time = parse_rfc3339(text);
  if (time) *static_cast<Time*>(object) = *time;
  return time.has_value();
}

void append_uuid(const void* object, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  char text[36];
  char* end = text;
  std::size_t index = 0;
  for (const std::uint8_t byte : static_cast<const Uuid*>(object)->bytes) {
    if (index == 4 || index == 6 || index == 8 || index == 10) *end++ = '-';
    *end++ = kHex[byte >> 4];
    *end++ = kHex[byte & 15];
    ++index;
  }
  out.append(text, sizeof text);
}

}  // namespace keywright::json::describe_detail
