// console/assets.h - the files in the binary.
//
//   for (const Asset& asset : all_assets()) serve(asset.path, asset.plain);
//
// tools/build_console.py compresses each file and writes the table; all forms are in the binary, so
// nothing is compressed or unpacked at run time.
//
// Threading: constants. Lifetime: of the program.
#pragma once

#include <span>
#include <string_view>

namespace keywright::console {

struct Asset {
  std::string_view path;  // where it is served: "/console/theme.js"
  std::string_view content_type;
  std::string_view plain;
  std::string_view gzip;
  std::string_view brotli;
};

std::span<const Asset> all_assets();

}  // namespace keywright::console
