#include "api/admission/client_address.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace keywright::admission {
namespace {

bool is_trusted(const IpAddress& address, std::span<const Cidr> proxies) {
  return std::any_of(proxies.begin(), proxies.end(),
                     [&](const Cidr& proxy) { return proxy.contains(address); });
}

// Some proxies add the port: "192.0.2.7:4711", "[2001:db8::7]:4711".
std::optional<IpAddress> parse_hop(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    text = text.substr(1, end - 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  auto address = IpAddress::parse(text);
  return address ? std::optional(*address) : std::nullopt;
}

}  // namespace

IpAddress client_address(const http::Request& request, std::span<const Cidr> trusted_proxies) {
  IpAddress client = request.peer;
  if (trusted_proxies.empty() || !is_trusted(client, trusted_proxies)) return client;
  // Several fields are one list, in the order of the fields.
  for (const http::Field* field = request.headers.end(); field != request.headers.begin();) {
    --field;
    if (!equals_ignoring_case(field->name, "X-Forwarded-For")) continue;
    std::string_view rest = field->value;
    while (true) {
      const auto comma = rest.rfind(',');
      const bool last = comma == std::string_view::npos;
      const auto hop = parse_hop(trim(last ? rest : rest.substr(comma + 1)));
      if (!hop) return client;
      client = *hop;
      if (!is_trusted(client, trusted_proxies)) return client;
      if (last) break;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace keywright::admission
