#include "graphql/values.h"

#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "graphql/parser.h"
#include "json/writer.h"

namespace keywright::graphql {
namespace {

std::optional<std::int32_t> as_int32(std::string_view digits) {
  std::int32_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

double as_double(std::string_view digits) {
  double number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

Input text_input(std::string_view text) {
  Input input;
  input.kind = Input::Kind::text;
  input.text = text;
  return input;
}

Input integer_input(std::int64_t number) {
  Input input;
  input.kind = Input::Kind::integer;
  input.integer = number;
  input.number = static_cast<double>(number);
  return input;
}

Input number_input(double number) {
  Input input;
  input.kind = Input::Kind::number;
  input.number = number;
  return input;
}

Input boolean_input(bool value) {
  Input input;
  input.kind = Input::Kind::boolean;
  input.boolean = value;
  return input;
}

// A list or an object that grows at its end.
class Members {
 public:
  Members(Input::Kind kind, Arena& arena) : arena_(arena) { input_.kind = kind; }
  void add(std::string_view name, const Input& value) {
    auto* member = arena_.make<InputMember>(name, value, nullptr);
    (last_ == nullptr ? input_.members : last_->next) = member;
    last_ = member;
  }
  const Input& input() const { return input_; }

 private:
  Arena& arena_;
  Input input_;
  InputMember* last_ = nullptr;
};

// A literal of a scalar or enum that was found valid.
Input leaf_input(const ValueNode& value, const Type& type) {
  switch (type.scalar) {
    case Scalar::integer: return integer_input(as_int32(value.text).value_or(0));
    case Scalar::number: return number_input(as_double(value.text));
    case Scalar::boolean: return boolean_input(value.text == "true");
    case Scalar::id:
    case Scalar::string:
    case Scalar::text:
    case Scalar::none: return text_input(value.text);
  }
  return {};
}

class LiteralCoercion {
 public:
  LiteralCoercion(const Variables& variables, Arena& arena)
      : variables_(variables), arena_(arena) {}

  // False: a value is missing that is needed.
  bool read(const ValueNode& value, const Shape& shape, Input& into) {
    if (value.kind == ValueKind::variable) {
      const Input* given = variables_.find(value.text);
      if (given == nullptr || (given->is_null() && shape.is_non_null())) return false;
      into = *given;  // its type was found to fit
      return true;
    }
    if (value.kind == ValueKind::null) {
      into = {};
      return !shape.is_non_null();
    }
    const Shape inner = shape.nullable();
    if (inner.is_list()) return read_list(value, inner.of(), into);
    if (inner.named().kind == TypeKind::input_object) return read_object(value, inner, into);
    into = leaf_input(value, inner.named());
    return true;
  }

 private:
  bool read_list(const ValueNode& value, const Shape& item, Input& into) {
    Members list(Input::Kind::list, arena_);
    if (value.kind != ValueKind::list) {
      Input only;
      if (!read(value, item, only)) return false;
      list.add({}, only);
    }
    for (const ValueNode& node : value.items) {
      Input read_item;
      const bool missing =
          node.kind == ValueKind::variable && variables_.find(node.text) == nullptr;
      if (missing ? item.is_non_null() : !read(node, item, read_item)) return false;
      list.add({}, read_item);
    }
    into = list.input();
    return true;
  }

  bool read_object(const ValueNode& value, const Shape& shape, Input& into) {
    Members object(Input::Kind::object, arena_);
    for (const InputField& field : shape.named().input_fields) {
      const ValueNode* node = nullptr;
      for (const ObjectFieldNode& given : value.fields) {
        if (given.name.text == field.name) node = given.value;
      }
      const bool missing = node == nullptr || (node->kind == ValueKind::variable &&
                                               variables_.find(node->text) == nullptr);
      if (missing) {
        if (field.default_value != nullptr) {
          object.add(field.name, *field.default_value);
        } else if (field.type->is_non_null()) {
          return false;
        }
        continue;
      }
      Input read_field;
      if (!read(*node, Shape(*field.type), read_field)) return false;
      object.add(field.name, read_field);
    }
    into = object.input();
    return true;
  }

  const Variables& variables_;
  Arena& arena_;
};

std::string text_of(const json::Value& value) {
  std::string text;
  json::Writer writer(text);
  value.write(writer);
  constexpr std::size_t kShown = 100;
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return text;
}

// JSON values of variables.
class JsonCoercion {
 public:
  JsonCoercion(const VariableNode& variable, Arena& arena, std::vector<Fault>& faults)
      : variable_(variable), arena_(arena), faults_(faults) {}

  Input read(const json::Value& value, const Shape& shape, const std::string& path) {
    if (value.is_null()) {
      if (shape.is_non_null()) {
        wrong(value, path,
              fmt::format("Expected non-nullable type \"{}\" not to be null.", shape.to_string()));
      }
      return {};
    }
    const Shape inner = shape.nullable();
    if (inner.is_list()) return read_list(value, inner.of(), path);
    if (inner.named().kind == TypeKind::input_object) return read_object(value, inner, path);
    return read_leaf(value, inner.named(), path);
  }

 private:
  void wrong(const json::Value& value, const std::string& path, std::string_view why) {
    if (faults_.size() >= kFaultsMax) return;
    const std::string at =
        path.empty() ? "" : fmt::format(" at \"{}{}\"", variable_.name.text, path);
    faults_.push_back({.message = fmt::format("Variable \"${}\" got invalid value {}{}; {}",
                                              variable_.name.text, text_of(value), at, why),
                       .at = {variable_.at}});
  }

  Input read_list(const json::Value& value, const Shape& item, const std::string& path) {
    Members list(Input::Kind::list, arena_);
    if (value.kind() != json::ValueKind::array) {
      list.add({}, read(value, item, path));
      return list.input();
    }
    std::size_t index = 0;
    for (json::Value each : value.items()) {
      list.add({}, read(each, item, fmt::format("{}[{}]", path, index++)));
    }
    return list.input();
  }

  Input read_object(const json::Value& value, const Shape& shape, const std::string& path) {
    const Type& type = shape.named();
    if (value.kind() != json::ValueKind::object) {
      wrong(value, path, fmt::format("Expected type \"{}\" to be an object.", type.name));
      return {};
    }
    Members object(Input::Kind::object, arena_);
    for (const InputField& field : type.input_fields) {
      const auto given = value.find(field.name);
      if (given) {
        object.add(field.name, read(*given, Shape(*field.type), path + "." + field.name));
      } else if (field.default_value != nullptr) {
        object.add(field.name, *field.default_value);
      } else if (field.type->is_non_null()) {
        wrong(value, path,
              fmt::format("Field \"{}\" of required type \"{}\" was not provided.", field.name,
                          field.type->to_string()));
      }
    }
    for (json::Member member : value.members()) {
      if (type.input_field(member.key) == nullptr) {
        wrong(value, path,
              fmt::format("Field \"{}\" is not defined by type \"{}\".", member.key, type.name));
      }
    }
    return object.input();
  }

  Input read_leaf(const json::Value& value, const Type& type, const std::string& path) {
    const bool is_text = value.kind() == json::ValueKind::string;
    switch (type.scalar) {
      case Scalar::integer: {
        const auto number = value.as_int64();
        if (!number) return refuse(value, path, "Int cannot represent non-integer value");
        constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
        if (*number <= kMost && *number >= -kMost - 1) return integer_input(*number);
        return refuse(value, path, "Int cannot represent non 32-bit signed integer value");
      }
      case Scalar::number:
        if (const auto number = value.as_double()) return number_input(*number);
        return refuse(value, path, "Float cannot represent non numeric value");
      case Scalar::boolean:
        if (const auto boolean = value.as_bool()) return boolean_input(*boolean);
        return refuse(value, path, "Boolean cannot represent a non boolean value");
      case Scalar::id:
        if (const auto number = value.as_int64()) {
          return text_input(arena_.keep(std::to_string(*number)));
        }
        if (is_text) return text_input(arena_.keep(*value.as_string()));
        return refuse(value, path, "ID cannot represent value");
      case Scalar::string:
      case Scalar::text:
        if (is_text) return text_input(arena_.keep(*value.as_string()));
        return refuse(value, path,
                      fmt::format("{} cannot represent a non string value", type.name));
      case Scalar::none: break;
    }
    if (!is_text) {
      return refuse(value, path,
                    fmt::format("Enum \"{}\" cannot represent non-string value", type.name));
    }
    if (type.has_value(*value.as_string())) return text_input(arena_.keep(*value.as_string()));
    wrong(
        value, path,
        fmt::format("Value \"{}\" does not exist in \"{}\" enum.", *value.as_string(), type.name));
    return {};
  }

  Input refuse(const json::Value& value, const std::string& path, std::string_view why) {
    wrong(value, path, fmt::format("{}: {}", why, text_of(value)));
    return {};
  }

  static constexpr std::size_t kFaultsMax = 50;

  const VariableNode& variable_;
  Arena& arena_;
  std::vector<Fault>& faults_;
};

void coerce_default(InputField& input, Arena& arena) {
  if (input.default_text.empty()) return;
  const ValueNode* node = parse_constant(input.default_text, arena);
  if (node == nullptr) return;
  input.default_value = coerce_literal(*node, Shape(*input.type), {}, arena);
}

}  // namespace

std::string to_string(const TypeNode& node) {
  switch (node.kind) {
    case TypeNodeKind::named: return std::string(node.name);
    case TypeNodeKind::list: return "[" + to_string(*node.of) + "]";
    case TypeNodeKind::non_null: return to_string(*node.of) + "!";
  }
  return "";
}

std::string to_string(const ValueNode& value) {
  std::string text;
  switch (value.kind) {
    case ValueKind::variable: return fmt::format("${}", value.text);
    case ValueKind::string: json::append_quoted(text, value.text); return text;
    case ValueKind::list:
      for (const ValueNode& item : value.items) {
        text += (text.empty() ? "" : ", ") + to_string(item);
      }
      return "[" + text + "]";
    case ValueKind::object:
      for (const ObjectFieldNode& field : value.fields) {
        text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", field.name.text,
                            to_string(*field.value));
      }
      return "{ " + text + " }";
    default: return std::string(value.text);
  }
}

std::string Shape::to_string() const {
  return node_ != nullptr ? graphql::to_string(*node_) : type_->to_string();
}

bool Shape::fits(const Shape& other) const {
  if (other.is_non_null()) return is_non_null() && of().fits(other.of());
  if (is_non_null()) return of().fits(other);
  if (other.is_list()) return is_list() && of().fits(other.of());
  return !is_list() && &named() == &other.named();
}

std::optional<std::string> problem_of_leaf(const ValueNode& value, const Type& type) {
  const auto refuse = [&](std::string_view why) {
    return fmt::format("{}: {}", why, to_string(value));
  };
  switch (type.scalar) {
    case Scalar::integer:
      if (value.kind != ValueKind::integer) return refuse("Int cannot represent non-integer value");
      if (as_int32(value.text)) return std::nullopt;
      return refuse("Int cannot represent non 32-bit signed integer value");
    case Scalar::number:
      if (value.kind == ValueKind::integer || value.kind == ValueKind::number) return std::nullopt;
      return refuse("Float cannot represent non numeric value");
    case Scalar::boolean:
      if (value.kind == ValueKind::boolean) return std::nullopt;
      return refuse("Boolean cannot represent a non boolean value");
    case Scalar::id:
      if (value.kind == ValueKind::string || value.kind == ValueKind::integer) return std::nullopt;
      return refuse("ID cannot represent a non-string and non-integer value");
    case Scalar::string:
    case Scalar::text:
      if (value.kind == ValueKind::string) return std::nullopt;
      return refuse(fmt::format("{} cannot represent a non string value", type.name));
    case Scalar::none: break;
  }
  if (value.kind != ValueKind::enumeration) {
    return fmt::format("Enum \"{}\" cannot represent non-enum value: {}.", type.name,
                       to_string(value));
  }
  if (type.has_value(value.text)) return std::nullopt;
  return fmt::format("Value \"{}\" does not exist in \"{}\" enum.", value.text, type.name);
}

const Input* Variables::find(std::string_view name) const {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry.value;
  }
  return nullptr;
}

Variables coerce_variables(const OperationNode& operation, const std::optional<json::Value>& values,
                           Arena& arena, std::vector<Fault>& faults) {
  Variables variables;
  for (const VariableNode& variable : operation.variables) {
    const Shape shape(*variable.type, *variable.resolved);
    const auto given = values ? values->find(variable.name.text) : std::nullopt;
    if (!given && variable.default_value != nullptr) {
      if (const Input* value = coerce_literal(*variable.default_value, shape, {}, arena)) {
        variables.entries.push_back({variable.name.text, *value});
      }
    } else if (!given) {
      if (!shape.is_non_null()) continue;
      faults.push_back(
          {.message = fmt::format("Variable \"${}\" of required type \"{}\" was not provided.",
                                  variable.name.text, shape.to_string()),
           .at = {variable.at}});
    } else if (given->is_null() && shape.is_non_null()) {
      faults.push_back(
          {.message = fmt::format("Variable \"${}\" of non-null type \"{}\" must not be null.",
                                  variable.name.text, shape.to_string()),
           .at = {variable.at}});
    } else {
      JsonCoercion coercion(variable, arena, faults);
      variables.entries.push_back({variable.name.text, coercion.read(*given, shape, "")});
    }
  }
  return variables;
}

const Input* coerce_literal(const ValueNode& value, const Shape& shape, const Variables& variables,
                            Arena& arena) {
  Input input;
  if (!LiteralCoercion(variables, arena).read(value, shape, input)) return nullptr;
  return arena.make<Input>(input);
}

void coerce_defaults(std::deque<Type>& types, std::deque<Directive>& directives,
                     std::deque<Field>& fields, Arena& arena) {
  for (Type& type : types) {
    for (InputField& input : type.input_fields) coerce_default(input, arena);
  }
  for (Type& type : types) {
    for (Field& field : type.fields) {
      for (InputField& argument : field.arguments) coerce_default(argument, arena);
    }
  }
  for (Directive& directive : directives) {
    for (InputField& argument : directive.arguments) coerce_default(argument, arena);
  }
  for (Field& field : fields) {
    for (InputField& argument : field.arguments) coerce_default(argument, arena);
  }
}

}  // namespace keywright::graphql
