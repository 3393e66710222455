#include "traces/wire.h"

#include <algorithm>
#include <array>

namespace keywright::traces {
namespace {

constexpr std::size_t kVarintBytesMax = 10;
constexpr std::uint64_t kNumberMax = (1u << 29) - 1;

void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

template <class Number>
Number little_endian(std::string_view bytes) {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    value |= static_cast<Number>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace

bool WireReader::fail() {
  failed_ = true;
  rest_ = {};
  return false;
}

bool WireReader::read_varint(std::uint64_t& value) {
  value = 0;
  const std::size_t most = std::min(rest_.size(), kVarintBytesMax);
  for (std::size_t i = 0; i < most; ++i) {
    const auto byte = static_cast<unsigned char>(rest_.data()[i]);
    if (i == kVarintBytesMax - 1 && byte > 1) return fail();  // beyond 64 bits
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte >= 0x80) continue;
    rest_.remove_prefix(i + 1);
    return true;
  }
  return fail();
}

bool WireReader::take(std::size_t size, std::string_view& piece) {
  if (size > rest_.size()) return fail();
  piece = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool WireReader::next() {
  if (failed_ || rest_.empty()) return false;
  if (!read_tag()) return false;
  return type_ == Type::group ? skip_group() : read_value();
}

bool WireReader::read_tag() {
  std::uint64_t tag = 0;
  if (!read_varint(tag)) return false;
  if (tag >> 3 == 0 || tag >> 3 > kNumberMax) return fail();
  number_ = static_cast<std::uint32_t>(tag >> 3);
  type_ = static_cast<Type>(tag & 7);
  return true;
}

bool WireReader::read_value() {
  switch (type_) {
    case Type::varint: return read_varint(value_);
    case Type::fixed64:
      if (!take(sizeof(std::uint64_t), bytes_)) return false;
      value_ = little_endian<std::uint64_t>(bytes_);
      return true;
    case Type::fixed32:
      if (!take(sizeof(std::uint32_t), bytes_)) return false;
      value_ = little_endian<std::uint32_t>(bytes_);
      return true;
    case Type::bytes: {
      std::uint64_t size = 0;
      return read_varint(size) && take(size, bytes_);
    }
    case Type::group:
    case Type::end_of_group: break;
  }
  return fail();
}

// To the end that has the number of its beginning, as those inside of it must have, too.
bool WireReader::skip_group() {
  const std::uint32_t outermost = number_;
  std::array<std::uint32_t, kGroupDepthMax> open{outermost};
  std::size_t depth = 1;
  while (depth > 0) {
    if (rest_.empty()) return fail();
    if (!read_tag()) return false;
    if (type_ == Type::group) {
      if (depth == open.size()) return fail();
      open[depth++] = number_;
    } else if (type_ == Type::end_of_group) {
      if (open[--depth] != number_) return fail();
    } else if (!read_value()) {
      return false;
    }
  }
  number_ = outermost;
  type_ = Type::group;
  return true;
}

bool WireReader::is(Type type) { return !failed_ && (type_ == type || fail()); }

std::string_view WireReader::bytes() { return is(Type::bytes) ? bytes_ : std::string_view(); }
std::uint64_t WireReader::varint() { return is(Type::varint) ? value_ : 0; }
std::uint64_t WireReader::fixed64() { return is(Type::fixed64) ? value_ : 0; }
std::uint32_t WireReader::fixed32() {
  return is(Type::fixed32) ? static_cast<std::uint32_t>(value_) : 0;
}

void append_wire_varint(std::string& out, std::uint32_t number, std::uint64_t value) {
  append_varint(out, std::uint64_t{number} << 3);
  append_varint(out, value);
}

void append_wire_bytes(std::string& out, std::uint32_t number, std::string_view bytes) {
  append_varint(out, std::uint64_t{number} << 3 | 2);
  append_varint(out, bytes.size());
  out.append(bytes);
}

}  // namespace keywright::traces
