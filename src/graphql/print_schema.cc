#include "graphql/print_schema.h"

#include <algorithm>

#include <fmt/format.h>

#include "json/writer.h"

namespace keywright::graphql {
namespace {

// Our descriptions are single lines: a long one gets lines of its own.
void print_description(std::string& out, std::string_view text, std::string_view indent) {
  if (text.empty()) return;
  constexpr std::size_t kOneLine = 70;
  const bool own_lines = text.size() > kOneLine || text.back() == '"' || text.back() == '\\';
  if (own_lines) {
    out += fmt::format("{0}\"\"\"\n{0}{1}\n{0}\"\"\"\n", indent, text);
  } else {
    out += fmt::format("{}\"\"\"{}\"\"\"\n", indent, text);
  }
}

void print_input(std::string& out, const InputField& input) {
  out += fmt::format("{}: {}", input.name, input.type->to_string());
  if (!input.default_text.empty()) out += " = " + input.default_text;
}

void print_arguments(std::string& out, const std::vector<InputField>& arguments) {
  if (arguments.empty()) return;
  const auto plain = [](const InputField& argument) { return argument.description.empty(); };
  if (std::all_of(arguments.begin(), arguments.end(), plain)) {
    out += '(';
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if (i != 0) out += ", ";
      print_input(out, arguments[i]);
    }
    out += ')';
    return;
  }
  out += "(\n";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (i != 0 && !arguments[i].description.empty()) out += '\n';
    print_description(out, arguments[i].description, "    ");
    out += "    ";
    print_input(out, arguments[i]);
    out += '\n';
  }
  out += "  )";
}

void begin_member(std::string& out, bool& first, std::string_view description) {
  if (!first && !description.empty()) out += '\n';
  first = false;
  print_description(out, description, "  ");
  out += "  ";
}

void print_fields(std::string& out, const Type& type) {
  bool first = true;
  out += " {\n";
  for (const Field& field : type.fields) {
    begin_member(out, first, field.description);
    out += field.name;
    print_arguments(out, field.arguments);
    out += ": " + field.type->to_string();
    if (!field.deprecation.empty()) {
      out += " @deprecated(reason: ";
      json::append_quoted(out, field.deprecation);
      out += ')';
    }
    out += '\n';
  }
  for (const InputField& field : type.input_fields) {
    begin_member(out, first, field.description);
    print_input(out, field);
    out += '\n';
  }
  for (const EnumValue& value : type.values) {
    begin_member(out, first, value.description);
    out += value.name + "\n";
  }
  out += '}';
}

void print_type(std::string& out, const Type& type) {
  print_description(out, type.description, "");
  switch (type.kind) {
    case TypeKind::scalar:
      out += "scalar " + type.name;
      if (!type.specified_by.empty()) {
        out += " @specifiedBy(url: ";
        json::append_quoted(out, type.specified_by);
        out += ')';
      }
      return;
    case TypeKind::object: out += "type "; break;
    case TypeKind::interface: out += "interface "; break;
    case TypeKind::enumeration: out += "enum "; break;
    case TypeKind::input_object: out += "input "; break;
    case TypeKind::list:
    case TypeKind::non_null: return;
  }
  out += type.name;
  for (std::size_t i = 0; i < type.interface_names.size(); ++i) {
    out += (i == 0 ? " implements " : " & ") + type.interface_names[i];
  }
  print_fields(out, type);
}

}  // namespace

std::string print_schema(const Schema& schema) {
  std::string out;
  for (const Type* type : schema.types()) {
    const bool built_in = type->kind == TypeKind::scalar && type->scalar != Scalar::text;
    if (built_in || type->name.starts_with("__")) continue;
    if (!out.empty()) out += "\n\n";
    print_type(out, *type);
  }
  out += '\n';
  return out;
}

}  // namespace keywright::graphql
