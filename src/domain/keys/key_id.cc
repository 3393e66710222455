#include "domain/keys/key_id.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace keywright::domain {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

KeyId KeyId::generate(Random& random) {
  KeyId id;
  random.fill(std::as_writable_bytes(std::span(id.text)));
  for (char& c : id.text) c = kAlphabet[static_cast<unsigned char>(c) & 63];
  while (id.text[0] == '-') {  // would read as an option on a command line
    std::byte again;
    random.fill(std::span(&again, 1));
    id.text[0] = kAlphabet[std::to_integer<unsigned char>(again) & 63];
  }
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
