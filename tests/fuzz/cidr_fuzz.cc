// Addresses and networks from outside: reading them never crashes, what was read prints as text
// that reads back the same, and a network contains what it should.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/ip.h"

namespace keywright {
namespace {

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// The long way: bit by bit, in the 16-byte form.
bool contains_bit_by_bit(const Cidr& network, const IpAddress& address) {
  const bool v4 = network.network().is_v4();
  if (v4 != address.is_v4()) return false;
  const int bits = network.prefix_length() + (v4 ? 96 : 0);
  for (int i = 0; i < bits; ++i) {
    const int mask = 0x80 >> (i % 8);
    if ((network.network().bytes()[i / 8] & mask) != (address.bytes()[i / 8] & mask)) return false;
  }
  return true;
}

void address_reads_back(std::string_view text) {
  const Result<IpAddress> address = IpAddress::parse(text);
  const Result<Cidr> alone = Cidr::parse(text);
  if (!address) return;
  const Result<IpAddress> again = IpAddress::parse(address->to_string());
  expect(again && *again == *address, "an address reads back as itself");
  expect(alone && alone->contains(*address), "an address alone is a network of one");
  expect(alone->prefix_length() == (address->is_v4() ? 32 : 128), "of full length");
}

void network_reads_back(std::string_view text) {
  const Result<Cidr> network = Cidr::parse(text);
  if (!network) return;
  const Result<Cidr> again = Cidr::parse(network->to_string());
  expect(again && *again == *network, "a network reads back as itself");
  expect(network->contains(network->network()), "a network contains its first address");
  for (int bit = 0; bit < 128; ++bit) {
    IpAddress::Bytes16 flipped = network->network().bytes();
    flipped[bit / 8] ^= 0x80 >> (bit % 8);
    const IpAddress address(flipped);
    expect(network->contains(address) == contains_bit_by_bit(*network, address),
           "contains() disagrees with the bits");
  }
}

}  // namespace
}  // namespace keywright

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  keywright::address_reads_back(text);
  keywright::network_reads_back(text);
  return 0;
}
