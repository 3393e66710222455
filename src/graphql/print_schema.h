// graphql/print_schema.h - a schema as text (SDL).
//
//   std::string sdl = print_schema(schema);      // tests/golden/schema.graphql
//
// Types in the order they were described, without what every schema has. The text is what
// printSchema of graphql-js makes of our introspection, up to the order of the types.
//
// Threading: pure.
#pragma once

#include <string>

#include "graphql/schema.h"

namespace keywright::graphql {

std::string print_schema(const Schema& schema);

}  // namespace keywright::graphql
