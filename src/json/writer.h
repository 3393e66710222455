// json/writer.h - appends JSON text to a string.
//
//   std::string out;
//   Writer writer(out);
//   writer.begin_object().key("id").string(id).key("valid").boolean(true);
//   writer.key("limits").begin_array().integer(1).integer(2).end_array().end_object();
//   // {"id":"...","valid":true,"limits":[1,2]}
//
// Commas, quotes and escapes are the writer's; keys in their places and brackets in pairs are the
// caller's. Any bytes may be given to string(): what is not UTF-8 comes out as U+FFFD, so the text
// is always valid JSON. number() writes the shortest text that reads back as the same double; a
// value that JSON cannot say (infinity, NaN) becomes null.
//
// Threading: one thread at a time. Lifetime: `out` must outlive the writer and may be read at any
// point. Cost: a few ns for each value; allocates only as `out` grows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keywright::json {

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }

  Writer& key(std::string_view name);
  Writer& string(std::string_view text);
  Writer& integer(std::int64_t value);
  Writer& unsigned_integer(std::uint64_t value);
  Writer& number(double value);
  Writer& boolean(bool value) { return raw(value ? "true" : "false"); }
  Writer& null() { return raw("null"); }

  // One value that is JSON already.
  Writer& raw(std::string_view json);

  // A string that `append` writes straight into the text. Escaped afterwards if it has to be.
  Writer& text(const void* object, void (*append)(const void* object, std::string& out));

  std::string& out() { return out_; }

 private:
  Writer& open(char bracket) {
    if (comma_) out_.push_back(',');
    out_.push_back(bracket);
    comma_ = false;
    return *this;
  }
  Writer& close(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
    return *this;
  }

  std::string& out_;
  bool comma_ = false;  // something stands before the next key or value
};

// The text as a JSON string, quotes included.
void append_quoted(std::string& out, std::string_view text);

}  // namespace keywright::json
