// server/config_file.h - keywright.toml, as options with the place each was found at.
//
//   KW_TRY(std::vector<FileOption> options, parse_config_file(text, "keywright.toml"));
//
//   # What we changed                                    comments, empty lines
//   data = "/var/lib/keywright"                          strings: "escaped\u00e9" or 'as it is'
//   listen = ["127.0.0.1:8080", "[::1]:8080"]            lists, over several lines if you like
//   threads = 4                                          whole numbers
//   access_log = true                                    or "on"
//
// The part of TOML 1.0 that flat settings need: no tables, no dotted keys, no strings over several
// lines, no floats and dates. A key may be written with hyphens like its flag. The reader is our
// own because toml++ 3.3 (Debian 12) runs into undefined behaviour on malformed files: `a = é` and
// `[::1]` are enough.
//
// Errors: invalid_argument/invalid_configuration; each problem names file, line and column (in
// characters, from 1). Reading stops at the first mistake of form; mistakes of meaning before it
// are reported too. Threading: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keywright::server {

struct FileOption {
  std::string name;  // of serve_options()
  std::vector<std::string> values;
  std::string place;  // "keywright.toml:3:11: threads"
};

Result<std::vector<FileOption>> parse_config_file(std::string_view text, std::string_view name);

}  // namespace keywright::server
