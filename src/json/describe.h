// json/describe.h - says once what a struct looks like in JSON, what its fields mean and allow.
//
//   enum class Role { owner, admin, member };
//   KW_DESCRIBE_ENUM(Role, owner, {admin, "administrator"}, member)   // value, or {value, "name"}
//
//   struct CreateProject {
//     std::optional<OrganizationId> organization_id;
//     std::string name;
//     std::vector<std::string> tags;
//   };
//   KW_DESCRIBE(CreateProject,
//               field<&CreateProject::organization_id>("organization_id", "Where to make it."),
//               field<&CreateProject::name>("name", "Shown to people.", required, non_blank,
//                                           max_length(255), example("Billing")),
//               field<&CreateProject::tags>("tags", "Free words.", max_items(10), max_length(40)))
//
//   struct KeyId {
//     static std::optional<KeyId> parse(std::string_view text);   // or a Result
//     std::string to_string() const;
//   };
//   KW_DESCRIBE_TEXT(KeyId, "", "must be a key id")     // JSON Schema format, what it must be
//
// Each macro stands right after its type, in the same namespace, without a semicolon. Codec and
// schema come from it (json/codec.h, json/schema.h).
//
// Members may be bool, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t, double,
// std::string, Secret<std::string>, Time, Uuid, Id<Tag>, Cidr, IpAddress, Raw, a described enum,
// text type or struct, and std::vector, std::optional, Patch, std::map<std::string, ...> of these.
//
// Attributes, in any order:
//   required            must be in a request
//   not_null            null is refused (optional, Patch)
//   in_path, in_query   carried there instead of in the body
//   read_only           never in a request: refused there
//   write_only          in requests and in the store, never in a response
//   stored_only         in the store only
//   shown               a Secret that a response shows; a Secret must be shown, write_only or
//                       stored_only, or it does not compile
//   secret              format "password" in the schema
//   min_length(n) max_length(n)  characters; in a list, a map or an optional: of each string
//   non_blank           not only white space
//   any_text            U+0000, too: of text that is only compared
//   min_items(n) max_items(n)    of a list or map; at most 10,000 if nothing is said
//   minimum(n) maximum(n)        of numbers
//   object_only         a Raw that is an object (or null)
//   keyword("a, b")     an open set of words: what is known today, others are let through
//   format("uri")       of a string, for the schema only
//   example("text")     shown in the schema; JSON text for anything but strings
//   deprecated
//
// Threading: constants. Cost: constant tables and one function of a few instructions per field.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/ip.h"
#include "base/secret.h"
#include "base/time.h"
#include "base/uuid.h"
#include "json/patch.h"
#include "json/raw.h"
#include "json/type.h"

