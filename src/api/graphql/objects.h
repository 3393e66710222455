// api/graphql/objects.h - the parts that the schema is put together from.
//
// Each adds its types, with the fields that answer them, to the builder. make_schema() calls them
// in the order in which the printed schema shows them.
//
// Threading: at start.
#pragma once

#include <memory>

#include "api/graphql/connection.h"
#include "app/key_views.h"
#include "app/user_views.h"
#include "domain/access/objects.h"
#include "graphql/schema.h"

namespace keywright::graphql_face {

KW_READS_LIST(ReadTargets, domain::Target)
KW_READS_LIST(ReadProjects, domain::Project)
KW_READS_LIST(ReadMcpServers, domain::McpServer)
KW_READS_LIST(ReadMembers, app::UserView)
KW_READS_LIST(ReadKeys, app::KeyView)

std::unique_ptr<const graphql::Schema> make_schema();

void add_roots(graphql::SchemaBuilder& builder);
void add_identity(graphql::SchemaBuilder& builder);
void add_organization(graphql::SchemaBuilder& builder);
void add_keys(graphql::SchemaBuilder& builder);
void add_mutations(graphql::SchemaBuilder& builder);

// Pieces that several of them use.
graphql::Value id_value(graphql::Resolving& field, const Uuid& id);
graphql::Value time_value(graphql::Resolving& field, Time time);
graphql::Value time_value(graphql::Resolving& field, const std::optional<Time>& time);
// "idle_timeout" as an enum value: IDLE_TIMEOUT.
graphql::Value enum_value(graphql::Resolving& field, std::string_view word);

// Keys that a person makes for himself: of kind personal, mcp or access.
bool is_personal(const app::KeyView& key);
// A cursor of keys.list that goes on after this key.
std::string key_cursor(const app::KeyView& key);

}  // namespace keywright::graphql_face
