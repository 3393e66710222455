#include "base/uuid.h"

#include <algorithm>
#include <cstring>

#include "base/encoding.h"

namespace keywright {
namespace {

constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << 48) - 1;
constexpr std::uint64_t kHighRandomMask = (std::uint64_t{1} << 12) - 1;
constexpr std::uint64_t kLowRandomMask = (std::uint64_t{1} << 62) - 1;

// The three fields of a version 7 UUID, without version and variant.
struct Fields {
  std::uint64_t milliseconds = 0;  // 48 bits
  std::uint64_t high_random = 0;   // 12 bits
  std::uint64_t low_random = 0;    // 62 bits
};

std::uint64_t load_big_endian(const std::uint8_t* bytes) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

void store_big_endian(std::uint8_t* bytes, std::uint64_t value) noexcept {
  for (int i = 7; i >= 0; --i) {
    bytes[i] = static_cast<std::uint8_t>(value);
    value >>= 8;
  }
}

Uuid pack(const Fields& fields) {
  Uuid uuid;
  store_big_endian(uuid.bytes.data(), fields.milliseconds << 16 | 0x7000 | fields.high_random);
  store_big_endian(uuid.bytes.data() + 8, std::uint64_t{2} << 62 | fields.low_random);
  return uuid;
}

Fields unpack(const Uuid& uuid) {
  std::uint64_t high = load_big_endian(uuid.bytes.data());
  std::uint64_t low = load_big_endian(uuid.bytes.data() + 8);
  return {high >> 16, high & kHighRandomMask, low & kLowRandomMask};
}

Fields random_fields(std::uint64_t milliseconds, Random& random) {
  auto bytes = random_bytes<16>(random);
  return {milliseconds, load_big_endian(bytes.data()) & kHighRandomMask,
          load_big_endian(bytes.data() + 8) & kLowRandomMask};
}

std::uint64_t milliseconds_of(Time time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(to_unix_milliseconds(time), 0)) &
         kTimeMask;
}

// The next greater value, by a random step so that ids of one millisecond cannot be counted off.
Fields successor(Fields fields, Random& random) {
  fields.low_random += 1 + random_below(random, std::uint64_t{1} << 32);
  if (fields.low_random <= kLowRandomMask) return fields;
  fields.low_random &= kLowRandomMask;
  if (fields.high_random < kHighRandomMask) {
    ++fields.high_random;
    return fields;
  }
  return random_fields((fields.milliseconds + 1) & kTimeMask, random);
}

}  // namespace

Uuid Uuid::version7(Time time, Random& random) {
  return pack(random_fields(milliseconds_of(time), random));
}

Uuid UuidGenerator::next() {
  std::lock_guard lock(mutex_);
  std::uint64_t milliseconds = milliseconds_of(clock_.now());
  Fields last = unpack(last_);
  last_ = pack(milliseconds > last.milliseconds ? random_fields(milliseconds, random_)
                                                : successor(last, random_));
  return last_;
}

Result<Uuid> Uuid::parse(std::string_view text) {
  constexpr std::size_t kGroups[] = {8, 4, 4, 4, 12};
  char digits[32];
  std::size_t filled = 0;
  bool well_formed = text.size() == 36;
  for (std::size_t i = 0; well_formed && i < std::size(kGroups); ++i) {
    if (i != 0) {
      well_formed = text.front() == '-';
      text.remove_prefix(1);
    }
    text.copy(digits + filled, kGroups[i]);
    filled += kGroups[i];
    text.remove_prefix(kGroups[i]);
  }
  Uuid uuid;
  if (!well_formed || !decode_hex_into({digits, sizeof digits}, uuid.bytes)) {
    return fail(Code::invalid_argument, "invalid_id",
                "Not an id of the form 019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8.");
  }
  return uuid;
}

std::string Uuid::to_string() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out(36, '-');
  char* at = out.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    *at++ = kDigits[bytes[i] >> 4];
    *at++ = kDigits[bytes[i] & 15];
  }
  return out;
}

std::size_t hash_value(const Uuid& uuid) noexcept {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, uuid.bytes.data(), 8);
  std::memcpy(&low, uuid.bytes.data() + 8, 8);
  std::uint64_t mixed = (high ^ 0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9 ^ low;
  mixed = (mixed ^ (mixed >> 32)) * 0x94D049BB133111EB;
  return static_cast<std::size_t>(mixed ^ (mixed >> 29));
}

}  // namespace keywright