namespace keywright::json {

// The description of T.
template <class T>
const Type& type_of();

// The wire name of an enumerator; "" for a value outside the description.
template <class E>
std::string_view enum_name(E value);

// The enumerator with this wire name.
template <class E>
std::optional<E> enum_value(std::string_view name);

namespace describe_detail {

template <class T, Shape shape>
struct Plain {
  static constexpr Type type{.shape = shape};
};

// How each supported type is handled; the last resort is kw_describe(), found by the macros' hook.
template <class T>
struct Describer;

template <>
struct Describer<bool> : Plain<bool, Shape::boolean> {};
template <>
struct Describer<std::int32_t> : Plain<std::int32_t, Shape::int32> {};
template <>
struct Describer<std::int64_t> : Plain<std::int64_t, Shape::int64> {};
template <>
struct Describer<std::uint32_t> : Plain<std::uint32_t, Shape::uint32> {};
template <>
struct Describer<std::uint64_t> : Plain<std::uint64_t, Shape::uint64> {};
template <>
struct Describer<double> : Plain<double, Shape::number> {};
template <>
struct Describer<std::string> : Plain<std::string, Shape::string> {};
template <>
struct Describer<Raw> : Plain<Raw, Shape::raw> {};

template <>
struct Describer<Secret<std::string>> {
  static constexpr SecretOperations operations{
      [](const void* object) -> std::string_view {
        return static_cast<const Secret<std::string>*>(object)->reveal();
      },
      [](void* object, std::string_view text) {
        *static_cast<Secret<std::string>*>(object) = Secret<std::string>(std::string(text));
      }};
  static constexpr Type type{.shape = Shape::secret, .secret = &operations};
};

// Anything with to_string() and a static parse() that gives something like a pointer to it.
template <class T>
void append_text(const void* object, std::string& out) {
  out += static_cast<const T*>(object)->to_string();
}
template <class T>
bool parse_text(std::string_view text, void* object) {
  auto parsed = T::parse(text);
  if (parsed) *static_cast<T*>(object) = std::move(*parsed);
  return static_cast<bool>(parsed);
}
void append_time(const void* object, std::string& out);
bool parse_time(std::string_view text, void* object);
void append_uuid(const void* object, std::string& out);

template <>
struct Describer<Time> {
  static constexpr TextOperations operations{
      "date-time", "must be an RFC 3339 time such as \"2026-11-20T22:33:51Z\"", append_time,
      parse_time};
  static constexpr Type type{.shape = Shape::text, .text = &operations};
};
template <>
struct Describer<Uuid> {
  static constexpr TextOperations operations{"uuid", "must be a UUID", append_uuid,
                                             parse_text<Uuid>};
  static constexpr Type type{.shape = Shape::text, .text = &operations};
};
template <class Tag>
struct Describer<Id<Tag>> {
  static constexpr TextOperations operations{
      "uuid", "must be a UUID",
      [](const void* object, std::string& out) {
        append_uuid(&static_cast<const Id<Tag>*>(object)->value, out);
      },
      parse_text<Id<Tag>>};
  static constexpr Type type{.shape = Shape::text, .text = &operations};
};
template <>
struct Describer<Cidr> {
  static constexpr TextOperations operations{
      "", "must be an IP network such as \"192.0.2.0/24\", without bits set after its prefix",
      append_text<Cidr>, parse_text<Cidr>};
  static constexpr Type type{.shape = Shape::text, .text = &operations};
};
template <>
struct Describer<IpAddress> {
  static constexpr TextOperations operations{"", "must be an IP address", append_text<IpAddress>,
                                             parse_text<IpAddress>};
  static constexpr Type type{.shape = Shape::text, .text = &operations};
};

template <class T>
struct Describer<std::vector<T>> {
  static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no elements to point at");
  using List = std::vector<T>;
  static constexpr ListOperations operations{
      [](const void* object) { return static_cast<const List*>(object)->size(); },
      [](const void* object, std::size_t index) -> const void* {
        return &(*static_cast<const List*>(object))[index];
      },
      [](void* object) -> void* { return &static_cast<List*>(object)->emplace_back(); },
      [](void* object) { static_cast<List*>(object)->clear(); }};
  static constexpr Type type{.shape = Shape::list, .element = type_of<T>, .list = &operations};
};

template <class T>
struct Describer<std::optional<T>> {
  using Optional = std::optional<T>;
  static constexpr OptionalOperations operations{
      [](const void* object) -> const void* {
        const auto& optional = *static_cast<const Optional*>(object);
        return optional ? &*optional : nullptr;
      },
      [](const void*) { return false; },
      [](void* object) -> void* { return &static_cast<Optional*>(object)->emplace(); },
      [](void* object) { static_cast<Optional*>(object)->reset(); }};
  static constexpr Type type{
      .shape = Shape::optional, .element = type_of<T>, .optional = &operations};
};

template <class T>
struct Describer<Patch<T>> {
  static constexpr OptionalOperations operations{
      [](const void* object) -> const void* {
        const auto& patch = *static_cast<const Patch<T>*>(object);
        return patch.has_value() ? &patch.value() : nullptr;
      },
      [](const void* object) { return static_cast<const Patch<T>*>(object)->is_unset(); },
      [](void* object) -> void* { return &static_cast<Patch<T>*>(object)->emplace(); },
      [](void* object) { static_cast<Patch<T>*>(object)->set_null(); }};
  static constexpr Type type{.shape = Shape::patch, .element = type_of<T>, .optional = &operations};
};

template <class T, class Compare>
struct Describer<std::map<std::string, T, Compare>> {
  using Map = std::map<std::string, T, Compare>;
  static constexpr MapOperations operations{
      [](const void* object) { return static_cast<const Map*>(object)->size(); },
      [](const void* object, MapOperations::Visitor visitor, void* context) {
        for (const auto& [key, value] : *static_cast<const Map*>(object)) {
          visitor(context, key, &value);
        }
      },
      [](void* object, std::string_view key) -> void* {
        return &(*static_cast<Map*>(object))[std::string(key)];
      },
      [](void* object) { static_cast<Map*>(object)->clear(); }};
  static constexpr Type type{.shape = Shape::map, .element = type_of<T>, .map = &operations};
};

template <class T>
concept BuiltIn = requires { Describer<T>::type; };

template <auto member>
struct MemberField {
  Field field;
};

template <class M>
struct MemberTraits;
template <class C, class T>
struct MemberTraits<T C::*> {
  using Class = C;
  using Value = T;
};

template <class T>
inline constexpr bool is_secret = false;
template <>
inline constexpr bool is_secret<Secret<std::string>> = true;
template <class T>
inline constexpr bool is_secret<std::optional<T>> = is_secret<T>;
template <class T>
inline constexpr bool is_secret<Patch<T>> = is_secret<T>;
template <class T>
inline constexpr bool is_secret<std::vector<T>> = is_secret<T>;
template <class T, class Compare>
inline constexpr bool is_secret<std::map<std::string, T, Compare>> = is_secret<T>;

// Reached only when a description is wrong: the compiler then shows the call, and with it the text.
void wrong_description(const char* why);

constexpr bool is_wire_name(std::string_view name) {
  if (name.empty()) return false;
  for (char c : name) {
    if (c < ' ' || c > '~' || c == '"' || c == '\\') return false;
  }
  return true;
}

template <auto member, class... Attributes>
constexpr MemberField<member> make_field(std::string_view name, std::string_view doc,
                                         const Attributes&... attributes) {
  using Value = typename MemberTraits<decltype(member)>::Value;
  Field field{.name = name, .doc = doc, .type = type_of<Value>};
  (attributes(field), ...);
  if (!is_wire_name(name)) wrong_description("a field name is plain ASCII");
  if (field.read_only && field.required) wrong_description("read_only excludes required");
  if (is_secret<Value> && !field.shown && !field.write_only && !field.stored_only) {
    wrong_description("a Secret is shown, write_only or stored_only");
  }
  field.secret = field.secret || is_secret<Value>;
  return {field};
}

template <class T, auto member>
constexpr Field bind_field(const MemberField<member>& described) {
  static_assert(std::is_base_of_v<typename MemberTraits<decltype(member)>::Class, T>);
  Field field = described.field;
  field.member = [](void* object) -> void* { return &(static_cast<T*>(object)->*member); };
  return field;
}

// More fields than this in one struct do not fit the codec's note of what it has seen.
inline constexpr std::size_t kMaximumFields = 64;

template <class T, auto... members>
constexpr std::array<Field, sizeof...(members)> bind_fields(
    const MemberField<members>&... described) {
  static_assert(sizeof...(members) <= kMaximumFields);
  std::array<Field, sizeof...(members)> fields{bind_field<T>(described)...};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (fields[i].name == fields[j].name) wrong_description("two fields of one name");
    }
  }
  return fields;
}

