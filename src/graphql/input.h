// graphql/input.h - an argument or variable after it was found to fit its type.
//
//   if (const Input* first = field.argument("first")) use(first->integer);
//   const Input& input = *field.argument("input");
//   input.text_of("name");
//
// Threading: plain values. Lifetime: texts and members are the arena's of the request.
#pragma once

#include <cstdint>
#include <string_view>

namespace keywright::graphql {

struct InputMember;

struct Input {
  enum class Kind : unsigned char { null, integer, number, boolean, text, list, object };

  Kind kind = Kind::null;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;                     // also of an integer
  std::string_view text = {};            // of a string, an id or an enum value
  const InputMember* members = nullptr;  // of an object, or the items of a list

  bool is_null() const { return kind == Kind::null; }
  const Input* find(std::string_view name) const;  // null: not given
  // "" if it is not there or null.
  std::string_view text_of(std::string_view name) const;
};

struct InputMember {
  std::string_view name;  // "" in a list
  Input value;
  const InputMember* next = nullptr;
};

inline const Input* Input::find(std::string_view name) const {
  if (kind != Kind::object) return nullptr;
  for (const InputMember* member = members; member != nullptr; member = member->next) {
    if (member->name == name) return &member->value;
  }
  return nullptr;
}

inline std::string_view Input::text_of(std::string_view name) const {
  const Input* found = find(name);
  return found == nullptr ? std::string_view() : found->text;
}

}  // namespace keywright::graphql
