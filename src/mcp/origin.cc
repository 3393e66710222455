#include "mcp/origin.h"

#include <string>

#include "base/ip.h"
#include "base/text.h"

namespace keywright::mcp {
namespace {

std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

// The part between "//" and the next slash.
std::string_view authority_of(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string_view::npos) return {};
  url.remove_prefix(begin + 3);
  return url.substr(0, url.find('/'));
}

// Scheme and authority, without the port that the scheme implies.
std::string origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  std::string authority = to_ascii_lower(authority_of(url));
  std::string prefix = to_ascii_lower(url.substr(0, scheme));
  const std::string_view implied = prefix == "https" ? ":443" : ":80";
  if (authority.ends_with(implied)) authority.resize(authority.size() - implied.size());
  return prefix + "://" + authority;
}

}  // namespace

bool is_loopback_authority(std::string_view authority) {
  const std::string_view host = host_of(authority);
  if (equals_ignoring_case(host, "localhost")) return true;
  const auto address = IpAddress::parse(host);
  return address && address->is_loopback();
}

bool host_is_ours(const Visitor& visitor) {
  if (!visitor.from_loopback && !visitor.origin) return true;
  const std::string_view host = host_of(visitor.authority);
  if (IpAddress::parse(host)) return true;  // no name, so nothing that could be made to resolve
  return is_loopback_authority(visitor.authority) ||
         equals_ignoring_case(host, host_of(authority_of(visitor.public_url)));
}

bool origin_is_allowed(const Visitor& visitor) {
  if (!visitor.origin) return true;
  if (visitor.origin_repeated) return false;
  if (origin_of(*visitor.origin) == origin_of(visitor.public_url)) {
    return !origin_of(*visitor.origin).empty();
  }
  const std::string_view authority = authority_of(*visitor.origin);
  if (authority.empty()) return false;  // "null" among others
  if (visitor.from_loopback && is_loopback_authority(authority)) {
    return is_loopback_authority(visitor.authority);
  }
  // A page that we served ourselves, under an address instead of a name.
  return equals_ignoring_case(authority, visitor.authority) &&
         IpAddress::parse(host_of(authority)).has_value();
}

}  // namespace keywright::mcp
