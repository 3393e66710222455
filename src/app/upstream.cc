#include "app/upstream.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"

namespace keywright::app {
namespace {

constexpr std::size_t kUrlBytesMax = 2048;
constexpr std::size_t kHeadersMax = 32;
constexpr std::size_t kHeaderValueBytesMax = 4096;

constexpr std::string_view kRefusedHeaders[] = {
    "connection", "content-length", "host",    "keep-alive",        "proxy-authorization",
    "te",         "trailer",        "upgrade", "transfer-encoding", "expect",
};

// Ranges that are neither a place on the internet nor covered by the questions of IpAddress.
const std::vector<Cidr>& special_networks() {
  static const std::vector<Cidr> networks = [] {
    std::vector<Cidr> list;
    for (const char* text :
         {"0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
          "203.0.113.0/24", "240.0.0.0/4", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96",
          "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16", "fec0::/10"}) {
      if (auto network = Cidr::parse(text)) list.push_back(*network);
    }
    return list;
  }();
  return networks;
}

tl::unexpected<Error> bad(std::string_view field, std::string_view message) {
  return fail(invalid_field(field, message));
}

bool is_host_character(char c) {
  return is_ascii_alpha(c) || is_ascii_digit(c) || c == '-' || c == '.' || c == '_';
}

// A last label of digits, or one that starts with 0x, makes some parsers see an IPv4 address.
bool looks_numeric(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !last.empty() &&
         (is_ascii_digit(last.front()) &&
          (last.starts_with("0x") || std::all_of(last.begin(), last.end(), is_ascii_digit)));
}

bool is_local_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == "localhost" || host.ends_with(".localhost") || host == "ip6-localhost" ||
         host == "localhost.localdomain";
}

Result<void> check_host(std::string_view field, const std::string& host,
                        std::span<const Cidr> allowed) {
  constexpr std::string_view kPrivate =
      "names an address of the server's own network; an operator can allow it with "
      "--allow-upstream";
  if (const auto address = IpAddress::parse(host)) {
    if (!upstream_address_allowed(*address, allowed)) return bad(field, kPrivate);
    return {};
  }
  const bool valid = !host.empty() && host.size() <= 253 && host.front() != '.' &&
                     host.find("..") == std::string::npos &&
                     std::all_of(host.begin(), host.end(), is_host_character);
  if (!valid || looks_numeric(host)) return bad(field, "must have a host name or an IP address");
  if (is_local_name(host) && !upstream_address_allowed(IpAddress::from_v4(127, 0, 0, 1), allowed)) {
    return bad(field, kPrivate);
  }
  return {};
}

// Splits "host", "host:port", "[v6]:port".
bool split_authority(std::string_view authority, Upstream& upstream) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    upstream.host = authority.substr(1, end - 1);
    if (upstream.host.find(':') == std::string::npos) return false;
    const std::string_view rest = authority.substr(end + 1);
    if (rest.empty()) return true;
    if (rest.front() != ':') return false;
    port = rest.substr(1);
  } else {
    const std::size_t colon = authority.find(':');
    upstream.host = to_ascii_lower(authority.substr(0, colon));
    if (colon == std::string_view::npos) return true;
    port = authority.substr(colon + 1);
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), upstream.port);
  return error == std::errc() && end == port.data() + port.size() && upstream.port != 0;
}

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) ||
           std::string_view("!#$%&'*+-.^`|~").find(c) != std::string_view::npos;
  });
}

Result<void> check_header(const std::string& name, const std::string& value) {
  const std::string field = "headers." + name;
  const std::string lower = to_ascii_lower(name);
  if (!is_token(name) || name.size() > 128) {
    return bad(field, "must be a header name: letters, digits and \"-\"");
  }
  if (std::find(std::begin(kRefusedHeaders), std::end(kRefusedHeaders), lower) !=
          std::end(kRefusedHeaders) ||
      lower.starts_with("x-keywright-")) {
    return bad(field, "belongs to the connection or to Keywright and cannot be set");
  }
  const bool printable = std::all_of(value.begin(), value.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
  if (!printable || value.size() > kHeaderValueBytesMax) {
    return bad(field, "must be text of at most 4096 bytes, without line breaks");
  }
  return {};
}

}  // namespace

bool upstream_address_allowed(const IpAddress& address, std::span<const Cidr> allowed) {
  const auto in = [&](const Cidr& network) { return network.contains(address); };
  if (std::any_of(allowed.begin(), allowed.end(), in)) return true;
  if (address.is_loopback() || address.is_private() || address.is_link_local() ||
      address.is_multicast() || address.is_unspecified()) {
    return false;
  }
  return std::none_of(special_networks().begin(), special_networks().end(), in);
}

Result<Upstream> parse_upstream(std::string_view field, std::string_view url,
                                std::span<const Cidr> allowed) {
  Upstream upstream;
  if (url.size() > kUrlBytesMax) return bad(field, "must have at most 2048 characters");
  const bool clean = std::all_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f &&
           c != '\\';
  });
  if (!clean) return bad(field, "must be a URL without spaces, written in ASCII");
  const std::string lower = to_ascii_lower(url.substr(0, 8));
  if (lower.starts_with("https://")) {
    upstream.secure = true;
    url.remove_prefix(8);
  } else if (lower.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return bad(field, "must begin with http:// or https://");
  }
  if (url.find('#') != std::string_view::npos) return bad(field, "must not have a fragment");
  if (url.find('?') != std::string_view::npos) return bad(field, "must not have a query");
  const std::size_t slash = url.find('/');
  const std::string_view authority = url.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) {
    return bad(field, "must not have a user name or password; use headers for credentials");
  }
  if (!split_authority(authority, upstream)) {
    return bad(field, "must have a host and a port that can be read");
  }
  KW_CHECK_OK(check_host(field, upstream.host, allowed));
  if (upstream.port == 0) upstream.port = upstream.secure ? 443 : 80;
  if (slash != std::string_view::npos) upstream.path = url.substr(slash);
  return upstream;
}

Result<void> check_slug(std::string_view slug) {
  const bool valid = !slug.empty() && slug.size() <= 63 && slug.front() != '-' &&
                     slug.back() != '-' && std::all_of(slug.begin(), slug.end(), [](char c) {
                       return is_ascii_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
                     });
  if (valid) return {};
  return bad(
      "slug",
      "must be 1 to 63 lower-case letters, digits and \"-\", and not begin or end with \"-\"");
}

std::string slug_from(std::string_view name) {
  std::string slug;
  for (char c : name) {
    const char lower = ascii_lower(c);
    if (is_ascii_digit(lower) || (lower >= 'a' && lower <= 'z')) {
      slug += lower;
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
    if (slug.size() == 63) break;
  }
  while (slug.ends_with('-')) slug.pop_back();
  return slug;
}

Result<domain::SealedHeaders> seal_headers(Change& change, std::string_view place,
                                           const std::map<std::string, std::string>& headers) {
  if (headers.size() > kHeadersMax) return bad("headers", "must be at most 32");
  domain::SealedHeaders sealed;
  for (const auto& [name, value] : headers) {
    KW_CHECK_OK(check_header(name, value));
    const std::string lower = to_ascii_lower(name);
    const std::string where = fmt::format("{}/header/{}", place, lower);
    const std::string bytes = change.keyring().sealer().seal(value, where, change.random());
    if (!sealed.emplace(lower, encode_base64url(view_bytes(bytes))).second) {
      return bad("headers." + name, "is there twice");
    }
  }
  return sealed;
}

std::vector<std::string> names_of(const domain::SealedHeaders& headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) names.push_back(name);
  return names;
}

}  // namespace keywright::app
