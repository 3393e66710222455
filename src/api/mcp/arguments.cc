#include "api/mcp/arguments.h"

#include "api/mcp/tools.h"
#include "json/writer.h"

namespace keywright::api_mcp {
namespace {

using json::Place;
using json::Value;
using json::ValueKind;

Result<std::string> text_of(std::string_view name, const Value& value) {
  switch (value.kind()) {
    case ValueKind::string: return std::string(*value.as_string());
    case ValueKind::integer:
    case ValueKind::number:
    case ValueKind::boolean: {
      std::string out;
      json::Writer writer(out);
      value.write(writer);
      return out;
    }
    case ValueKind::array: {
      std::string out;
      for (const Value item : value.items()) {
        if (item.kind() == ValueKind::array || item.kind() == ValueKind::object) break;
        KW_TRY(const std::string part, text_of(name, item));
        out.append(out.empty() ? "" : ",").append(part);
      }
      return out;
    }
    case ValueKind::null:
    case ValueKind::object: break;
  }
  return fail(invalid_field(name, "must be a text, a number or a list of texts"));
}

}  // namespace

Result<ToolArguments> read_arguments(const app::Operation& operation,
                                     const std::optional<Value>& arguments) {
  ToolArguments read;
  if (!arguments || arguments->is_null()) return read;
  if (arguments->kind() != ValueKind::object) {
    return fail(invalid_field("arguments", "must be an object"));
  }
  std::string body;
  read.canonical.clear();
  json::Writer writer(body);
  json::Writer canonical(read.canonical);
  writer.begin_object();
  canonical.begin_object();
  bool has_body = false;
  for (const json::Member& member : arguments->members()) {
    if (operation.destructive && member.key == kConfirm) {
      const auto confirmed = member.value.as_bool();
      if (!confirmed) return fail(invalid_field(kConfirm, "must be true or false"));
      read.confirmed = *confirmed;
      continue;
    }
    canonical.key(member.key);
    member.value.write(canonical);
    const json::Field* field = operation.input->find(member.key);
    const bool in_body = field == nullptr || field->place == Place::body;
    if (in_body) {
      writer.key(member.key);
      member.value.write(writer);
      has_body = true;
    } else if (!member.value.is_null()) {
      KW_TRY(std::string text, text_of(member.key, member.value));
      read.values.emplace_back(std::string(member.key), std::move(text));
    }
  }
  writer.end_object();
  canonical.end_object();
  for (const auto& [name, value] : read.values) {
    read.parameters.push_back({name, value, operation.input->find(name)->place});
  }
  if (has_body) read.body = std::move(body);
  return read;
}

}  // namespace keywright::api_mcp
