// graphql/limits.h - how much one request may ask for, found out before anything is executed.
//
//   if (auto fault = check_size(document, limits)) return refuse(*fault);       // before
//   validation if (auto fault = check_cost(operation, variables, limits)) ...      // after it
//
// Every fragment counts wherever it is spread, so that a few lines cannot stand for millions of
// fields. The cost of an operation is the number of values that its answer can have: a field counts
// once for each time that it can appear, and below a page of `first: 100` that is a hundred times.
// Of lists without pages a typical size is taken.
//
// Threading: pure. Cost: one pass over the document, each fragment once.
#pragma once

#include <cstdint>
#include <optional>

#include "graphql/ast.h"
#include "graphql/fault.h"
#include "graphql/schema.h"
#include "graphql/values.h"

namespace keywright::graphql {

struct Limits {
  std::size_t document_bytes = 128 * 1024;
  std::size_t tokens = 15'000;
  std::size_t definitions = 200;
  std::uint64_t depth = 20;      // fields inside fields
  std::uint64_t fields = 2'000;  // selected, fragments included
  std::uint64_t aliases = 50;
  std::uint64_t root_fields = 50;
  std::uint64_t cost = 50'000;
  std::int64_t page = 50;  // of a paged field without `first` and `last`
  std::int64_t page_most = 500;
};

std::optional<Fault> check_size(const DocumentNode& document, const Limits& limits);

// The operation is valid, and its variables fit.
std::uint64_t cost_of(const OperationNode& operation, const Variables& variables,
                      const Limits& limits);
std::optional<Fault> check_cost(const OperationNode& operation, const Variables& variables,
                                const Limits& limits);

}  // namespace keywright::graphql
