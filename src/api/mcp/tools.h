// api/mcp/tools.h - the tools of Keywright's own MCP server, made from the described operations.
//
//   const Tools tools(app::all_operations());
//   const Tool* tool = tools.find("create_target");
//   writer.raw(tool->definition);                    // for tools/list
//
// An operation is a tool if keys that act for a person may call it and neither what goes in nor
// what comes out holds a secret: a model's context is no place for one. Names are verb and thing:
// "targets.list" is list_targets, "targets.get" is get_target; whoami.revoke is revoke_this_key. An
// operation that is added later is a tool by itself.
//
// Threading: a constant once made. Lifetime: of the program. Cost: made once, at start.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/operation.h"

namespace keywright::api_mcp {

// The argument by which a destructive tool is told that this is meant.
inline constexpr std::string_view kConfirm = "confirm";

struct Tool {
  std::string name;
  const app::Operation* operation = nullptr;
  std::string definition;  // JSON: name, title, description, schemas, annotations
};

class Tools {
 public:
  explicit Tools(std::span<const app::Operation> operations);

  std::span<const Tool> all() const { return tools_; }  // in the order of the reference
  const Tool* find(std::string_view name) const;
  std::size_t index_of(const Tool& tool) const {
    return static_cast<std::size_t>(&tool - tools_.data());
  }

 private:
  std::vector<Tool> tools_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
};

// "list_targets" for "targets.list".
std::string tool_name(std::string_view operation);

// Whether any field of it, at any depth, is a secret, or may be written and never read.
bool holds_secret(const json::Type& type);

}  // namespace keywright::api_mcp
