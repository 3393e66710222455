#include <algorithm>

#include <fmt/format.h>

#include "graphql/validation.h"

namespace keywright::graphql {
namespace {

const TypeNode& named(const TypeNode& node) {
  const TypeNode* type = &node;
  while (type->of != nullptr) type = type->of;
  return *type;
}

const VariableNode* find_variable(const OperationNode& operation, std::string_view name) {
  const VariableNode* found = nullptr;
  for (const VariableNode& variable : operation.variables) {
    if (variable.name.text == name) found = &variable;
  }
  return found;
}

void check_unique(Validation& validation, const OperationNode& operation) {
  std::vector<std::string_view> reported;
  for (const VariableNode& variable : operation.variables) {
    const std::string_view name = variable.name.text;
    if (std::find(reported.begin(), reported.end(), name) != reported.end()) continue;
    std::vector<std::uint32_t> at;
    for (const VariableNode& other : operation.variables) {
      if (other.name.text == name) at.push_back(other.name.at);
    }
    if (at.size() == 1) continue;
    reported.push_back(name);
    validation.report(fmt::format("There can be only one variable named \"${}\".", name),
                      std::move(at));
  }
}

// A variable that may be null fits where null is not allowed if something stands in for it.
bool is_allowed(const VariableNode& variable, const Usage& usage) {
  const Shape given(*variable.type, *variable.resolved);
  Shape expected(*usage.type);
  if (expected.is_non_null() && !given.is_non_null()) {
    const bool stands_in =
        variable.default_value != nullptr && variable.default_value->kind != ValueKind::null;
    if (!stands_in && !usage.has_default) return false;
    expected = expected.of();
  }
  return given.fits(expected);
}

}  // namespace

void check_variable_definitions(Validation& validation, const OperationNode& operation) {
  check_unique(validation, operation);
  Contents constants;  // hold no variables
  for (VariableNode& variable : operation.variables) {
    const TypeNode& node = named(*variable.type);
    variable.resolved = validation.schema.find(node.name);
    if (variable.resolved == nullptr) {
      validation.report(fmt::format("Unknown type \"{}\".", node.name), {node.at});
    } else if (!variable.resolved->is_input()) {
      validation.report(fmt::format("Variable \"${}\" cannot be non-input type \"{}\".",
                                    variable.name.text, to_string(*variable.type)),
                        {variable.type->at});
    }
    if (variable.default_value == nullptr) continue;
    std::optional<Shape> shape;
    if (variable.resolved != nullptr && variable.resolved->is_input()) {
      shape = Shape(*variable.type, *variable.resolved);
    }
    check_value(validation, constants, *variable.default_value, shape, false);
  }
}

void check_variable_usages(Validation& validation, const OperationNode& operation) {
  std::vector<const VariableNode*> used;
  for (const Contents* contents : validation.reached_by(operation)) {
    for (const Usage& usage : contents->usages) {
      const VariableNode* variable = find_variable(operation, usage.node->text);
      if (variable == nullptr) {
        const std::string by = operation.name.text.empty()
                                   ? "."
                                   : fmt::format(" by operation \"{}\".", operation.name.text);
        validation.report(fmt::format("Variable \"${}\" is not defined{}", usage.node->text, by),
                          {usage.node->at, operation.at});
        continue;
      }
      used.push_back(variable);
      if (usage.type == nullptr || variable->resolved == nullptr) continue;
      if (is_allowed(*variable, usage)) continue;
      validation.report(
          fmt::format("Variable \"${}\" of type \"{}\" used in position expecting type \"{}\".",
                      usage.node->text, to_string(*variable->type), usage.type->to_string()),
          {variable->at, usage.node->at});
    }
  }
  for (const VariableNode& variable : operation.variables) {
    const auto same = [&](const VariableNode* each) {
      return each->name.text == variable.name.text;
    };
    if (std::any_of(used.begin(), used.end(), same)) continue;
    const std::string in = operation.name.text.empty()
                               ? "."
                               : fmt::format(" in operation \"{}\".", operation.name.text);
    validation.report(fmt::format("Variable \"${}\" is never used{}", variable.name.text, in),
                      {variable.at});
  }
}

}  // namespace keywright::graphql
