#include <map>
#include <string>

#include "base/text.h"
#include "base/uuid.h"
#include "domain/traces/routing.h"

namespace keywright::domain {
namespace {

using json::Value;
using json::ValueKind;

class HintReader {
 public:
  explicit HintReader(RoutingHints& hints) : hints_(hints) {}

  void read(const Value& body) {
    if (auto id = body.find("platformId")) read_platform_id("platformId", *id);
    for (std::string_view name : {"metadata", "externalMetadata"}) {
      const auto metadata = body.find(name);
      if (!metadata || metadata->is_null()) continue;
      if (metadata->kind() != ValueKind::object) {
        problem(std::string(name), "must be an object");
        continue;
      }
      read_metadata(std::string(name) + ".", *metadata);
    }
  }

  Result<void> problems() && {
    if (!error_) return {};
    return fail(std::move(*error_));
  }

 private:
  void read_metadata(const std::string& at, const Value& metadata) {
    if (auto id = metadata.find("mibo.platform_id")) {
      read_platform_id(at + "mibo.platform_id", *id);
    }
    const auto mibo = metadata.find("mibo");
    if (const auto id = mibo ? mibo->find("platform_id") : std::nullopt) {
      read_platform_id(at + "mibo.platform_id", *id);
    }
    for (std::string_view name : {"chatflowId", "chatflow_id", "agentflowId"}) {
      read_flow_id(at, name, metadata, hints_.chatflow_ids);
    }
    for (std::string_view name : {"workflowId", "workflow_id"}) {
      read_flow_id(at, name, metadata, hints_.workflow_ids);
    }
    // Anybody may have a "service" of his own in there: only what looks like ours counts.
    const auto service = metadata.find("service");
    for (const auto& name :
         {metadata.find("service.name"), service ? service->find("name") : std::nullopt,
          metadata.find("openinference.project.name")}) {
      const auto text = name ? name->as_string() : std::nullopt;
      if (text && !text->empty()) add_hint(hints_.service_names, *text);
    }
  }

  void read_platform_id(const std::string& field, const Value& value) {
    if (value.is_null()) return;
    const auto text = value.as_string();
    if (!text) return problem(field, "must be the id of a platform, a text");
    // A text that is no id at all names no platform, like any unknown id.
    const auto id = Uuid::parse(*text);
    add_hint(hints_.platform_ids, id ? id->to_string() : *text);
  }

  void read_flow_id(const std::string& at, std::string_view name, const Value& metadata,
                    std::vector<std::string>& into) {
    const auto value = metadata.find(name);
    if (!value || value->is_null()) return;
    if (const auto text = value->as_string(); text && !text->empty()) return add_hint(into, *text);
    if (value->kind() == ValueKind::integer) {
      if (const auto number = value->as_int64()) return add_hint(into, std::to_string(*number));
      if (const auto number = value->as_uint64()) return add_hint(into, std::to_string(*number));
    }
    problem(at + std::string(name), "must be a text that is not empty, or a whole number");
  }

  void problem(const std::string& field, std::string_view message) {
    if (!error_) {
      error_ = invalid_field(field, message);
    } else {
      error_ = std::move(*error_).with_problem(field, message);
    }
  }

  RoutingHints& hints_;
  std::optional<Error> error_;
};

// The text or whole number that an OTLP attribute holds; "" for anything else.
std::string text_of(const Value& attribute) {
  const auto value = attribute.find("value");
  if (!value) return {};
  for (std::string_view name : {"stringValue", "intValue"}) {
    const auto found = value->find(name);
    if (!found) continue;
    if (const auto text = found->as_string()) return std::string(*text);
    if (const auto number = found->as_int64()) return std::to_string(*number);
  }
  return {};
}

template <class Each>
void for_each_attribute(const Value& object, Each&& each) {
  const auto attributes = object.find("attributes");
  if (!attributes) return;
  for (const Value attribute : attributes->items()) {
    const auto key = attribute.find("key");
    if (const auto name = key ? key->as_string() : std::nullopt) each(*name, text_of(attribute));
  }
}

// The traces of one resource, by their id.
std::map<std::string, RoutingHints> hints_of_resource(const Value& resource_spans) {
  RoutingHints common;
  if (const auto resource = resource_spans.find("resource")) {
    for_each_attribute(*resource, [&](std::string_view key, const std::string& value) {
      note_attribute(common, key, value);
    });
  }
  std::map<std::string, RoutingHints> traces;
  const auto scopes = resource_spans.find("scopeSpans");
  if (scopes) {
    for (const Value scope : scopes->items()) {
      const auto spans = scope.find("spans");
      if (!spans) continue;
      for (const Value span : spans->items()) {
        const auto id = span.find("traceId");
        const auto text = id ? id->as_string() : std::nullopt;
        RoutingHints& hints =
            traces.try_emplace(to_ascii_lower(text.value_or("")), common).first->second;
        for_each_attribute(span, [&](std::string_view key, const std::string& value) {
          if (names_workflow(key) && !value.empty()) add_hint(hints.workflow_ids, value);
        });
      }
    }
  }
  if (traces.empty()) traces.emplace("", common);
  return traces;
}

}  // namespace

bool names_workflow(std::string_view key) {
  return key == "n8n.workflow.id" || key == "workflowId" || key == "workflow_id";
}

void note_attribute(RoutingHints& hints, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  if (key == "mibo.platform_id") {
    const auto id = Uuid::parse(value);
    return add_hint(hints.platform_ids, id ? id->to_string() : value);
  }
  if (key == "service.name" || key == "openinference.project.name") {
    return add_hint(hints.service_names, value);
  }
  if (names_workflow(key)) return add_hint(hints.workflow_ids, value);
  if (key == "chatflowId" || key == "chatflow_id" || key == "agentflowId") {
    add_hint(hints.chatflow_ids, value);
  }
}

Result<std::vector<RoutingHints>> read_otlp_hints(const Value& body) {
  KW_TRY(const RoutingHints common, read_hints(body));
  std::vector<RoutingHints> all;
  if (const auto resources = body.find("resourceSpans")) {
    for (const Value resource_spans : resources->items()) {
      for (auto& [id, hints] : hints_of_resource(resource_spans)) {
        add_hints(hints, common);
        all.push_back(std::move(hints));
      }
    }
  }
  if (all.empty()) all.push_back(common);
  return all;
}

Result<RoutingHints> read_hints(const Value& body) {
  RoutingHints hints;
  HintReader reader(hints);
  reader.read(body);
  KW_CHECK_OK(std::move(reader).problems());
  return hints;
}

}  // namespace keywright::domain
