// api/targets/body.h - reads the fields of a request body the way this API's clients know it.
//
//   KW_TRY(Body body, Body::read(text));
//   const auto name = body.text("name", {.required = false, .longest = 255});
//   KW_CHECK_OK(body.problems());               // every field that is wrong, at once
//
// Only text is ever asked for; fields that nobody asks for are ignored. Text loses the white space
// at its ends. Problems are in the words of Django REST framework, which clients of such APIs
// compare with.
//
// Errors: invalid_argument `invalid_request`; a body that is no JSON object at all has the problem
// on the field "non_field_errors".
// Threading: one thread. Lifetime: the texts are copies.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/document.h"

namespace keywright::api_targets {

inline constexpr std::string_view kNoField = "non_field_errors";

struct TextRules {
  bool required = false;
  bool may_be_blank = true;
  bool trimmed = true;      // not for passwords
  std::size_t longest = 0;  // in characters; 0: any
};

class Body {
 public:
  static Result<Body> read(std::string_view text);  // "" counts as {}

  // Nothing if the field is not there, or wrong.
  std::optional<std::string> text(std::string_view field, const TextRules& rules);

  Result<void> problems() const;

 private:
  explicit Body(std::optional<json::Document> document) : document_(std::move(document)) {}

  std::optional<json::Document> document_;  // none: the body was empty
  std::vector<FieldProblem> problems_;
};

}  // namespace keywright::api_targets
