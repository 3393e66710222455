#include "json/schema.h"

#include <algorithm>
#include <limits>
#include <set>

#include "json/document.h"
#include "json/raw.h"

namespace keywright::json {
namespace {

// An enumeration looks the same in every form.
Form normal_form(const Type& type, Form form) {
  return type.shape == Shape::enumeration ? Form::response : form;
}

// The struct or enumeration that `type` holds in the end, if any: std::vector<Limit> holds Limit.
const Type* named_type_in(const Type& type) {
  if (type.shape == Shape::object || type.shape == Shape::enumeration) return &type;
  return type.element != nullptr ? named_type_in(type.element()) : nullptr;
}

bool is_string(Shape shape) {
  return shape == Shape::string || shape == Shape::secret || shape == Shape::text ||
         shape == Shape::enumeration;
}

void write_type_name(std::string_view name, bool nullable, Writer& writer) {
  writer.key("type");
  if (nullable) {
    writer.begin_array().string(name).string("null").end_array();
  } else {
    writer.string(name);
  }
}

void write_length_rules(const Field& rules, Writer& writer) {
  const std::uint32_t least = std::max(rules.min_length, rules.non_blank ? 1u : 0u);
  if (least > 0) writer.key("minLength").unsigned_integer(least);
  if (rules.max_length != std::numeric_limits<std::uint32_t>::max()) {
    writer.key("maxLength").unsigned_integer(rules.max_length);
  }
  if (rules.non_blank) writer.key("pattern").string("\\S");
}

void write_number_rules(const Field& rules, std::int64_t least, Writer& writer) {
  least = std::max(least, rules.minimum);
  if (least != std::numeric_limits<std::int64_t>::min()) writer.key("minimum").integer(least);
  if (rules.maximum != std::numeric_limits<std::int64_t>::max()) {
    writer.key("maximum").integer(rules.maximum);
  }
}

void write_item_rules(const Field& rules, Form form, std::string_view least, std::string_view most,
                      Writer& writer) {
  if (form != Form::request) return;
  if (rules.min_items > 0) writer.key(least).unsigned_integer(rules.min_items);
  writer.key(most).unsigned_integer(rules.max_items);
}

// Examples of anything but a string are written as JSON text in the description.
void write_example(std::string_view example, const Type& type, Writer& writer) {
  const Type* shown = &type;
  while (shown->shape == Shape::optional || shown->shape == Shape::patch) shown = &shown->element();
  if (!is_string(shown->shape)) {
    if (const Result<Raw> raw = Raw::parse(example)) {
      writer.raw(raw->view());
      return;
    }
  }
  writer.string(example);
}

void write_examples(const Field& field, Writer& writer) {
  if (!field.example.empty()) {
    writer.key("examples").begin_array();
    write_example(field.example, field.type(), writer);
    writer.end_array();
  } else if (!field.keywords.empty()) {
    writer.key("examples").begin_array();
    std::string_view rest = field.keywords;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(", "), rest.size());
      writer.string(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 2, rest.size()));
    }
    writer.end_array();
  }
}

void write_names(const Type& type, Writer& writer) {
  writer.key("type").string("string").key("enum").begin_array();
  for (const EnumName& name : type.names) writer.string(name.name);
  writer.end_array();
}

}  // namespace

void SchemaSet::use(const Type& type, Form form) {
  add(type, form);
  name_components();
}

void SchemaSet::add(const Type& type, Form form) {
  const Type* named = named_type_in(type);
  if (named == nullptr) return;
  const Key key(named, normal_form(*named, form));
  if (std::find(used_.begin(), used_.end(), key) != used_.end()) return;
  used_.push_back(key);
  for (const Field& field : named->fields) {
    if (field.is_in(form, all_places_)) add(field.type(), form);
  }
}

void SchemaSet::name_components() {
  names_.clear();
  std::set<std::string> taken;
  for (const Key& key : used_) {
    std::string name(key.first->name);
    const Key response(key.first, Form::response);
    const bool both = key.second == Form::request &&
                      std::find(used_.begin(), used_.end(), response) != used_.end();
    if (both) name += "Input";
    std::string unique = name;
    for (int number = 2; !taken.insert(unique).second; ++number) {
      unique = name + std::to_string(number);
    }
    names_.emplace(key, unique);
  }
}

void SchemaSet::write_reference(const Type& type, Form form, Writer& writer) const {
  writer.begin_object();
  write_shape(type, Field{}, form, false, writer);
  writer.end_object();
}

void SchemaSet::write_field(const Field& field, Form form, Writer& writer, bool annotated) const {
  writer.begin_object();
  write_shape(field.type(), field, form, false, writer);
  if (annotated && !field.doc.empty()) writer.key("description").string(field.doc);
  write_examples(field, writer);
  if (annotated && field.deprecated) writer.key("deprecated").boolean(true);
  if (field.read_only) writer.key("readOnly").boolean(true);
  if (field.write_only) writer.key("writeOnly").boolean(true);
  writer.end_object();
}

