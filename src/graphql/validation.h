// graphql/validation.h - what the parts of validate() share. For validate*.cc and overlap.cc only.
//
// One walk over the document (validate.cc) looks at fields, fragments, directives and arguments,
// and notes where variables are used and fragments spread; the rules about whole operations follow
// from the notes.
//
// Threading: one thread, for the length of one validate().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graphql/ast.h"
#include "graphql/fault.h"
#include "graphql/schema.h"
#include "graphql/validate.h"
#include "graphql/values.h"

namespace keywright::graphql {

// One place where a variable stands.
struct Usage {
  const ValueNode* node = nullptr;
  const Type* type = nullptr;  // what is expected there; null: nobody knows
  bool has_default = false;
};

// What an operation or a fragment itself contains.
struct Contents {
  std::vector<Usage> usages;
  std::vector<const FragmentNode*> spreads;  // those that exist, each once
};

class Validation {
 public:
  Validation(const Schema& of_schema, const DocumentNode& of_document)
      : schema(of_schema), document(of_document) {}

  const Schema& schema;
  const DocumentNode& document;
  std::vector<Fault> faults;
  std::map<const void*, Contents> contents;  // by operation or fragment

  void report(std::string message, std::vector<std::uint32_t> at) {
    if (faults.size() < kFaultsMax) {
      faults.push_back({.message = std::move(message), .at = std::move(at)});
    }
  }

  // The operation's own and those of every fragment it reaches.
  std::vector<const Contents*> reached_by(const OperationNode& operation) const;
};

// validate_values.cc. `shape` absent: nobody knows what is expected.
void check_value(Validation& validation, Contents& into, const ValueNode& value,
                 std::optional<Shape> shape, bool has_default);
// `expected` null: of a field or directive that does not exist. `where` ends the message about an
// unknown argument: `field "Query.node"`. What is required and missing is the caller's.
void check_arguments(Validation& validation, Contents& into, const List<ArgumentNode>& arguments,
                     const std::vector<InputField>* expected, const std::string& where);
bool is_given(const List<ArgumentNode>& arguments, std::string_view name);

// validate_variables.cc
void check_variable_definitions(Validation& validation, const OperationNode& operation);
void check_variable_usages(Validation& validation, const OperationNode& operation);

// validate_fragments.cc
void check_unique_names(Validation& validation);
void check_unused_fragments(Validation& validation);
void check_fragment_cycles(Validation& validation);

// overlap.cc
void check_overlaps(Validation& validation);

}  // namespace keywright::graphql