// "app::CreateKey" -> "CreateKey"
constexpr std::string_view type_name(std::string_view written) {
  const auto colon = written.rfind(':');
  return colon == std::string_view::npos ? written : written.substr(colon + 1);
}

template <class E>
struct EnumEntry {
  constexpr EnumEntry(E enumerator) : value(enumerator) {}  // NOLINT: the macro relies on it
  constexpr EnumEntry(E enumerator, std::string_view wire) : value(enumerator), name(wire) {}
  E value;
  std::string_view name{};
};

// `written` is the macro's argument list: "rest, {mcp_connect, \"mcp-connect\"}, traces".
template <class E, std::size_t n>
constexpr std::array<EnumName, n> enum_names(const EnumEntry<E> (&entries)[n],
                                             std::string_view written) {
  std::array<EnumName, n> names{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < n; ++i) {
    while (written[at] == ' ' || written[at] == ',') ++at;
    const bool braced = written[at] == '{';
    const char end = braced ? '}' : ',';
    const std::size_t start = at;
    while (at < written.size() && written[at] != end) ++at;
    std::string_view name = written.substr(start, at - start);
    if (braced) {
      name = entries[i].name;
      ++at;
    }
    while (name.back() == ' ') name.remove_suffix(1);
    if (!is_wire_name(name)) wrong_description("an enumerator's wire name is plain ASCII");
    names[i] = {name, static_cast<std::int64_t>(entries[i].value)};
  }
  return names;
}

