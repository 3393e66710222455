// app/settings.h - what operations need to know of how the server was started.
//
// Threading: fixed at start, read by every thread. Lifetime: the server's.
#pragma once

#include <string>
#include <vector>

#include "base/ip.h"

namespace keywright::app {

struct Settings {
  std::string public_url;               // "http://127.0.0.1:8080", without a slash at the end
  std::vector<Cidr> allowed_upstreams;  // loopback, private and link-local ones that may be used
  bool demo = false;
  std::string version;
};

}  // namespace keywright::app
