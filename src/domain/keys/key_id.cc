#include "domain/keys/key_id.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace keywright::domain {
namespace {

// In the order of their bytes, so that numbers written in it sort as numbers.
constexpr std::string_view kAlphabet =
    "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kTimeCharacters = 7;  // 42 bits of milliseconds: until 2109

void fill_randomly(std::span<char> out, Random& random) {
  random.fill(std::as_writable_bytes(out));
  for (char& c : out) c = kAlphabet[static_cast<unsigned char>(c) & 63];
}

// Would read as an option on a command line.
void avoid_hyphen(char& first) {
  if (first == '-') first = '0';
}

}  // namespace

KeyId KeyId::generate(Time now, Random& random) {
  KeyId id;
  auto time = static_cast<std::uint64_t>(to_unix_milliseconds(now));
  for (std::size_t i = kTimeCharacters; i-- > 0; time >>= 6) id.text[i] = kAlphabet[time & 63];
  avoid_hyphen(id.text[0]);
  fill_randomly(std::span(id.text).subspan(kTimeCharacters), random);
  return id;
}

KeyId KeyId::arbitrary(Random& random) {
  KeyId id;
  fill_randomly(id.text, random);
  avoid_hyphen(id.text[0]);
  return id;
}

std::optional<KeyId> KeyId::parse(std::string_view text) {
  KeyId id;
  if (text.size() != id.text.size()) return std::nullopt;
  if (text.find_first_not_of(kAlphabet) != std::string_view::npos) return std::nullopt;
  std::copy(text.begin(), text.end(), id.text.begin());
  return id;
}

}  // namespace keywright::domain
