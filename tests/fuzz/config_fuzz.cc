// keywright.toml with anything in it: read or refused with a place, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/config.h"
#include "server/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto options = keywright::server::parse_config_file(text, "keywright.toml");
  if (!options) {
    if (options.error().problems().empty()) std::abort();
    for (const auto& problem : options.error().problems()) {
      if (!problem.field.starts_with("keywright.toml")) std::abort();
    }
    return 0;
  }
  for (const auto& option : *options) {
    if (keywright::server::find_option(option.name) == nullptr) std::abort();
    keywright::server::Config config;
    if (option.values.empty()) continue;
    (void)keywright::server::find_option(option.name)->take(config, option.values);
  }
  return 0;
}
