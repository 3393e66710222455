// json/type.h - what a description (json/describe.h) comes to at run time: constant tables.
//
//   const Type& type = type_of<CreateProject>();     // json/describe.h
//   for (const Field& field : type.fields) list(field.name, field.doc);
//
// The codec and the schema writer walk these tables; nothing of theirs is compiled per described
// struct. Everyone else reads names, docs and flags from them (the CLI its help, for example).
//
// Threading: constants. Lifetime: of the program. Cost: no dynamic initialisation.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace keywright::json {

struct Field;
struct Type;
using TypeFunction = const Type& (*)();

enum class Shape : unsigned char {
  boolean,
  int32,
  int64,
  uint32,
  uint64,
  number,  // double
  string,  // std::string
  secret,  // Secret<std::string>
  text,    // a value type that is a string in JSON: Time, Uuid, Id<Tag>, Cidr, ...
  enumeration,
  list,      // std::vector
  optional,  // std::optional
  patch,     // Patch
  map,       // std::map<std::string, T>
  object,    // a described struct
  raw,       // Raw
};

// Who reads or writes a document. It decides which fields are in it (json/codec.h).
enum class Form : unsigned char { request, response, store };

// Where a request carries a field.
enum class Place : unsigned char { body, path, query };

struct EnumName {
  std::string_view name;
  std::int64_t value;
};

struct EnumOperations {
  std::int64_t (*get)(const void* object);
  void (*set)(void* object, std::int64_t value);
};

struct TextOperations {
  std::string_view format;    // of JSON Schema: "uuid"; may be empty
  std::string_view expected;  // "must be a UUID"
  void (*append)(const void* object, std::string& out);
  bool (*parse)(std::string_view text, void* object);
};

struct SecretOperations {
  std::string_view (*reveal)(const void* object);
  void (*assign)(void* object, std::string_view text);
};

struct ListOperations {
  std::size_t (*size)(const void* object);
  const void* (*at)(const void* object, std::size_t index);
  void* (*append)(void* object);
  void (*clear)(void* object);
};

// Of std::optional and of Patch.
struct OptionalOperations {
  const void* (*value)(const void* object);  // nullptr: none
  bool (*is_unset)(const void* object);      // Patch: neither null nor a value
  void* (*emplace)(void* object);
  void (*set_null)(void* object);
};

struct MapOperations {
  using Visitor = void (*)(void* context, std::string_view key, const void* value);
  std::size_t (*size)(const void* object);
  void (*visit)(const void* object, Visitor visitor, void* context);  // in the order of the keys
  void* (*insert)(void* object, std::string_view key);
  void (*clear)(void* object);
};

struct Type {
  Shape shape{};
  std::string_view name{};            // object, enumeration: the struct's, for schemas
  std::span<const Field> fields{};    // object
  std::span<const EnumName> names{};  // enumeration, in the order of the description
  TypeFunction element = nullptr;     // list, optional, patch, map: of what
  const EnumOperations* enumeration = nullptr;
  const TextOperations* text = nullptr;
  const SecretOperations* secret = nullptr;
  const ListOperations* list = nullptr;
  const OptionalOperations* optional = nullptr;  // optional, patch
  const MapOperations* map = nullptr;

  const Field* find(std::string_view field) const;
};

// The most items that a list or map of a request has where its description names no number: an
// element may take far more memory than the two bytes of JSON that ask for it.
inline constexpr std::uint32_t kMaximumItems = 10'000;

struct Field {
  std::string_view name{};
  std::string_view doc{};
  TypeFunction type = nullptr;
  void* (*member)(void* object) = nullptr;

  Place place = Place::body;
  bool required = false;
  bool read_only = false;
  bool write_only = false;
  bool stored_only = false;
  bool shown = false;
  bool not_null = false;
  bool non_blank = false;
  bool any_text = false;
  bool object_only = false;
  bool deprecated = false;
  bool secret = false;

  std::uint32_t min_length = 0;  // characters, of the string or of each string in a list
  std::uint32_t max_length = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t min_items = 0;
  std::uint32_t max_items = kMaximumItems;
  std::int64_t minimum = std::numeric_limits<std::int64_t>::min();
  std::int64_t maximum = std::numeric_limits<std::int64_t>::max();

  std::string_view example{};
  std::string_view format{};    // of JSON Schema, for strings
  std::string_view keywords{};  // "gcra, fixed": values known today

  const void* member_of(const void* object) const { return member(const_cast<void*>(object)); }

  // Whether a document of this form carries the field. `all_places`: path and query fields too.
  bool is_in(Form form, bool all_places) const {
    switch (form) {
      case Form::request: return !read_only && !stored_only && (all_places || place == Place::body);
      case Form::response: return !write_only && !stored_only;
      case Form::store: return true;
    }
    return false;
  }
};

inline const Field* Type::find(std::string_view field) const {
  for (const Field& candidate : fields) {
    if (candidate.name == field) return &candidate;
  }
  return nullptr;
}

}  // namespace keywright::json