template <class E>
inline constexpr EnumOperations enum_operations{
    [](const void* object) { return static_cast<std::int64_t>(*static_cast<const E*>(object)); },
    [](void* object, std::int64_t value) { *static_cast<E*>(object) = static_cast<E>(value); }};

}  // namespace describe_detail

// The words that KW_DESCRIBE understands.
namespace attributes {

template <auto member, class... Attributes>
constexpr auto field(std::string_view name, std::string_view doc, const Attributes&... attributes) {
  return describe_detail::make_field<member>(name, doc, attributes...);
}

inline constexpr auto required = [](Field& field) { field.required = true; };
inline constexpr auto not_null = [](Field& field) { field.not_null = true; };
inline constexpr auto in_body = [](Field& field) { field.place = Place::body; };
inline constexpr auto in_path = [](Field& field) {
  field.place = Place::path;
  field.required = true;
};
inline constexpr auto in_query = [](Field& field) { field.place = Place::query; };
inline constexpr auto read_only = [](Field& field) { field.read_only = true; };
inline constexpr auto write_only = [](Field& field) { field.write_only = true; };
inline constexpr auto stored_only = [](Field& field) { field.stored_only = true; };
inline constexpr auto shown = [](Field& field) { field.shown = true; };
inline constexpr auto secret = [](Field& field) { field.secret = true; };
inline constexpr auto non_blank = [](Field& field) { field.non_blank = true; };
inline constexpr auto any_text = [](Field& field) { field.any_text = true; };
inline constexpr auto object_only = [](Field& field) { field.object_only = true; };
inline constexpr auto deprecated = [](Field& field) { field.deprecated = true; };
constexpr auto min_length(std::uint32_t n) {
  return [n](Field& field) { field.min_length = n; };
}
constexpr auto max_length(std::uint32_t n) {
  return [n](Field& field) { field.max_length = n; };
}
constexpr auto min_items(std::uint32_t n) {
  return [n](Field& field) { field.min_items = n; };
}
constexpr auto max_items(std::uint32_t n) {
  return [n](Field& field) { field.max_items = n; };
}
constexpr auto minimum(std::int64_t n) {
  return [n](Field& field) { field.minimum = n; };
}
constexpr auto maximum(std::int64_t n) {
  return [n](Field& field) { field.maximum = n; };
}
constexpr auto keyword(std::string_view words) {
  return [words](Field& field) { field.keywords = words; };
}
constexpr auto format(std::string_view name) {
  return [name](Field& field) { field.format = name; };
}
constexpr auto example(std::string_view text) {
  return [text](Field& field) { field.example = text; };
}

}  // namespace attributes

