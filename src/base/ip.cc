#include "base/ip.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>

#include <fmt/format.h>

#include "base/text.h"

namespace keywright {
namespace {

constexpr std::size_t kV4Offset = 12;
constexpr int kV4Bits = 96;  // the 16-byte form's bits before an IPv4 address
constexpr std::array<std::uint8_t, kV4Offset> kV4Head = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

std::optional<IpAddress> parse_address(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof buffer || text.find('\0') != text.npos) return {};
  text.copy(buffer, text.size());
  buffer[text.size()] = '\0';
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, buffer, bytes.data()) == 1) return IpAddress(bytes);
  if (inet_pton(AF_INET, buffer, bytes.data()) != 1) return {};
  return IpAddress::from_v4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

std::optional<int> parse_prefix_length(std::string_view text) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return {};
  int value = 0;
  for (char c : text) {
    if (!is_ascii_digit(c)) return {};
    value = value * 10 + (c - '0');
  }
  return value;
}

std::uint8_t byte_mask(int bits, int index) {
  int wanted = std::clamp(bits - 8 * index, 0, 8);
  return static_cast<std::uint8_t>(0xFF00 >> wanted);
}

IpAddress mask(const IpAddress& address, int bits) {
  IpAddress::Bytes16 bytes = address.bytes();
  for (int i = 0; i < 16; ++i) bytes[static_cast<std::size_t>(i)] &= byte_mask(bits, i);
  return IpAddress(bytes);
}

auto refuse_cidr(std::string_view detail) {
  return fail(Code::invalid_argument, "invalid_cidr", detail);
}

}  // namespace

IpAddress IpAddress::from_v4(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                             std::uint8_t d) noexcept {
  return IpAddress(Bytes16{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d});
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  if (auto address = parse_address(text)) return *address;
  return fail(Code::invalid_argument, "invalid_ip_address",
              "Not an IP address of the form 192.0.2.7 or 2001:db8::7.");
}

std::string IpAddress::to_string() const {
  char buffer[INET6_ADDRSTRLEN];
  if (!is_v4()) {
    inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
    return buffer;
  }
  // Each request names its address somewhere; inet_ntop goes through printf.
  char* end = buffer;
  for (auto byte = bytes_.begin() + kV4Offset; byte != bytes_.end(); ++byte) {
    if (end != buffer) *end++ = '.';
    end = std::to_chars(end, buffer + sizeof buffer, static_cast<unsigned>(*byte)).ptr;
  }
  return std::string(buffer, end);
}

bool IpAddress::is_v4() const noexcept {
  return std::memcmp(bytes_.data(), kV4Head.data(), kV4Head.size()) == 0;
}

bool IpAddress::is_unspecified() const noexcept {
  return *this == IpAddress{} || *this == from_v4(0, 0, 0, 0);
}

bool IpAddress::is_loopback() const noexcept {
  if (is_v4()) return bytes_[12] == 127;
  Bytes16 loopback{};
  loopback[15] = 1;
  return bytes_ == loopback;
}

bool IpAddress::is_link_local() const noexcept {
  if (is_v4()) return bytes_[12] == 169 && bytes_[13] == 254;
  return bytes_[0] == 0xFE && (bytes_[1] & 0xC0) == 0x80;
}

bool IpAddress::is_private() const noexcept {
  if (!is_v4()) return (bytes_[0] & 0xFE) == 0xFC;
  std::uint8_t a = bytes_[12];
  std::uint8_t b = bytes_[13];
  return a == 10 || (a == 172 && (b & 0xF0) == 16) || (a == 192 && b == 168) ||
         (a == 100 && (b & 0xC0) == 64);
}

bool IpAddress::is_multicast() const noexcept {
  return is_v4() ? (bytes_[12] & 0xF0) == 0xE0 : bytes_[0] == 0xFF;
}

Result<Cidr> Cidr::parse(std::string_view text) {
  std::size_t slash = text.find('/');
  std::string_view address_text = text.substr(0, slash);
  auto address = parse_address(address_text);
  if (!address) {
    return refuse_cidr("Not a network of the form 192.0.2.0/24 or 2001:db8::/32.");
  }
  if (slash == text.npos) return Cidr(*address, 128);

  bool written_as_v4 = address_text.find(':') == address_text.npos;
  int most = written_as_v4 ? 32 : 128;
  auto length = parse_prefix_length(text.substr(slash + 1));
  if (!length || *length > most) {
    return refuse_cidr(fmt::format("The prefix length must be a number from 0 to {}.", most));
  }
  int bits = written_as_v4 ? *length + kV4Bits : *length;
  Cidr network(mask(*address, bits), bits);
  if (network.network_ != *address) {
    return refuse_cidr(fmt::format("{}/{} names an address inside a network; the network is {}.",
                                   address_text, *length, network.to_string()));
  }
  return network;
}

bool Cidr::contains(const IpAddress& address) const noexcept {
  if (address.is_v4() && bits_ < kV4Bits) return false;
  const auto& left = network_.bytes();
  const auto& right = address.bytes();
  auto whole = static_cast<std::size_t>(bits_ / 8);
  if (std::memcmp(left.data(), right.data(), whole) != 0) return false;
  if (whole == left.size()) return true;
  return ((left[whole] ^ right[whole]) & byte_mask(bits_, static_cast<int>(whole))) == 0;
}

int Cidr::prefix_length() const noexcept {
  return network_.is_v4() && bits_ >= kV4Bits ? bits_ - kV4Bits : bits_;
}

std::string Cidr::to_string() const {
  return fmt::format("{}/{}", network_.to_string(), prefix_length());
}

}  // namespace keywright