void SchemaSet::write_shape(const Type& type, const Field& rules, Form form, bool nullable,
                            Writer& writer) const {
  switch (type.shape) {
    case Shape::boolean: return write_type_name("boolean", nullable, writer);
    case Shape::int32:
    case Shape::int64:
    case Shape::uint32:
    case Shape::uint64: {
      const bool is_unsigned = type.shape == Shape::uint32 || type.shape == Shape::uint64;
      const bool is_wide = type.shape == Shape::int64 || type.shape == Shape::uint64;
      write_type_name("integer", nullable, writer);
      writer.key("format").string(is_wide ? (is_unsigned ? "uint64" : "int64")
                                          : (is_unsigned ? "uint32" : "int32"));
      const auto least = is_unsigned ? 0 : std::numeric_limits<std::int64_t>::min();
      return write_number_rules(rules, least, writer);
    }
    case Shape::number:
      write_type_name("number", nullable, writer);
      return write_number_rules(rules, std::numeric_limits<std::int64_t>::min(), writer);
    case Shape::string:
    case Shape::secret:
    case Shape::text: {
      write_type_name("string", nullable, writer);
      std::string_view format = rules.format;
      if (type.shape == Shape::text && format.empty()) format = type.text->format;
      if (rules.secret || type.shape == Shape::secret) format = "password";
      if (!format.empty()) writer.key("format").string(format);
      return write_length_rules(rules, writer);
    }
    case Shape::optional:
    case Shape::patch:
      nullable = !(form == Form::request && rules.not_null);
      return write_shape(type.element(), rules, form, nullable, writer);
    case Shape::list:
      write_type_name("array", nullable, writer);
      writer.key("items").begin_object();
      write_shape(type.element(), rules, form, false, writer);
      writer.end_object();
      return write_item_rules(rules, form, "minItems", "maxItems", writer);
    case Shape::map:
      write_type_name("object", nullable, writer);
      writer.key("additionalProperties").begin_object();
      write_shape(type.element(), rules, form, false, writer);
      writer.end_object();
      return write_item_rules(rules, form, "minProperties", "maxProperties", writer);
    case Shape::raw:
      if (rules.object_only) write_type_name("object", true, writer);
      return;
    case Shape::object:
    case Shape::enumeration: break;
  }
  const auto found = names_.find(Key(&type, normal_form(type, form)));
  const std::string name = found == names_.end() ? std::string(type.name) : found->second;
  if (nullable) writer.key("anyOf").begin_array().begin_object();
  writer.key("$ref").string(reference_prefix_ + name);
  if (!nullable) return;
  writer.end_object().begin_object().key("type").string("null").end_object().end_array();
}

void SchemaSet::write_fields(const Type& type, Form form, Writer& writer) const {
  writer.key("type").string("object").key("properties").begin_object();
  for (const Field& field : type.fields) {
    if (!field.is_in(form, all_places_)) continue;
    writer.key(field.name);
    write_field(field, form, writer);
  }
  writer.end_object();
  const auto is_listed = [&](const Field& field) {
    if (!field.is_in(form, all_places_)) return false;
    return form == Form::request ? field.required : field.type().shape != Shape::patch;
  };
  if (std::any_of(type.fields.begin(), type.fields.end(), is_listed)) {
    writer.key("required").begin_array();
    for (const Field& field : type.fields) {
      if (is_listed(field)) writer.string(field.name);
    }
    writer.end_array();
  }
  if (form == Form::request) writer.key("additionalProperties").boolean(false);
}

void SchemaSet::write_type(const Type& type, Form form, Writer& writer) const {
  writer.begin_object();
  if (type.shape == Shape::enumeration) {
    write_names(type, writer);
  } else if (type.shape == Shape::object) {
    write_fields(type, form, writer);
  } else {
    write_shape(type, Field{}, form, false, writer);
  }
  writer.end_object();
}

void SchemaSet::write_components(Writer& writer) const {
  std::map<std::string_view, Key> by_name;
  for (const auto& [key, name] : names_) by_name.emplace(name, key);
  writer.begin_object();
  for (const auto& [name, key] : by_name) {
    writer.key(name);
    write_type(*key.first, key.second, writer);
  }
  writer.end_object();
}

void write_schema(const Type& type, Writer& writer, SchemaOptions options) {
  SchemaSet schemas("#/$defs/", options.all_places);
  if (type.shape != Shape::object) {
    schemas.use(type, options.form);
  } else {
    for (const Field& field : type.fields) {
      if (field.is_in(options.form, options.all_places)) schemas.use(field.type(), options.form);
    }
  }
  writer.begin_object();
  if (type.shape == Shape::object) {
    schemas.write_fields(type, options.form, writer);
  } else if (type.shape == Shape::enumeration) {
    write_names(type, writer);
    return void(writer.end_object());
  } else {
    schemas.write_shape(type, Field{}, options.form, false, writer);
  }
  if (!schemas.used_.empty()) {
    writer.key("$defs");
    schemas.write_components(writer);
  }
  writer.end_object();
}

}  // namespace keywright::json
