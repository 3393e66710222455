#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "json/codec.h"
#include "json/problems.h"

namespace keywright::json {
namespace {

const Field kNoRules{};

bool is_blank(std::string_view text) {
  // White space beyond ASCII (Unicode's White_Space), and the zero-width space and joiners.
  constexpr std::array<std::string_view, 12> kWide = {"\u0085", "\u00a0", "\u1680", "\u2028",
                                                      "\u2029", "\u202f", "\u205f", "\u3000",
                                                      "\u200b", "\u200c", "\u200d", "\ufeff"};
  while (!text.empty()) {
    std::size_t length = 0;
    if (static_cast<unsigned char>(text[0]) <= 0x20) length = 1;
    if (text >= "\u2000" && text < "\u200b") length = 3;
    for (const std::string_view wide : kWide) {
      if (text.starts_with(wide)) length = wide.size();
    }
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// What stands in a list beside other names: no line breaks or other control characters, and none
// that turn the direction of what follows (U+202A to U+202E, U+2066 to U+2069).
bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte != 0xc2 && byte != 0xe2) continue;
    const std::string_view rest = text.substr(i);
    if (rest >= "\u0080" && rest < "\u00a0") return true;
    if (rest >= "\u2028" && rest < "\u202f") return true;
    if (rest >= "\u2066" && rest < "\u206a") return true;
  }
  return false;
}

// Which fields a document has given a value, by their place in Type::fields.
class Seen {
 public:
  explicit Seen(const Type& type) : first_(type.fields.data()) {}
  bool has(const Field& field) const { return bits_ >> index(field) & 1; }
  void add(const Field& field) { bits_ |= std::uint64_t{1} << index(field); }

 private:
  std::size_t index(const Field& field) const { return static_cast<std::size_t>(&field - first_); }
  const Field* first_;
  std::uint64_t bits_ = 0;
};
static_assert(describe_detail::kMaximumFields <= 64);

class Decoder {
 public:
  explicit Decoder(DecodeOptions options) : options_(options) {}

  void value(const Type& type, const Field& rules, void* object, const Value& value,
             const Path& path);
  void parameters(const Type& type, void* object, std::span<const Parameter> parameters);
  Result<void> result() const { return problems_.to_result(); }

 private:
  bool checks() const { return options_.form == Form::request; }
  bool refuses_unknown() const {
    return checks() && options_.unknown_fields == UnknownFields::refuse;
  }
  // A path or query field that the body may not carry, or what only the store knows, is unknown.
  bool knows(const Field& field) const {
    if (!checks()) return true;
    return !field.stored_only && (options_.all_places || field.place == Place::body);
  }
  void unexpected(const Type& type, const Field& rules, const Path& path) {
    if (!problems_.full()) problems_.add(path, expectation(type, rules));
  }

  void object(const Type& type, void* object, const Value& value, const Path& path);
  void list(const Type& type, const Field& rules, void* object, const Value& value,
            const Path& path);
  void map(const Type& type, const Field& rules, void* object, const Value& value,
           const Path& path);
  void raw(const Type& type, const Field& rules, Raw& object, const Value& value, const Path& path);
  bool string(const Type& type, const Field& rules, std::string_view text, const Path& path);
  void text(const Type& type, const Field& rules, void* object, std::string_view text,
            const Path& path);
  template <class T>
  void integer(const Type& type, const Field& rules, void* object, std::optional<T> value,
               const Path& path);
  void number(const Type& type, const Field& rules, void* object, std::optional<double> value,
              const Path& path);
  void parameter(const Type& type, const Field& rules, void* object, std::string_view text,
                 const Path& path);
  void parameter_list(const Type& type, const Field& rules, void* object, std::string_view text,
                      const Path& path);
  void missing(const Type& type, const Seen& seen, const Path& path, bool parameters);
  bool count_fits(const Type& type, const Field& rules, std::size_t count, const Path& path);

