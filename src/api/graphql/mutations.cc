#include "api/graphql/objects.h"
#include "base/text.h"
#include "json/writer.h"

namespace keywright::graphql_face {
namespace {

using app::KeyView;
using domain::Project;
using domain::Target;
using graphql::Input;
using graphql::Outcome;
using graphql::Resolving;
using graphql::Value;

// {"name":...} for an operation: what is given, under the operation's names.
struct Body {
  std::string text;
  json::Writer writer{text};

  Body() { writer.begin_object(); }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  Body& add(std::string_view name, std::string_view value) {
    writer.key(name).string(value);
    return *this;
  }
  std::string finish() {
    writer.end_object();
    return std::move(text);
  }
};

// Performs the operation; its answer is decoded into a T.
template <class T>
Task<Outcome> change(Visit& visit, std::string operation, Parameters parameters, std::string body) {
  KW_CO_TRY(const std::string answer,
            co_await visit.perform(std::move(operation), std::move(parameters), std::move(body)));
  auto made = std::make_shared<T>();
  KW_CO_TRY(*made, json::decode<T>(answer, {.form = json::Form::response}));
  co_return Outcome(std::shared_ptr<const void>(std::move(made)));
}

// For operations whose answer does not matter: the id that was named.
Task<Outcome> end(Visit& visit, std::string operation, std::string id) {
  Parameters parameters;
  parameters.emplace_back("id", id);
  KW_CO_CHECK_OK(
      co_await visit.perform(std::move(operation), std::move(parameters), std::string()));
  co_return Outcome(std::make_shared<const std::string>(std::move(id)));
}

// The payload is what the operation made.
Value payload(Resolving& field, const Outcome* outcome) {
  if (outcome == nullptr) return Value::waiting();
  if (!*outcome) return refuse(field, outcome->error());
  return Value::object(outcome->value().get());
}

std::string key_of(const Resolving& field) {
  return "change " + std::string(field.response_name());
}

Value create_key(Resolving& field) {
  auto& visit = field.context<Visit>();
  const Input& input = *field.argument("input");
  const std::string kind = to_ascii_lower(input.text_of("kind"));  // "" if null was sent
  Body body;
  body.add("kind", kind.empty() ? "personal" : kind).add("name", input.text_of("name"));
  body.add("expires_at", input.text_of("expiresAt"));
  const std::string text = body.finish();
  return payload(field, field.later(key_of(field), [&visit, text] {
    return change<KeyView>(visit, "keys.create", {}, text);
  }));
}

Value end_object(Resolving& field, const char* operation, std::string_view id_field) {
  auto& visit = field.context<Visit>();
  const std::string id(field.argument("input")->text_of(id_field));
  return payload(field, field.later(key_of(field),
                                    [&visit, operation, id] { return end(visit, operation, id); }));
}

Value revoke_key(Resolving& field) { return end_object(field, "keys.revoke", "personalAPIKeyId"); }
Value delete_target(Resolving& field) { return end_object(field, "targets.delete", "targetId"); }
Value delete_project(Resolving& field) { return end_object(field, "projects.delete", "projectId"); }

Value create_target(Resolving& field) {
  auto& visit = field.context<Visit>();
  const Input& input = *field.argument("input");
  Body body;
  body.add("organization_id", input.text_of("organizationId")).add("name", input.text_of("name"));
  body.add("url", input.text_of("url"));
  const std::string text = body.finish();
  return payload(field, field.later(key_of(field), [&visit, text] {
    return change<Target>(visit, "targets.create", {}, text);
  }));
}

Value create_project(Resolving& field) {
  auto& visit = field.context<Visit>();
  const Input& input = *field.argument("input");
  Body body;
  body.add("organization_id", input.text_of("organizationId")).add("name", input.text_of("name"));
  const std::string text = body.finish();
  return payload(field, field.later(key_of(field), [&visit, text] {
    return change<Project>(visit, "projects.create", {}, text);
  }));
}

template <class T>
Value itself(Resolving& field) {
  return Value::object(&field.parent<T>());
}
Value ended_id(Resolving& field) { return Value::text(field.parent<std::string>()); }

Value made_edge(Resolving& field) {
  const KeyView& key = field.parent<KeyView>();
  const std::string_view cursor = field.keep(key_cursor(key));
  return Value::object(field.arena().make<Edge<KeyView>>(&key, cursor));
}

// The one place that shows a token.
Value made_token(Resolving& field) {
  const KeyView& key = field.parent<KeyView>();
  if (!key.key.has_value()) return Value::null();
  return Value::text(key.key.value().reveal());
}

void add_key_mutations(graphql::SchemaBuilder& builder) {
  builder.input_object("CreatePersonalAPIKeyInput", "The key to make.")
      .input("name", "String!", "Shown to people.")
      .input("expiresAt", "DateTime!", "When it expires; in the future.")
      .input("kind", "PersonalAPIKeyKind", "What it is for.", "PERSONAL");
  builder.object("CreatePersonalAPIKeyPayload", "The key that was made.")
      .field("personalAPIKeyEdge", "PersonalAPIKeyEdge!", "The key.", &made_edge)
      .field("token", "String!", "The secret. It is never shown again.", &made_token);
  builder.input_object("RevokePersonalAPIKeyInput", "The key to revoke.")
      .input("personalAPIKeyId", "ID!", "Id of the key.");
  builder.object("RevokePersonalAPIKeyPayload", "The key that was revoked.")
      .field("personalAPIKeyId", "ID!", "Id of the key.", &ended_id);
}

void add_object_mutations(graphql::SchemaBuilder& builder) {
  builder.input_object("CreateTargetInput", "The target to make.")
      .input("organizationId", "ID!", "Where to make it.")
      .input("name", "String!", "Shown to people.")
      .input("url", "String!", "Address that the target stands for.");
  builder.object("CreateTargetPayload", "The target that was made.")
      .field("target", "Target!", "The target.", &itself<Target>);
  builder.input_object("DeleteTargetInput", "The target to delete.")
      .input("targetId", "ID!", "Id of the target.");
  builder.object("DeleteTargetPayload", "The target that was deleted.")
      .field("targetId", "ID!", "Id it had.", &ended_id);
  builder.input_object("CreateProjectInput", "The project to make.")
      .input("organizationId", "ID!", "Where to make it.")
      .input("name", "String!", "Shown to people.");
  builder.object("CreateProjectPayload", "The project that was made.")
      .field("project", "Project!", "The project.", &itself<Project>);
  builder.input_object("DeleteProjectInput", "The project to delete.")
      .input("projectId", "ID!", "Id of the project.");
  builder.object("DeleteProjectPayload", "The project that was deleted.")
      .field("projectId", "ID!", "Id it had.", &ended_id);
}

}  // namespace

void add_mutations(graphql::SchemaBuilder& builder) {
  auto mutation = builder.object("Mutation", "What can be changed.");
  const auto add = [&](std::string_view name, const std::string& payload,
                       std::string_view description, graphql::Resolver resolve) {
    mutation.field(name, payload + "Payload", description, resolve)
        .argument("input", payload + "Input!", "What to do it with.");
  };
  add("createPersonalAPIKey", "CreatePersonalAPIKey",
      "Makes a key that acts for you. From a session only.", &create_key);
  add("revokePersonalAPIKey", "RevokePersonalAPIKey",
      "Revokes a key for ever, at once. From a session only.", &revoke_key);
  add("createTarget", "CreateTarget", "Makes a target.", &create_target);
  add("deleteTarget", "DeleteTarget", "Deletes a target; its keys end.", &delete_target);
  add("createProject", "CreateProject", "Makes a project.", &create_project);
  add("deleteProject", "DeleteProject", "Deletes a project with its platforms.", &delete_project);
  add_key_mutations(builder);
  add_object_mutations(builder);
}

}  // namespace keywright::graphql_face
