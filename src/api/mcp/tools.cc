#include "api/mcp/tools.h"

#include <algorithm>
#include <set>
#include <utility>

#include "json/document.h"
#include "json/schema.h"
#include "json/writer.h"

namespace keywright::api_mcp {
namespace {

using app::Admits;
using app::Operation;
using json::Form;
using json::Shape;
using json::Type;

// Operations whose names do not say which thing they are about.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"whoami.get", "whoami"},
    {"whoami.revoke", "revoke_this_key"},
    {"projects.unrouted", "list_unrouted_traces"},
    {"projects.route_test", "test_route"},
    {"forwarding.dead_letters", "list_dead_letters"},
    {"forwarding.redrive", "redrive_dead_letters"},
    {"audit_events.verify", "verify_audit_events"},
};

bool finds_secret(const Type& type, std::set<const Type*>& seen) {
  if (type.shape == Shape::secret) return true;
  if (type.element != nullptr && finds_secret(type.element(), seen)) return true;
  if (type.shape != Shape::object || !seen.insert(&type).second) return false;
  return std::any_of(type.fields.begin(), type.fields.end(), [&](const json::Field& field) {
    return field.secret || field.write_only || finds_secret(field.type(), seen);
  });
}

bool is_tool(const Operation& operation) {
  const bool for_keys_of_people = operation.admits == Admits::callers ||
                                  operation.admits == Admits::any_key ||
                                  operation.admits == Admits::giving_up;
  return for_keys_of_people && !operation.no_store && !holds_secret(*operation.input) &&
         !holds_secret(*operation.output);
}

std::string singular(std::string_view things) {
  if (things.ends_with("ies")) return std::string(things.substr(0, things.size() - 3)) + "y";
  if (things.ends_with('s')) things.remove_suffix(1);
  return std::string(things);
}

void write_confirm(json::Writer& writer) {
  writer.key(kConfirm).begin_object().key("type").string("boolean");
  writer.key("description")
      .string(
          "true once the person has agreed: this cannot be undone. Not needed where the client "
          "asks the person itself.");
  writer.end_object();
}

// The schema of the input, with one property more where the tool is destructive.
void write_input_schema(const Operation& operation, json::Writer& writer) {
  std::string schema;
  json::Writer plain(schema);
  json::write_schema(*operation.input, plain, {.form = Form::request, .all_places = true});
  const auto document = json::Document::parse(schema);
  if (!operation.destructive || !document) return void(writer.raw(schema));
  bool written = false;
  writer.begin_object();
  for (const json::Member& member : document->root().members()) {
    writer.key(member.key);
    if (member.key != "properties") {
      member.value.write(writer);
      continue;
    }
    writer.begin_object();
    for (const json::Member& property : member.value.members()) {
      writer.key(property.key);
      property.value.write(writer);
    }
    write_confirm(writer);
    writer.end_object();
    written = true;
  }
  if (!written) {
    writer.key("properties").begin_object();
    write_confirm(writer);
    writer.end_object();
  }
  writer.end_object();
}

void write_annotations(const Operation& operation, json::Writer& writer) {
  const bool reads = operation.method == "GET" || operation.unchanging;
  const bool repeatable =
      reads || operation.method == "DELETE" || operation.method == "PATCH" || operation.destructive;
  writer.begin_object().key("title").string(operation.summary);
  writer.key("readOnlyHint").boolean(reads);
  writer.key("destructiveHint").boolean(operation.destructive);
  writer.key("idempotentHint").boolean(repeatable);
  writer.key("openWorldHint").boolean(false).end_object();
}

std::string description_of(const Operation& operation) {
  std::string text(operation.summary);
  if (!text.ends_with('?')) text += '.';
  if (!operation.description.empty()) text.append(" ").append(operation.description);
  if (operation.right != domain::Right::none) {
    text.append(" Needs the right \"").append(domain::name_of(operation.right)).append("\".");
  }
  return text;
}

std::string definition_of(const Operation& operation, std::string_view name) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("name").string(name).key("title").string(operation.summary);
  writer.key("description").string(description_of(operation));
  writer.key("inputSchema");
  write_input_schema(operation, writer);
  writer.key("outputSchema");
  json::write_schema(*operation.output, writer, {.form = Form::response});
  writer.key("annotations");
  write_annotations(operation, writer);
  writer.end_object();
  return out;
}

}  // namespace

bool holds_secret(const Type& type) {
  std::set<const Type*> seen;
  return finds_secret(type, seen);
}

std::string tool_name(std::string_view operation) {
  for (const auto& [known, name] : kNames) {
    if (operation == known) return std::string(name);
  }
  const std::size_t dot = std::min(operation.find('.'), operation.size());
  const std::string_view things = operation.substr(0, dot);
  const std::string_view verb = dot < operation.size() ? operation.substr(dot + 1) : "get";
  const std::string thing = verb == "list" ? std::string(things) : singular(things);
  return std::string(verb) + "_" + thing;
}

Tools::Tools(std::span<const Operation> operations) {
  for (const Operation& operation : operations) {
    if (!is_tool(operation)) continue;
    std::string name = tool_name(operation.name);
    std::string definition = definition_of(operation, name);
    by_name_.emplace(name, tools_.size());
    tools_.push_back({std::move(name), &operation, std::move(definition)});
  }
}

const Tool* Tools::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tools_[found->second];
}

}  // namespace keywright::api_mcp
