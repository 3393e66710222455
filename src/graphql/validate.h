// graphql/validate.h - does this document make sense to this schema?
//
//   std::vector<Fault> faults = validate(schema, *document);
//
// All rules of the specification for executable documents. Afterwards the tree knows its fields,
// fragments and types (graphql/ast.h). Words and places are those of graphql-js, which most people
// know, without its guesses at what was meant.
//
// Errors: at most kFaultsMax; after that the rest is not looked at.
// Threading: pure. Cost: about 1 us for a small document.
// Source: GraphQL specification, section 5.
#pragma once

#include <vector>

#include "graphql/ast.h"
#include "graphql/fault.h"
#include "graphql/schema.h"

namespace keywright::graphql {

inline constexpr std::size_t kFaultsMax = 100;

std::vector<Fault> validate(const Schema& schema, const DocumentNode& document);

}  // namespace keywright::graphql
