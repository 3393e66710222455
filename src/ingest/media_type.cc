#include "ingest/media_type.h"

#include <algorithm>

#include "base/text.h"

namespace keywright::ingest {
namespace {

// Takes the value of a parameter from the front of `rest`: up to the next ';', or what is quoted.
std::string take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    value = trim(rest.substr(0, end));
    rest.remove_prefix(end);
    return value;
  }
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
    value += rest.front();
    rest.remove_prefix(1);
  }
  rest.remove_prefix(std::min(rest.find(';'), rest.size()));
  return value;
}

}  // namespace

bool MediaType::is_protobuf() const {
  return name == "application/x-protobuf" || name == "application/protobuf";
}

bool MediaType::is_utf8() const {
  return charset.empty() || charset == "utf-8" || charset == "utf8" || charset == "us-ascii" ||
         charset == "ascii";
}

MediaType media_type_of(const http::Request& request) {
  std::string_view rest = request.headers.find("Content-Type").value_or("");
  MediaType type;
  const std::size_t end = std::min(rest.find(';'), rest.size());
  type.name = to_ascii_lower(trim(rest.substr(0, end)));
  rest.remove_prefix(end);
  while (!rest.empty()) {
    rest.remove_prefix(1);  // ';'
    const std::size_t name_end = std::min(rest.find_first_of("=;"), rest.size());
    const std::string_view name = trim(rest.substr(0, name_end));
    rest.remove_prefix(name_end);
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    const std::string value = take_value(rest);
    if (equals_ignoring_case(name, "charset")) type.charset = to_ascii_lower(value);
  }
  return type;
}

}  // namespace keywright::ingest
