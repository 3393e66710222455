#include <string>

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
         {metadata.find("service.name"), service ? service->find("name") : std::nullopt}) {
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

}  // namespace

Result<RoutingHints> read_hints(const Value& body) {
  RoutingHints hints;
  HintReader reader(hints);
  reader.read(body);
  KW_CHECK_OK(std::move(reader).problems());
  return hints;
}

}  // namespace keywright::domain
