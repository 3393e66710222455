// json/raw.h - one JSON value of any kind, kept as compact text.
//
//   KW_TRY(Raw metadata, Raw::parse(R"({ "plan": "pro" })"));
//   metadata.view();                 // {"plan":"pro"}
//   Raw{}.view();                    // null
//
// For what people attach and only they understand: metadata, details of an audit event. The text
// went through the strict reader (json/document.h) and can be written into any document as it is.
//
// Errors: those of Document::parse.
// Threading: a plain value. Cost: one string; null takes no heap.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace keywright::json {

class Raw {
 public:
  Raw() = default;

  static Result<Raw> parse(std::string_view text);

  // `compact` is known to be one JSON value without white space: it came from a Writer.
  static Raw trusted(std::string compact) {
    Raw raw;
    if (compact != "null") raw.text_ = std::move(compact);
    return raw;
  }

  std::string_view view() const { return is_null() ? std::string_view("null") : text_; }
  bool is_null() const { return text_.empty(); }
  bool is_object() const { return !text_.empty() && text_.front() == '{'; }
  bool is_array() const { return !text_.empty() && text_.front() == '['; }

  // Same text: {"a":1,"b":2} and {"b":2,"a":1} differ.
  bool operator==(const Raw&) const = default;

 private:
  std::string text_;  // "" is null
};

}  // namespace keywright::json
