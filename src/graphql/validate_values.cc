#include <algorithm>

#include <fmt/format.h>

#include "graphql/validation.h"

namespace keywright::graphql {
namespace {

void check_leaf(Validation& validation, const ValueNode& value, const Shape& shape) {
  const Type& type = shape.named();
  if (!type.is_leaf()) {
    validation.report(fmt::format("Expected value of type \"{}\", found {}.", shape.to_string(),
                                  to_string(value)),
                      {value.at});
  } else if (auto problem = problem_of_leaf(value, type)) {
    validation.report(std::move(*problem), {value.at});
  }
}

void check_list(Validation& validation, Contents& into, const ValueNode& value,
                std::optional<Shape> shape) {
  std::optional<Shape> item;
  if (shape) {
    const Shape list = shape->nullable();
    if (list.is_list()) {
      item = list.of();
    } else {
      check_leaf(validation, value, list);
    }
  }
  for (const ValueNode& each : value.items) check_value(validation, into, each, item, false);
}

void check_unique_fields(Validation& validation, const ValueNode& object) {
  for (const ObjectFieldNode& field : object.fields) {
    const auto first = std::find_if(
        object.fields.begin(), object.fields.end(),
        [&](const ObjectFieldNode& other) { return other.name.text == field.name.text; });
    if (&*first == &field) continue;
    validation.report(
        fmt::format("There can be only one input field named \"{}\".", field.name.text),
        {first->name.at, field.name.at});
  }
}

void check_object(Validation& validation, Contents& into, const ValueNode& value,
                  std::optional<Shape> shape) {
  check_unique_fields(validation, value);
  const Type* type = nullptr;
  if (shape && shape->named().kind == TypeKind::input_object) {
    type = &shape->named();
  } else if (shape) {
    check_leaf(validation, value, *shape);
  }
  for (const ObjectFieldNode& field : value.fields) {
    const InputField* expected = type == nullptr ? nullptr : type->input_field(field.name.text);
    if (type != nullptr && expected == nullptr) {
      validation.report(
          fmt::format("Field \"{}\" is not defined by type \"{}\".", field.name.text, type->name),
          {field.name.at});
    }
    std::optional<Shape> inner;
    if (expected != nullptr) inner = Shape(*expected->type);
    check_value(validation, into, *field.value, inner,
                expected != nullptr && expected->default_value != nullptr);
  }
  if (type == nullptr) return;
  for (const InputField& expected : type->input_fields) {
    const bool given =
        std::any_of(value.fields.begin(), value.fields.end(),
                    [&](const ObjectFieldNode& field) { return field.name.text == expected.name; });
    if (given || !expected.is_required()) continue;
    validation.report(fmt::format("Field \"{}.{}\" of required type \"{}\" was not provided.",
                                  type->name, expected.name, expected.type->to_string()),
                      {value.at});
  }
}

void check_unique_arguments(Validation& validation, const List<ArgumentNode>& arguments) {
  std::vector<std::string_view> reported;
  for (const ArgumentNode& argument : arguments) {
    const std::string_view name = argument.name.text;
    if (std::find(reported.begin(), reported.end(), name) != reported.end()) continue;
    std::vector<std::uint32_t> at;
    for (const ArgumentNode& other : arguments) {
      if (other.name.text == name) at.push_back(other.name.at);
    }
    if (at.size() == 1) continue;
    reported.push_back(name);
    validation.report(fmt::format("There can be only one argument named \"{}\".", name),
                      std::move(at));
  }
}

}  // namespace

void check_value(Validation& validation, Contents& into, const ValueNode& value,
                 std::optional<Shape> shape, bool has_default) {
  switch (value.kind) {
    case ValueKind::variable:
      into.usages.push_back({&value, shape ? shape->type() : nullptr, has_default});
      return;
    case ValueKind::list: return check_list(validation, into, value, shape);
    case ValueKind::object: return check_object(validation, into, value, shape);
    case ValueKind::null:
      if (shape && shape->is_non_null()) {
        validation.report(
            fmt::format("Expected value of type \"{}\", found null.", shape->to_string()),
            {value.at});
      }
      return;
    default:
      if (shape) check_leaf(validation, value, *shape);
  }
}

void check_arguments(Validation& validation, Contents& into, const List<ArgumentNode>& arguments,
                     const std::vector<InputField>* expected, const std::string& where) {
  if (arguments.size() > 1) check_unique_arguments(validation, arguments);
  for (const ArgumentNode& argument : arguments) {
    const InputField* definition = nullptr;
    if (expected != nullptr) {
      for (const InputField& each : *expected) {
        if (each.name == argument.name.text) definition = &each;
      }
      if (definition == nullptr) {
        validation.report(fmt::format("Unknown argument \"{}\" on {}.", argument.name.text, where),
                          {argument.name.at});
      }
    }
    std::optional<Shape> shape;
    if (definition != nullptr) shape = Shape(*definition->type);
    check_value(validation, into, *argument.value, shape,
                definition != nullptr && definition->default_value != nullptr);
  }
}

bool is_given(const List<ArgumentNode>& arguments, std::string_view name) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const ArgumentNode& given) { return given.name.text == name; });
}

}  // namespace keywright::graphql
