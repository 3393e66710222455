// cli/input_values.h - what people write on a command line for one value, as JSON.
//
//   write_value(field, {"90d"}, reading, "--expires-at", writer)     // "2027-02-18T..."
//
// Rules: cli/input_flags.h. Errors: usage, naming `place`. Threading: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input_flags.h"
#include "json/type.h"
#include "json/writer.h"

namespace keywright::cli {

// 45s, 30m, 12h, 7d, 2w; nothing for anything else.
std::optional<std::int64_t> parse_duration_seconds(std::string_view text);

Expected<void> write_value(const json::Field& field, const std::vector<std::string>& values,
                           const Reading& reading, const std::string& place, json::Writer& writer);

// Whether the value is a secret, so that only the name of a file is given: passwords, tokens, and
// headers that the server never shows again.
bool is_from_file(const json::Field& field);

// How help calls the value of a field: "TIME", "ID", "N"; "" for a switch.
std::string value_word(const json::Field& field);

}  // namespace keywright::cli
