#include "base/encoding.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/secret.h"

namespace keywright {
namespace {

constexpr std::string_view kBase62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using ReverseAlphabet = std::array<std::int8_t, 256>;  // -1: not in the alphabet

constexpr ReverseAlphabet reverse(std::string_view alphabet) {
  ReverseAlphabet values{};
  values.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}

constexpr ReverseAlphabet kFromBase62 = reverse(kBase62);
constexpr ReverseAlphabet kFromBase64 = reverse(kBase64);
constexpr ReverseAlphabet kFromBase64Url = reverse(kBase64Url);

constexpr ReverseAlphabet make_from_hex() {
  ReverseAlphabet values = reverse("0123456789abcdef");
  for (char digit = 'A'; digit <= 'F'; ++digit) {
    values[static_cast<std::size_t>(digit)] = static_cast<std::int8_t>(10 + digit - 'A');
  }
  return values;
}
constexpr ReverseAlphabet kFromHex = make_from_hex();

int value_of(const ReverseAlphabet& values, char c) noexcept {
  return values[static_cast<unsigned char>(c)];
}

auto refuse(std::string_view detail) {
  return fail(Code::invalid_argument, "invalid_encoding", detail);
}

std::string encode_sextets(ByteView bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  unsigned pending = 0;
  int pending_bits = 0;
  for (std::uint8_t byte : bytes) {
    pending = (pending << 8 | byte) & 0xFFFF;
    for (pending_bits += 8; pending_bits >= 6;) {
      pending_bits -= 6;
      out += alphabet[pending >> pending_bits & 63];
    }
  }
  if (pending_bits > 0) out += alphabet[pending << (6 - pending_bits) & 63];
  return out;
}

// Without padding. `out` has room for text.size() * 3 / 4 bytes.
bool decode_sextets(std::string_view text, const ReverseAlphabet& values,
                    std::uint8_t* out) noexcept {
  if (text.size() % 4 == 1) return false;
  unsigned pending = 0;
  int pending_bits = 0;
  for (char c : text) {
    int value = value_of(values, c);
    if (value < 0) return false;
    pending = (pending << 6 | static_cast<unsigned>(value)) & 0xFFFF;
    pending_bits += 6;
    if (pending_bits >= 8) {
      pending_bits -= 8;
      *out++ = static_cast<std::uint8_t>(pending >> pending_bits);
    }
  }
  // Bits that no byte needed must be zero, or two texts would mean the same bytes.
  return (pending & ((1U << pending_bits) - 1)) == 0;
}

// False when the padding is not the one this length asks for.
bool remove_padding(std::string_view& text) noexcept {
  if (text.size() % 4 != 0) return false;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return text.size() % 4 != 1;
}

}  // namespace

std::string encode_hex(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

bool decode_hex_into(std::string_view text, std::span<std::uint8_t> out) noexcept {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    int high = value_of(kFromHex, text[2 * i]);
    int low = value_of(kFromHex, text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

Result<Bytes> decode_hex(std::string_view text) {
  Bytes out(text.size() / 2);
  if (!decode_hex_into(text, out)) return refuse("Not hexadecimal: pairs of 0-9, a-f.");
  return out;
}

std::string encode_base64(ByteView bytes) {
  std::string out = encode_sextets(bytes, kBase64);
  while (out.size() % 4 != 0) out += '=';
  return out;
}

bool decode_base64_into(std::string_view text, std::span<std::uint8_t> out) noexcept {
  return remove_padding(text) && text.size() * 3 / 4 == out.size() &&
         decode_sextets(text, kFromBase64, out.data());
}

Result<Bytes> decode_base64(std::string_view text) {
  std::string_view digits = text;
  Bytes out(remove_padding(digits) ? digits.size() * 3 / 4 : 0);
  if (!decode_base64_into(text, out)) return refuse("Not canonical base64 with padding.");
  return out;
}

std::string encode_base64url(ByteView bytes) { return encode_sextets(bytes, kBase64Url); }

bool decode_base64url_into(std::string_view text, std::span<std::uint8_t> out) noexcept {
  return text.size() * 3 / 4 == out.size() && decode_sextets(text, kFromBase64Url, out.data());
}

Result<Bytes> decode_base64url(std::string_view text) {
  Bytes out(text.size() * 3 / 4);
  if (!decode_base64url_into(text, out)) return refuse("Not canonical base64url without padding.");
  return out;
}

std::string encode_base62(std::uint64_t value, std::size_t width) {
  std::string out(width, '0');
  encode_base62_into(value, out);
  return out;
}

void encode_base62_into(std::uint64_t value, std::span<char> out) noexcept {
  for (std::size_t i = out.size(); i-- > 0;) {
    out[i] = kBase62[value % 62];
    value /= 62;
  }
}

bool is_base62(std::string_view text) noexcept {
  for (char c : text) {
    if (value_of(kFromBase62, c) < 0) return false;
  }
  return true;
}

std::string random_base62(Random& random, std::size_t count) {
  constexpr unsigned kFairBytes = 248;  // the greatest multiple of 62 that a byte can hold
  std::string out;
  out.reserve(count);
  std::array<std::uint8_t, 64> pool;
  while (out.size() < count) {
    random.fill(std::as_writable_bytes(std::span(pool)));
    for (std::uint8_t byte : pool) {
      if (byte < kFairBytes && out.size() < count) out += kBase62[byte % 62];
    }
  }
  wipe_memory(pool.data(), pool.size());
  return out;
}

namespace {

// Row k answers for a byte that still has k bytes behind it in its group of eight.
using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr CrcTables make_crc_tables() {
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320 : 0);
    tables[0][i] = value;
  }
  for (std::size_t row = 1; row < tables.size(); ++row) {
    for (std::size_t i = 0; i < 256; ++i) {
      std::uint32_t before = tables[row - 1][i];
      tables[row][i] = before >> 8 ^ tables[0][before & 255];
    }
  }
  return tables;
}
constexpr CrcTables kCrc = make_crc_tables();

}  // namespace

std::uint32_t crc32(std::string_view text) noexcept {
  static_assert(std::endian::native == std::endian::little);
  std::uint32_t crc = 0xFFFFFFFF;
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, text.data(), 4);
    std::memcpy(&high, text.data() + 4, 4);
    low ^= crc;
    crc = kCrc[7][low & 255] ^ kCrc[6][low >> 8 & 255] ^ kCrc[5][low >> 16 & 255] ^
          kCrc[4][low >> 24] ^ kCrc[3][high & 255] ^ kCrc[2][high >> 8 & 255] ^
          kCrc[1][high >> 16 & 255] ^ kCrc[0][high >> 24];
  }
  for (char c : text) crc = crc >> 8 ^ kCrc[0][(crc ^ static_cast<unsigned char>(c)) & 255];
  return ~crc;
}

}  // namespace keywright
