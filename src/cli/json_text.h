// cli/json_text.h - answers of the server as JSON for people and scripts.
//
//   pretty(R"({"items":[]})")                            // indented by two spaces
//   select_fields(body, {"id", "name"})                  // of each item of a list, only these
//
// Text that is no JSON comes back as it was.
//
// Threading: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keywright::cli {

std::string pretty(std::string_view json);

// A field that an object does not have is left out.
std::string select_fields(std::string_view json, const std::vector<std::string>& fields);

// An object without one of its fields.
std::string without_field(std::string_view json, std::string_view field);

}  // namespace keywright::cli
