// json/codec.h - described structs (json/describe.h) from JSON and into JSON.
//
//   KW_TRY(CreateProject input, decode<CreateProject>(body));   // a request body; "" counts as {}
//   std::string out;
//   encode(project, out);                                       // a response
//
//   encode(key, row, {.form = Form::store});                         // everything, secrets as text
//   KW_TRY(Key key, decode<Key>(row, {.form = Form::store}));
//
//   Parameter parameters[] = {{"id", id, Place::path}, {"limit", "20", Place::query}};
//   ListKeys input;
//   KW_CHECK_OK(decode_request(type_of<ListKeys>(), &input, parameters, body));
//
// The form says which fields a document has:
//   request   in:  read_only is refused, stored_only is unknown, rules (required, ...) hold
//             out: without read_only, stored_only, and optionals that are empty and not required
//   response  in:  any field, no rules; unknown fields are skipped (a newer server sent them)
//             out: without write_only, stored_only; an empty optional is null
//   store     in:  as response: rules may be stricter than when the row was written
//             out: every field; an empty optional is null
// An unset Patch is left out in all of them.
//
// Errors: Code::invalid_argument. "malformed_json" for text that is not JSON (json/document.h);
// "invalid_request" with all problems of the document, each under its path: "scope.ids[2]".
// After an error the object that was decoded into is valid but half filled.
//
// Threading: pure functions.
// Cost: beyond the parsing, well under a microsecond for a small request. The codec walks constant
// tables: a described struct adds no code of its own here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "json/describe.h"
#include "json/document.h"
#include "json/type.h"
#include "json/writer.h"

namespace keywright::json {

// What happens to fields that a request should not have: unknown ones and read_only ones.
enum class UnknownFields : unsigned char { refuse, ignore };

struct DecodeOptions {
  Form form = Form::request;
  UnknownFields unknown_fields = UnknownFields::refuse;
  // Path and query fields are read from the document too: one JSON object carries a whole request.
  bool all_places = false;
};

struct EncodeOptions {
  Form form = Form::response;
  bool all_places = false;  // Form::request: path and query fields are written too
};

Result<void> decode(const Type& type, void* object, const Value& value, DecodeOptions options = {});
Result<void> decode(const Type& type, void* object, std::string_view text,
                    DecodeOptions options = {});

template <class T>
Result<T> decode(std::string_view text, DecodeOptions options = {}) {
  Result<T> object(tl::in_place);
  if (auto done = decode(type_of<T>(), &*object, text, options); !done) {
    return fail(std::move(done).error());
  }
  return object;
}

template <class T>
Result<T> decode(const Value& value, DecodeOptions options = {}) {
  Result<T> object(tl::in_place);
  if (auto done = decode(type_of<T>(), &*object, value, options); !done) {
    return fail(std::move(done).error());
  }
  return object;
}

// A path or query parameter, percent-decoded.
struct Parameter {
  std::string_view name;
  std::string_view value;
  Place place = Place::query;
};

// Parameters (the in_path and in_query fields) and body together, with the problems of both in one
// error. Lists in parameters are separated by commas; a parameter that is not described, or comes
// twice, is a problem.
Result<void> decode_request(const Type& type, void* object, std::span<const Parameter> parameters,
                            std::string_view body, DecodeOptions options = {});

void encode(const Type& type, const void* object, Writer& writer, EncodeOptions options = {});

template <class T>
void encode(const T& object, std::string& out, EncodeOptions options = {}) {
  Writer writer(out);
  encode(type_of<T>(), &object, writer, options);
}

template <class T>
std::string encode(const T& object, EncodeOptions options = {}) {
  std::string out;
  encode(object, out, options);
  return out;
}

}  // namespace keywright::json
