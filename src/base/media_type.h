// base/media_type.h - whether a Content-Type says JSON.
//
//   if (!is_json_type(content_type)) refuse(415);
//
// "application/json" in either case, with any parameters but another charset than UTF-8: JSON has
// no other (RFC 8259, 8.1).
//
// Threading: pure. Cost: one pass, no allocation.
#pragma once

#include <string_view>

namespace keywright {

bool is_json_type(std::string_view content_type);

}  // namespace keywright
