// forwarding/gzip.h - a body as gzip. Of this room only.
//
//   request.body = gzip_of(body);
//   request.headers.emplace_back("Content-Encoding", "gzip");
//
// Threading: pure. Cost: about 10 ns a byte, and 256 KiB while it runs. Source: RFC 1952.
#pragma once

#include <string>
#include <string_view>

namespace keywright::forwarding {

// "" if there is not enough memory.
std::string gzip_of(std::string_view text);

}  // namespace keywright::forwarding
