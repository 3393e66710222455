// graphql/values.h - do values fit their types, and what do they become?
//
//   check_literal(*argument.value, Shape(*definition.type), faults);     // validation
//   Variables variables = coerce_variables(operation, json, arena, faults);
//   const Input* value = coerce_literal(node, Shape(type), variables, arena);
//
// Rules: an Int has 32 bits; an ID is a string or a whole number; a single value stands for a list
// of one; a field that is not given takes its default. Scalars of our own are strings here: whether
// the string makes sense is asked by who uses it.
//
// Threading: pure. Cost: proportional to the values.
// Source: GraphQL specification, sections 3.5 to 3.12 (input coercion) and 6.1.2.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "graphql/arena.h"
#include "graphql/ast.h"
#include "graphql/fault.h"
#include "graphql/input.h"
#include "graphql/schema.h"
#include "json/document.h"

namespace keywright::graphql {

// A type of the schema, or one that a document declares a variable with ("[[Int]]" need not be a
// type of the schema).
class Shape {
 public:
  explicit Shape(const Type& type) : type_(&type) {}
  Shape(const TypeNode& node, const Type& named) : node_(&node), type_(&named) {}

  bool is_non_null() const {
    return node_ != nullptr ? node_->kind == TypeNodeKind::non_null : type_->is_non_null();
  }
  bool is_list() const {
    return node_ != nullptr ? node_->kind == TypeNodeKind::list : type_->is_list();
  }
  bool is_named() const { return !is_non_null() && !is_list(); }
  Shape of() const { return node_ != nullptr ? Shape(*node_->of, *type_) : Shape(*type_->of); }
  Shape nullable() const { return is_non_null() ? of() : *this; }
  const Type& named() const { return node_ != nullptr ? *type_ : type_->named(); }
  // The schema's type; null for what a document declared.
  const Type* type() const { return node_ == nullptr ? type_ : nullptr; }
  std::string to_string() const;
  // Does every value of this fit `other`?
  bool fits(const Shape& other) const;

 private:
  const TypeNode* node_ = nullptr;
  const Type* type_;
};

std::string to_string(const TypeNode& node);
// A value as it would be written, for messages.
std::string to_string(const ValueNode& value);
// Null, or what is wrong with a literal (no variable) of a scalar or enum.
std::optional<std::string> problem_of_leaf(const ValueNode& value, const Type& type);

// The variables of one request, by name.
struct Variables {
  struct Entry {
    std::string_view name;
    Input value;
  };
  std::vector<Entry> entries;

  const Input* find(std::string_view name) const;  // null: not given
};

// `values`: the JSON object of the request; nullopt: there was none.
Variables coerce_variables(const OperationNode& operation, const std::optional<json::Value>& values,
                           Arena& arena, std::vector<Fault>& faults);

// A literal that was found valid. Null: it is or holds a variable that was not given, or one whose
// null is not allowed there.
const Input* coerce_literal(const ValueNode& value, const Shape& shape, const Variables& variables,
                            Arena& arena);

// For the schema's own default values.
void coerce_defaults(std::deque<Type>& types, std::deque<Directive>& directives,
                     std::deque<Field>& fields, Arena& arena);

}  // namespace keywright::graphql
