// graphql/parser.h - the text of a document to its tree.
//
//   Arena arena;
//   auto parsed = parse(text, arena);
//   if (!parsed.document) return refuse(*parsed.fault);
//
// Executable documents only: a type definition is a syntax error here, since nothing would be done
// with it. Descriptions of operations, fragments and variables (September 2025) are read over.
//
// Errors: one Fault, "Syntax Error: ...", where the text stopped making sense; also for more than
// `tokens_max` words, or braces and brackets nested deeper than kNestingMax.
// Threading: pure. Lifetime: the tree points into the text and the arena. Cost: one pass.
// Source: GraphQL specification, section 2 and appendix B.
#pragma once

#include <optional>
#include <string_view>

#include "graphql/arena.h"
#include "graphql/ast.h"
#include "graphql/fault.h"

namespace keywright::graphql {

inline constexpr std::size_t kTokensMax = 15'000;
inline constexpr std::size_t kNestingMax = 64;

struct Parsed {
  const DocumentNode* document = nullptr;  // null: see fault
  std::optional<Fault> fault;
};
Parsed parse(std::string_view text, Arena& arena, std::size_t tokens_max = kTokensMax);

// A type such as "[Target!]!" and a constant such as "{first: 10}", for those who write a schema.
const TypeNode* parse_type(std::string_view text, Arena& arena);
const ValueNode* parse_constant(std::string_view text, Arena& arena);

}  // namespace keywright::graphql
