// json/problems.h - collects what is wrong with a document, field by field. Of this room only.
//
//   Path ids{&path, "ids"};
//   problems.add(Path{&ids, 2}, "must be a UUID");       // "scope.ids[2]"
//
// Threading: one thread. Cost: a Path is three words on the stack; text is made for problems only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/type.h"

namespace keywright::json {

// A place in a document, as a chain up to its root.
struct Path {
  Path() = default;
  Path(const Path* outer, std::string_view key) : parent(outer), name(key) {}
  Path(const Path* outer, std::size_t position) : parent(outer), index(position) {}

  std::string to_string() const;

  const Path* parent = nullptr;
  std::string_view name{};
  std::size_t index = 0;
};

class Problems {
 public:
  // More than these are not worth anyone's time, or ours.
  static constexpr std::size_t kMaximum = 32;

  bool full() const { return list_.size() >= kMaximum; }
  void add(const Path& path, std::string_view message);

  // An unknown name, with the field that was probably meant, out of those `is_candidate` likes.
  template <class Predicate>
  void add_unknown(const Path& path, std::string_view what, std::string_view name, const Type& type,
                   Predicate is_candidate) {
    if (full()) return;
    std::string_view closest;
    std::size_t distance = name.size();
    for (const Field& field : type.fields) {
      if (is_candidate(field)) consider(name, field.name, closest, distance);
    }
    add_unknown_name(path, what, name, closest);
  }

  Result<void> to_result() const;

 private:
  static void consider(std::string_view name, std::string_view candidate, std::string_view& closest,
                       std::size_t& distance);
  void add_unknown_name(const Path& path, std::string_view what, std::string_view name,
                        std::string_view closest);

  std::vector<FieldProblem> list_;
};

// What a value of `type` under `rules` has to be: "must be an integer from 1 to 200".
std::string expectation(const Type& type, const Field& rules);

}  // namespace keywright::json
