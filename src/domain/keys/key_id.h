// domain/keys/key_id.h - the id of a key: 12 URL-safe characters, never beginning with "-".
//
//   KeyId id = KeyId::generate(now, random);   // "PT4bQ7kxY2c_"; ids made later sort behind it
//
// Seven characters tell the millisecond and five are random, so that keys made one after the other
// stand beside each other in every index of a store: a commit then writes few pages instead of two
// more for each key. Whoever makes ids looks whether one is taken. Twelve characters fit in a
// record without a heap block. Ids are public: knowing or guessing one gives nothing. Earlier ids
// were all random and stay as they are.
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
#include "base/time.h"

namespace keywright::domain {

struct KeyId {
  std::array<char, 12> text{};

  std::string_view view() const { return {text.data(), text.size()}; }
  std::string to_string() const { return std::string(view()); }
  auto operator<=>(const KeyId&) const = default;

  static KeyId generate(Time now, Random& random);
  // Nothing but random characters: for what names itself once and is never looked up.
  static KeyId arbitrary(Random& random);
  static std::optional<KeyId> parse(std::string_view text);
};

}  // namespace keywright::domain

template <>
struct std::hash<keywright::domain::KeyId> {
  std::size_t operator()(const keywright::domain::KeyId& id) const noexcept {
    std::uint64_t head;
    std::uint32_t tail;  // ids of one moment differ here only
    std::memcpy(&head, id.text.data(), sizeof head);
    std::memcpy(&tail, id.text.data() + sizeof head, sizeof tail);
    return (head * 0x9e3779b97f4a7c15ULL + tail) * 0xd1b54a32d192ed03ULL;
  }
};
