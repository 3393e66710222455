// graphql/introspection.h - the part of every schema that tells about the schema.
//
// Used by SchemaBuilder::finish(). The types and fields are those of the specification (September
// 2025), isOneOf and specifiedByURL among them, so that every common tool can read the answer.
//
// Threading: as SchemaBuilder. Source: GraphQL specification, section 4.
#pragma once

#include <deque>

#include "graphql/schema.h"

namespace keywright::graphql {

// __Schema, __Type, __Field, __InputValue, __EnumValue, __Directive and their enums.
void add_introspection(SchemaBuilder& builder);

// __schema and __type, for the root of a query.
void add_introspection_fields(std::deque<Field>& fields);

}  // namespace keywright::graphql
