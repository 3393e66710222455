#include "app/setup_link.h"

#include <charconv>

#include <fmt/core.h>

#include "base/encoding.h"
#include "crypto/constant_time.h"

namespace keywright::app {
namespace {

constexpr std::size_t kEndDigits = 12;     // when it ends, Unix milliseconds, hex
constexpr std::size_t kPeopleDigits = 16;  // how many people there were, hex
constexpr std::size_t kRandomCharacters = 22;
constexpr std::size_t kHeadCharacters = kEndDigits + kPeopleDigits + kRandomCharacters;

std::uint64_t people_in(const Directory& directory) {
  std::uint64_t people = 0;
  directory.table<domain::User>().for_each([&](const domain::User&) { ++people; });
  return people;
}

// What else is made with this key never has a space in it.
crypto::Sha256 mac_of(const Directory& directory, std::string_view head) {
  return directory.keyring().newest().session.mac(fmt::format("setup link {}", head));
}

// Only of text that is our own.
std::uint64_t number_in(std::string_view digits) {
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return number;
}

}  // namespace

Secret<std::string> SetupLink::issue(const Directory& directory, Random& random, Time now) const {
  const auto end = static_cast<std::uint64_t>(to_unix_milliseconds(now + kLife));
  const std::string head = fmt::format("{:012x}{:016x}{}", end, people_in(directory),
                                       random_base62(random, kRandomCharacters));
  return Secret<std::string>(head + encode_base64url(mac_of(directory, head)));
}

bool SetupLink::matches(const Directory& directory, std::string_view token, Time now) const {
  if (token.size() <= kHeadCharacters) return false;
  const std::string_view head = token.substr(0, kHeadCharacters);
  crypto::Sha256 mac{};
  if (!decode_base64url_into(token.substr(kHeadCharacters), mac) ||
      !crypto::equal_in_constant_time(mac, mac_of(directory, head))) {
    return false;
  }
  const std::uint64_t end = number_in(head.substr(0, kEndDigits));
  return to_unix_milliseconds(now) < static_cast<std::int64_t>(end) &&
         number_in(head.substr(kEndDigits, kPeopleDigits)) == people_in(directory);
}

}  // namespace keywright::app