template <class T>
const Type& type_of() {
  if constexpr (describe_detail::BuiltIn<T>) {
    return describe_detail::Describer<T>::type;
  } else {
    return kw_describe(static_cast<const T*>(nullptr));
  }
}

template <class E>
std::string_view enum_name(E value) {
  for (const EnumName& name : type_of<E>().names) {
    if (name.value == static_cast<std::int64_t>(value)) return name.name;
  }
  return {};
}

template <class E>
std::optional<E> enum_value(std::string_view name) {
  for (const EnumName& candidate : type_of<E>().names) {
    if (candidate.name == name) return static_cast<E>(candidate.value);
  }
  return std::nullopt;
}

}  // namespace keywright::json

// Using-declarations, not a using-directive: names of the surrounding namespace must not win.
#define KW_DESCRIBE_WORDS_                                                                  \
  using ::keywright::json::attributes::field, ::keywright::json::attributes::required,      \
      ::keywright::json::attributes::not_null, ::keywright::json::attributes::in_body,      \
      ::keywright::json::attributes::in_path, ::keywright::json::attributes::in_query,      \
      ::keywright::json::attributes::read_only, ::keywright::json::attributes::write_only,  \
      ::keywright::json::attributes::stored_only, ::keywright::json::attributes::shown,     \
      ::keywright::json::attributes::secret, ::keywright::json::attributes::non_blank,      \
      ::keywright::json::attributes::any_text, ::keywright::json::attributes::object_only,  \
      ::keywright::json::attributes::deprecated, ::keywright::json::attributes::min_length, \
      ::keywright::json::attributes::max_length, ::keywright::json::attributes::min_items,  \
      ::keywright::json::attributes::max_items, ::keywright::json::attributes::minimum,     \
      ::keywright::json::attributes::maximum, ::keywright::json::attributes::keyword,       \
      ::keywright::json::attributes::format, ::keywright::json::attributes::example;

#define KW_DESCRIBE(T, ...)                                                      \
  [[maybe_unused]] inline const ::keywright::json::Type& kw_describe(const T*) { \
    KW_DESCRIBE_WORDS_                                                           \
    static constexpr auto kw_fields =                                            \
        ::keywright::json::describe_detail::bind_fields<T>(__VA_ARGS__);         \
    static constexpr ::keywright::json::Type kw_type{                            \
        .shape = ::keywright::json::Shape::object,                               \
        .name = ::keywright::json::describe_detail::type_name(#T),               \
        .fields = kw_fields};                                                    \
    return kw_type;                                                              \
  }

#define KW_DESCRIBE_ENUM(E, ...)                                                       \
  [[maybe_unused]] inline const ::keywright::json::Type& kw_describe(const E*) {       \
    using enum E;                                                                      \
    static constexpr ::keywright::json::describe_detail::EnumEntry<E> kw_entries[] = { \
        __VA_ARGS__};                                                                  \
    static constexpr auto kw_names =                                                   \
        ::keywright::json::describe_detail::enum_names(kw_entries, #__VA_ARGS__);      \
    static constexpr ::keywright::json::Type kw_type{                                  \
        .shape = ::keywright::json::Shape::enumeration,                                \
        .name = ::keywright::json::describe_detail::type_name(#E),                     \
        .names = kw_names,                                                             \
        .enumeration = &::keywright::json::describe_detail::enum_operations<E>};       \
    return kw_type;                                                                    \
  }

#define KW_DESCRIBE_TEXT(T, schema_format, expected_text)                                     \
  [[maybe_unused]] inline const ::keywright::json::Type& kw_describe(const T*) {              \
    static constexpr ::keywright::json::TextOperations kw_operations{                         \
        schema_format, expected_text, ::keywright::json::describe_detail::append_text<T>,     \
        ::keywright::json::describe_detail::parse_text<T>};                                   \
    static constexpr ::keywright::json::Type kw_type{.shape = ::keywright::json::Shape::text, \
                                                     .text = &kw_operations};                 \
    return kw_type;                                                                           \
  }
