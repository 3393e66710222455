// base/uuid.h - 16-byte ids, ordered by creation time, and strong types made of them.
//
//   UuidGenerator ids(clock, random);
//   Uuid id = ids.next();                        // each greater than the one before
//   id.to_string()                               -> "019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8"
//   KW_TRY(Uuid same, Uuid::parse(text));        // upper or lower case, hyphens where they belong
//
//   using ProjectId = Id<struct ProjectTag>;     // does not mix with any other Id
//   ProjectId project{ids.next()};
//
// Errors: invalid_argument/invalid_id. A default-constructed id is nil: no id at all.
// Threading: Uuid and Id are plain values; UuidGenerator may be shared between threads.
// Cost: parse and to_string tens of ns (SSO does not hold 36 characters: one allocation).
// Source: RFC 9562, version 7.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace keywright {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  // One id for this millisecond; two of the same millisecond are in no particular order.
  static Uuid version7(Time time, Random& random);
  static Result<Uuid> parse(std::string_view text);

  std::string to_string() const;
  bool is_nil() const noexcept { return *this == Uuid{}; }

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// Version 7 ids that strictly increase, also within a millisecond and when the clock steps back.
class UuidGenerator {
 public:
  UuidGenerator(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  Uuid next();

 private:
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  Uuid last_;
};

std::size_t hash_value(const Uuid& uuid) noexcept;

template <class Tag>
struct Id {
  Uuid value;

  static Result<Id> parse(std::string_view text) {
    KW_TRY(Uuid uuid, Uuid::parse(text));
    return Id{uuid};
  }

  std::string to_string() const { return value.to_string(); }
  bool is_nil() const noexcept { return value.is_nil(); }

  friend auto operator<=>(const Id&, const Id&) = default;
  friend std::size_t hash_value(const Id& id) noexcept { return keywright::hash_value(id.value); }
};

}  // namespace keywright

template <>
struct std::hash<keywright::Uuid> {
  std::size_t operator()(const keywright::Uuid& uuid) const noexcept {
    return keywright::hash_value(uuid);
  }
};

template <class Tag>
struct std::hash<keywright::Id<Tag>> {
  std::size_t operator()(const keywright::Id<Tag>& id) const noexcept {
    return keywright::hash_value(id.value);
  }
};
