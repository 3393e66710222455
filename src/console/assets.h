// console/assets.h - the files in the binary.
//
//   for (const Asset& asset : all_assets()) serve(asset.path, asset.content);
//
// The build compresses each file listed in CMakeLists.txt and writes the table (assets.cmake); both
// forms are in the binary, so nothing is compressed or unpacked at run time.
//
// Threading: constants. Lifetime: of the program.
#pragma once

#include <span>
#include <string_view>

namespace keywright::console {

struct Asset {
  std::string_view path;  // where it is served: "/console/console.css"
  std::string_view content_type;
  std::string_view content;
  std::string_view compressed;  // gzip
};

std::span<const Asset> all_assets();

}  // namespace keywright::console
