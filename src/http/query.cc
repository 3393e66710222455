#include "http/query.h"

#include <algorithm>

#include "base/text.h"
#include "http/characters.h"
#include "http/router.h"

namespace keywright::http {

namespace {

// Decoded text; false if it is not text.
bool decode(std::string_view encoded, std::string& out) {
  out.resize(encoded.size());
  std::string with_spaces(encoded);
  std::replace(with_spaces.begin(), with_spaces.end(), '+', ' ');
  std::size_t size = 0;
  if (!percent_decode(with_spaces, out.data(), out.size(), size)) return false;
  out.resize(size);
  const bool has_control = std::any_of(out.begin(), out.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return !has_control && is_valid_utf8(out);
}

tl::unexpected<Error> refuse(std::string_view name, std::string_view message) {
  return fail(invalid_field(name.empty() ? "query" : name, message));
}

}  // namespace

Result<Query> Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    std::string name;
    std::string value;
    if (!decode(pair.substr(0, equals), name)) {
      return refuse("", "has a parameter whose name is not percent-encoded UTF-8 text");
    }
    if (equals != std::string_view::npos && !decode(pair.substr(equals + 1), value)) {
      return refuse(name, "must be percent-encoded UTF-8 text");
    }
    if (query.find(name) != nullptr) return refuse(name, "must be given only once");
    if (query.pairs_.size() == kMaxPairs) return refuse("", "has too many parameters");
    query.pairs_.emplace_back(std::move(name), std::move(value));
  }
  return query;
}

const std::string* Query::find(std::string_view name) const {
  for (const Pair& pair : pairs_) {
    if (pair.first == name) return &pair.second;
  }
  return nullptr;
}

std::string percent_encode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    if (is(c, Char::unreserved)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kHex[byte >> 4], kHex[byte & 0xf]});
    }
  }
  return out;
}

}  // namespace keywright::http
