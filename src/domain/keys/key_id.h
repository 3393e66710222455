// domain/keys/key_id.h - the id of a key: 12 URL-safe characters (72 random bits), never beginning
// with "-".
//
// Twelve characters of A-Z a-z 0-9 - _ fit in a record without a heap block. Ids are public:
// knowing one gives nothing.
//
// Threading: plain values.
#pragma once

#include <array>
#include <compare>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace keywright::domain {

struct KeyId {
  std::array<char, 12> text{};

  std::string_view view() const { return {text.data(), text.size()}; }
  std::string to_string() const { return std::string(view()); }
  auto operator<=>(const KeyId&) const = default;

  static KeyId generate(Random& random);
  static std::optional<KeyId> parse(std::string_view text);
};

}  // namespace keywright::domain

template <>
struct std::hash<keywright::domain::KeyId> {
  std::size_t operator()(const keywright::domain::KeyId& id) const noexcept {
    std::uint64_t head;  // generated from the system's random source: already uniform
    std::memcpy(&head, id.text.data(), sizeof head);
    return head * 0x9e3779b97f4a7c15ULL;
  }
};