  DecodeOptions options_;
  Problems problems_;
};

void Decoder::value(const Type& type, const Field& rules, void* object, const Value& value,
                    const Path& path) {
  switch (type.shape) {
    case Shape::boolean:
      if (const auto flag = value.as_bool()) {
        *static_cast<bool*>(object) = *flag;
      } else {
        unexpected(type, rules, path);
      }
      return;
    case Shape::int32:
    case Shape::int64:
    case Shape::uint32: return integer(type, rules, object, value.as_int64(), path);
    case Shape::uint64: return integer(type, rules, object, value.as_uint64(), path);
    case Shape::number: return number(type, rules, object, value.as_double(), path);
    case Shape::string:
    case Shape::secret:
    case Shape::text:
    case Shape::enumeration:
      if (const auto string = value.as_string()) return text(type, rules, object, *string, path);
      return unexpected(type, rules, path);
    case Shape::list: return list(type, rules, object, value, path);
    case Shape::optional:
    case Shape::patch:
      if (!value.is_null()) {
        return this->value(type.element(), rules, type.optional->emplace(object), value, path);
      }
      if (checks() && rules.not_null) return problems_.add(path, "must not be null");
      return type.optional->set_null(object);
    case Shape::map: return map(type, rules, object, value, path);
    case Shape::object: return this->object(type, object, value, path);
    case Shape::raw: return raw(type, rules, *static_cast<Raw*>(object), value, path);
  }
}

void Decoder::object(const Type& type, void* object, const Value& value, const Path& path) {
  if (value.kind() != ValueKind::object) return unexpected(type, kNoRules, path);
  Seen seen(type);
  for (const Member member : value.members()) {
    if (problems_.full()) return;
    const Field* field = type.find(member.key);
    if (field == nullptr || !knows(*field)) {
      if (refuses_unknown()) {
        problems_.add_unknown(path, "field", member.key, type, [&](const Field& candidate) {
          return knows(candidate) && !candidate.read_only;
        });
      }
      continue;
    }
    const Path inner(&path, field->name);
    if (checks() && field->read_only) {
      if (refuses_unknown()) problems_.add(inner, "is read-only");
      continue;
    }
    seen.add(*field);
    this->value(field->type(), *field, field->member(object), member.value, inner);
  }
  if (checks()) missing(type, seen, path, false);
}

void Decoder::missing(const Type& type, const Seen& seen, const Path& path, bool parameters) {
  for (const Field& field : type.fields) {
    const bool expected = parameters ? field.place != Place::body : knows(field);
    if (field.required && expected && !seen.has(field)) {
      problems_.add(Path(&path, field.name), "is required");
    }
  }
}

bool Decoder::count_fits(const Type& type, const Field& rules, std::size_t count,
                         const Path& path) {
  if (!checks() || (count >= rules.min_items && count <= rules.max_items)) return true;
  if (count > kMaximumItems && rules.max_items == kMaximumItems) {
    problems_.add(path, fmt::format("must have at most {} items", kMaximumItems));
  } else {
    unexpected(type, rules, path);
  }
  return false;
}

void Decoder::list(const Type& type, const Field& rules, void* object, const Value& value,
                   const Path& path) {
  if (value.kind() != ValueKind::array) return unexpected(type, rules, path);
  if (!count_fits(type, rules, value.size(), path)) return;
  type.list->clear(object);
  const Type& element = type.element();
  std::size_t index = 0;
  for (const Value item : value.items()) {
    if (problems_.full()) return;
    this->value(element, rules, type.list->append(object), item, Path(&path, index++));
  }
}

void Decoder::map(const Type& type, const Field& rules, void* object, const Value& value,
                  const Path& path) {
  if (value.kind() != ValueKind::object) return unexpected(type, rules, path);
  if (!count_fits(type, rules, value.size(), path)) return;
  type.map->clear(object);
  const Type& element = type.element();
  for (const Member member : value.members()) {
    if (problems_.full()) return;
    this->value(element, rules, type.map->insert(object, member.key), member.value,
                Path(&path, member.key));
  }
}

void Decoder::raw(const Type& type, const Field& rules, Raw& object, const Value& value,
                  const Path& path) {
  if (checks() && rules.object_only && !value.is_null() && value.kind() != ValueKind::object) {
    return unexpected(type, rules, path);
  }
  std::string compact;
  Writer writer(compact);
  value.write(writer);
  if (checks() && compact.size() > rules.max_length) {
    return problems_.add(path,
                         fmt::format("must be at most {} bytes of JSON text", rules.max_length));
  }
  object = Raw::trusted(std::move(compact));
}

bool Decoder::string(const Type& type, const Field& rules, std::string_view text,
                     const Path& path) {
  if (!checks()) return true;
  if (!rules.any_text && text.find('\0') != std::string_view::npos) {
    problems_.add(path, "must not contain the character U+0000");
    return false;
  }
  if (rules.non_blank && is_blank(text)) {
    problems_.add(path, "must not be blank");
    return false;
  }
  if (rules.non_blank && has_control(text)) {
    problems_.add(path, "must be one line, without control characters");
    return false;
  }
  // Counting is needed only where bytes cannot settle it: a character has one to four of them.
  if (text.size() > rules.max_length || text.size() < std::uint64_t{rules.min_length} * 4) {
    const std::size_t length = count_utf8_characters(text);
    if (length > rules.max_length || length < rules.min_length) {
      unexpected(type, rules, path);
      return false;
    }
  }
  return true;
}

void Decoder::text(const Type& type, const Field& rules, void* object, std::string_view text,
                   const Path& path) {
  switch (type.shape) {
    case Shape::string:
      if (string(type, rules, text, path)) *static_cast<std::string*>(object) = text;
      return;
    case Shape::secret:
      if (string(type, rules, text, path)) type.secret->assign(object, text);
      return;
    case Shape::text:
      if (!type.text->parse(text, object)) unexpected(type, rules, path);
      return;
    default: break;
  }
  for (const EnumName& name : type.names) {
    if (name.name == text) return type.enumeration->set(object, name.value);
  }
  unexpected(type, rules, path);
}

template <class T>
void Decoder::integer(const Type& type, const Field& rules, void* object, std::optional<T> value,
                      const Path& path) {
  const auto store = [&]<class Target>(Target* target) {
    bool fits = value && std::in_range<Target>(*value);
    if (fits && checks()) {
      fits = std::cmp_greater_equal(*value, rules.minimum) &&
             (rules.maximum == std::numeric_limits<std::int64_t>::max() ||
              std::cmp_less_equal(*value, rules.maximum));
    }
    if (!fits) return unexpected(type, rules, path);
    *target = static_cast<Target>(*value);
  };
  switch (type.shape) {
    case Shape::int32: return store(static_cast<std::int32_t*>(object));
    case Shape::uint32: return store(static_cast<std::uint32_t*>(object));
    case Shape::uint64: return store(static_cast<std::uint64_t*>(object));
    default: return store(static_cast<std::int64_t*>(object));
  }
}

void Decoder::number(const Type& type, const Field& rules, void* object,
                     std::optional<double> value, const Path& path) {
  bool fits = value && std::isfinite(*value);
  if (fits && checks()) {
    fits = *value >= static_cast<double>(rules.minimum) &&
           *value <= static_cast<double>(rules.maximum);
    if (rules.minimum == std::numeric_limits<std::int64_t>::min() &&
        rules.maximum == std::numeric_limits<std::int64_t>::max()) {
      fits = true;
    }
  }
  if (!fits) return unexpected(type, rules, path);
  *static_cast<double*>(object) = *value;
}

template <class T>
std::optional<T> from_text(std::string_view text) {
  T value{};
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

void Decoder::parameter(const Type& type, const Field& rules, void* object, std::string_view text,
                        const Path& path) {
  switch (type.shape) {
    case Shape::boolean:
      if (text != "true" && text != "false") return unexpected(type, rules, path);
      *static_cast<bool*>(object) = text == "true";
      return;
    case Shape::int32:
    case Shape::int64:
    case Shape::uint32: return integer(type, rules, object, from_text<std::int64_t>(text), path);
    case Shape::uint64: return integer(type, rules, object, from_text<std::uint64_t>(text), path);
    case Shape::number: return number(type, rules, object, from_text<double>(text), path);
    case Shape::string:
    case Shape::secret:
    case Shape::text:
    case Shape::enumeration:
      if (!is_valid_utf8(text)) return problems_.add(path, "must be UTF-8");
      return this->text(type, rules, object, text, path);
    case Shape::list: return parameter_list(type, rules, object, text, path);
    case Shape::optional:
    case Shape::patch:
      return parameter(type.element(), rules, type.optional->emplace(object), text, path);
    case Shape::map:
    case Shape::object:
    case Shape::raw: return problems_.add(path, "cannot be given as a parameter");
  }
}

void Decoder::parameter_list(const Type& type, const Field& rules, void* object,
                             std::string_view text, const Path& path) {
  const std::size_t count =
      text.empty() ? 0 : static_cast<std::size_t>(std::count(text.begin(), text.end(), ',')) + 1;
  if (!count_fits(type, rules, count, path)) return;
  type.list->clear(object);
  for (std::size_t index = 0; index < count && !problems_.full(); ++index) {
    const std::size_t comma = std::min(text.find(','), text.size());
    parameter(type.element(), rules, type.list->append(object), text.substr(0, comma),
              Path(&path, index));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}

void Decoder::parameters(const Type& type, void* object, std::span<const Parameter> parameters) {
  const Path root;
  Seen seen(type);
  for (const Parameter& parameter : parameters) {
    if (problems_.full()) return;
    const Field* field = type.find(parameter.name);
    const bool known = field != nullptr && field->place == parameter.place;
    if (!known && parameter.place == Place::query && refuses_unknown()) {
      problems_.add_unknown(root, "query parameter", parameter.name, type,
                            [](const Field& candidate) { return candidate.place == Place::query; });
    }
    if (!known) continue;
    const Path path(&root, field->name);
    if (seen.has(*field)) {
      problems_.add(path, "is given twice");
      continue;
    }
    seen.add(*field);
    this->parameter(field->type(), *field, field->member(object), parameter.value, path);
  }
  missing(type, seen, root, true);
}

// A request without a body is an empty object.
std::string_view or_empty_object(std::string_view text, const Type& type,
                                 const DecodeOptions& options) {
  const bool absent = text.empty() && type.shape == Shape::object && options.form == Form::request;
  return absent ? "{}" : text;
}

}  // namespace

Result<void> decode(const Type& type, void* object, const Value& value, DecodeOptions options) {
  Decoder decoder(options);
  decoder.value(type, kNoRules, object, value, Path());
  return decoder.result();
}

Result<void> decode(const Type& type, void* object, std::string_view text, DecodeOptions options) {
  KW_TRY(Document document, Document::parse(or_empty_object(text, type, options)));
  return decode(type, object, document.root(), options);
}

Result<void> decode_request(const Type& type, void* object, std::span<const Parameter> parameters,
                            std::string_view body, DecodeOptions options) {
  KW_TRY(Document document, Document::parse(or_empty_object(body, type, options)));
  Decoder decoder(options);
  decoder.parameters(type, object, parameters);
  decoder.value(type, kNoRules, object, document.root(), Path());
  return decoder.result();
}

}  // namespace keywright::json
