// json/patch.h - a field of a PATCH: left alone, set to null, or given a value.
//
//   struct UpdateKey { Patch<std::string> name; Patch<Time> expires_at; };
//
//   if (input.name.has_value()) key.name = input.name.value();
//   input.expires_at.apply_to(key.expires_at);      // std::optional<Time>: null empties it
//
// In JSON: absent, `null`, or the value. Where null makes no sense the description says `not_null`.
//
// Threading: a plain value. Cost: a std::optional and a flag.
#pragma once

#include <optional>
#include <utility>

namespace keywright::json {

template <class T>
class Patch {
 public:
  Patch() = default;
  Patch(T value) : value_(std::move(value)) {}  // NOLINT: meant to convert
  static Patch null() {
    Patch patch;
    patch.null_ = true;
    return patch;
  }

  bool is_unset() const { return !null_ && !value_; }
  bool is_null() const { return null_; }
  bool has_value() const { return value_.has_value(); }
  const T& value() const { return *value_; }  // only if has_value()

  void set_null() { *this = null(); }
  T& emplace() {
    null_ = false;
    return value_.emplace();
  }

  void apply_to(std::optional<T>& target) const {
    if (null_) target.reset();
    if (value_) target = *value_;  // NOLINT(bugprone-optional-value-conversion): T alone converts
  }
  // For a target that cannot be empty: null makes it T{}.
  void apply_to(T& target) const {
    if (null_) target = T{};
    if (value_) target = *value_;
  }

  bool operator==(const Patch&) const = default;

 private:
  std::optional<T> value_;
  bool null_ = false;
};

}  // namespace keywright::json
