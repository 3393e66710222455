// mcp/tool_rules.h - which tools of a server a key may see and call.
//
//   const ToolRules rules(key.policy->permissions);            // nullopt: all tools
//   if (!rules.allows(message.name())) return unknown_tool(message.name(), message.id());
//   if (!rules.allows_all()) body = rules.filter_list(body);   // the answer to tools/list
//
// A rule is a permission: "tools/call:search", or with a star after a separator
// "tools/call:github.*", "tools/call:*", "*". Other permissions allow no tool. An empty list allows
// none. A tool that is not allowed does not exist for the key: it is in no list, and calling it is
// answered as for any unknown name.
//
// filter_list() takes a JSON-RPC answer and leaves out tools; order, cursor and all else stay, and
// an emptied page keeps its nextCursor. What a shared cache may keep becomes private: a filtered
// list is one caller's, and may be kept for a minute, since the rules may change.
//
// Only what may_hold_tools() has to be read for that. It looks for the key "tools", however it is
// escaped, and needs no JSON: what has no such key holds no list, whatever else is wrong with it.
//
// Errors: filter_list: nothing if the answer is not JSON, as json/lenient.h reads it; then it must
// not be passed on.
// Threading: reading from any thread. Cost: one look at each rule for each tool.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keywright::mcp {

class ToolRules {
 public:
  explicit ToolRules(const std::optional<std::vector<std::string>>& permissions);

  bool allows_all() const { return all_; }
  bool allows(std::string_view tool) const;

  std::optional<std::string> filter_list(std::string_view answer) const;

 private:
  bool all_ = false;
  std::vector<std::string> rules_;  // without "tools/call:"; a star at the end is a prefix
};

// Could this text, an answer or an event, hold a list of tools?
bool may_hold_tools(std::string_view text);

// What a key's permissions must cover for that: "tools/call:search".
std::string permission_to_call(std::string_view tool);

}  // namespace keywright::mcp
