#include "crypto/slow_hash.h"

#include <memory>
#include <optional>
#include <string>

#include <argon2.h>
#include <crypt.h>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/constant_time.h"

namespace keywright::crypto {
namespace {

constexpr std::size_t kBcryptBytes = 60;
constexpr std::size_t kEncodedBytesMax = 256;
constexpr std::string_view kBcryptDigits =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

auto refuse(std::string_view detail) {
  return fail(Code::invalid_argument, "invalid_hash", detail);
}

// Takes `text` up to the next `end` off its front; all of it when there is none.
std::string_view take_until(std::string_view& text, char end) {
  std::size_t at = text.find(end);
  std::string_view part = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return part;
}

// "m=65536" -> 65536: this name, no sign, no leading zero, at most nine digits.
std::optional<unsigned> parse_parameter(std::string_view text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  if (text.empty() || text.size() > 9 || text.front() == '0') return std::nullopt;
  unsigned value = 0;
  for (char c : text) {
    if (!is_ascii_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

Result<SlowHash> inspect_bcrypt(std::string_view encoded) {
  if (encoded.size() != kBcryptBytes || encoded[6] != '$' || !is_ascii_digit(encoded[4]) ||
      !is_ascii_digit(encoded[5])) {
    return refuse("A bcrypt hash has the form $2b$NN$ and then 53 characters, 60 in all.");
  }
  std::string_view digits = encoded.substr(7);
  if (digits.find_first_not_of(kBcryptDigits) != digits.npos) {
    return refuse("The bcrypt hash has a character outside ./A-Za-z0-9 in its salt or sum.");
  }
  // 16 bytes of salt end in a digit with four spare bits, 23 bytes of sum in one with two.
  if (kBcryptDigits.find(digits[21]) % 16 != 0 || kBcryptDigits.find(digits[52]) % 4 != 0) {
    return refuse("The bcrypt hash has spare bits set, so that no token could match it.");
  }
  SlowHash hash;
  hash.algorithm = SlowHashAlgorithm::bcrypt;
  hash.cost = static_cast<unsigned>((encoded[4] - '0') * 10 + (encoded[5] - '0'));
  if (hash.cost < 4) return refuse("The bcrypt cost must be at least 4.");
  if (hash.cost > kBcryptCostMax) {
    return refuse(
        fmt::format("The bcrypt cost is {}; at most {} is taken.", hash.cost, kBcryptCostMax));
  }
  return hash;
}

bool is_base64_of(std::string_view text, std::size_t least, std::size_t most) {
  std::size_t size = text.size() * 3 / 4;
  if (size < least || size > most || text.ends_with('=')) return false;
  std::string padded(text);
  while (padded.size() % 4 != 0) padded += '=';
  return decode_base64(padded).has_value();
}

Result<SlowHash> inspect_argon2id(std::string_view encoded) {
  std::string_view rest = encoded;
  take_until(rest, '$');  // what stands before the first one: nothing
  take_until(rest, '$');  // argon2id
  if (take_until(rest, '$') != "v=19")
    return refuse("Only version 19 (v=19) of Argon2id is taken.");
  std::string_view parameters = take_until(rest, '$');
  std::string_view salt = take_until(rest, '$');
  auto memory = parse_parameter(take_until(parameters, ','), "m=");
  auto passes = parse_parameter(take_until(parameters, ','), "t=");
  auto lanes = parse_parameter(parameters, "p=");
  if (!memory || !passes || !lanes) {
    return refuse("The Argon2id parameters have the form m=65536,t=3,p=1.");
  }
  if (*memory > kArgon2MemoryKibibytesMax) {
    return refuse(fmt::format("The Argon2id memory is {} KiB; at most {} KiB is taken.", *memory,
                              kArgon2MemoryKibibytesMax));
  }
  if (*passes > kArgon2PassesMax) {
    return refuse(fmt::format("The Argon2id hash asks for {} passes; at most {} are taken.",
                              *passes, kArgon2PassesMax));
  }
  if (*lanes > kArgon2LanesMax) {
    return refuse(fmt::format("The Argon2id hash asks for {} lanes; at most {} are taken.", *lanes,
                              kArgon2LanesMax));
  }
  if (*memory < 8 * *lanes) return refuse("Argon2id needs at least 8 KiB of memory for each lane.");
  if (!is_base64_of(salt, 8, 64)) {
    return refuse("The Argon2id salt must be 8 to 64 bytes in base64 without padding.");
  }
  if (!is_base64_of(rest, 16, 64)) {
    return refuse("The Argon2id sum must be 16 to 64 bytes in base64 without padding.");
  }
  return SlowHash{SlowHashAlgorithm::argon2id, *passes, *memory, *lanes};
}

bool verify_bcrypt(const std::string& encoded, const std::string& token) {
  if (token.size() > kBcryptTokenBytesMax || token.find('\0') != token.npos) return false;
  auto memory = std::make_unique<crypt_data>();
  const char* computed = crypt_r(token.c_str(), encoded.c_str(), memory.get());
  bool matches = computed != nullptr &&
                 equal_in_constant_time(std::string_view(computed), std::string_view(encoded));
  wipe_memory(memory.get(), sizeof *memory);
  return matches;
}

}  // namespace

std::string_view to_string(SlowHashAlgorithm algorithm) {
  return algorithm == SlowHashAlgorithm::bcrypt ? "bcrypt" : "argon2id";
}

Result<SlowHash> inspect_slow_hash(std::string_view encoded) {
  if (encoded.size() > kEncodedBytesMax)
    return refuse("The hash is longer than any that is taken.");
  for (std::string_view prefix : {"$2a$", "$2b$", "$2y$"}) {
    if (encoded.starts_with(prefix)) return inspect_bcrypt(encoded);
  }
  if (encoded.starts_with("$argon2id$")) return inspect_argon2id(encoded);
  return refuse("The hash must begin with $2a$, $2b$, $2y$ or $argon2id$.");
}

bool verify_slow(std::string_view encoded, std::string_view token) {
  auto hash = inspect_slow_hash(encoded);
  if (!hash || token.empty()) return false;
  Secret<std::string> terminated{std::string(token)};
  std::string text(encoded);
  if (hash->algorithm == SlowHashAlgorithm::bcrypt) return verify_bcrypt(text, terminated.reveal());
  return argon2id_verify(text.c_str(), terminated.reveal().data(), token.size()) == ARGON2_OK;
}

}  // namespace keywright::crypto
