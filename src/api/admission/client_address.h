// api/admission/client_address.h - who is at the other end, behind the proxies we were told to
// trust.
//
//   IpAddress client = client_address(request, trusted_proxies);
//
// Each proxy appends to X-Forwarded-For the address it was called from, so the list is read from
// its right end, and only as far as the one who wrote the entry is trusted: the client is the
// right-most address that is no trusted proxy. What stands to its left is anybody's claim. An entry
// that is no address ends the reading at the proxy that wrote it. If all are trusted, it is the
// left-most.
//
// Threading: pure. Cost: nothing without trusted proxies; otherwise a few hundred ns, no
// allocation.
#pragma once

#include <span>

#include "base/ip.h"
#include "http/message.h"

namespace keywright::admission {

IpAddress client_address(const http::Request& request, std::span<const Cidr> trusted_proxies);

}  // namespace keywright::admission
