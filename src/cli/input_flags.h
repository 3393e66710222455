// cli/input_flags.h - the described input of an operation as flags, and flags as a request.
//
//   command.flags = input_flags(operation, {"id"});           // `id` is an argument
//   Expected<std::string> body = request_body(operation, given, reader);
//
// A field `expires_at` is `--expires-at`. What a value may be follows from the field's type:
//   text, enumerations    as they are
//   times                 RFC 3339, a date, or a time from now: 90d, 12h, 2w, 30m
//   ..._seconds           a number, or 45s, 30m, 12h, 7d, 2w
//   true or false         a switch; --everyone=false
//   lists                 repeated, or separated by commas
//   {all, ids}            `all`, or ids separated by commas
//   {type, id}            TYPE:ID
//   anything else         JSON, or @FILE with JSON; an open object also key=value, repeated
//   secrets               never a value: --password-file FILE, `-` is standard input
// Where a field may be null, `none` (for times also `never`) says so; of plain text, which may be
// any word, an empty one (--description=).
//
// Errors: usage, naming the flag. Threading: pure, but for files that are read through `Reader`.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cli/api_operation.h"
#include "cli/command.h"
#include "cli/outcome.h"

namespace keywright::cli {

// Reads what @FILE and --...-file name; "-" is standard input.
using FileReader = std::function<Expected<std::string>(const std::string& path)>;

struct Reading {
  FileReader file;
  Time now;
};

// "expires_at" -> "expires-at"; a secret: "password-file"; a path parameter "project_id":
// "project".
std::string flag_name(const json::Field& field);

// One flag for each field of a request; fields named in `without` have none.
std::vector<Flag> input_flags(const ApiOperation& operation,
                              const std::vector<std::string_view>& without);

// The fields of the body that were given; "" if the operation has none.
Expected<std::string> request_body(const ApiOperation& operation, const Invocation& given,
                                   const Reading& reading);

// "?kind=access&include=revoked", or "".
Expected<std::string> request_query(const ApiOperation& operation, const Invocation& given,
                                    const Reading& reading);

// A path with its parameters filled in: the flags of the invocation first, then `arguments` in
// order.
Expected<std::string> request_path(const ApiOperation& operation, const Invocation& given);

// The names of the parameters in a path, in order.
std::vector<std::string_view> path_parameters(std::string_view path);

std::string percent_encoded(std::string_view text);

}  // namespace keywright::cli
