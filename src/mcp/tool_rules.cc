#include "mcp/tool_rules.h"

#include <algorithm>
#include <charconv>

#include "json/document.h"
#include "json/lenient.h"
#include "json/writer.h"

namespace keywright::mcp {
namespace {

using json::Value;
using json::ValueKind;

constexpr std::string_view kCall = "tools/call:";
constexpr std::string_view kTools = "tools";
constexpr std::int64_t kKeptMilliseconds = 60'000;

// As it is, or as "\u0074". Takes it off.
bool take_character(std::string_view& text, char meant) {
  if (text.starts_with(meant)) {
    text.remove_prefix(1);
    return true;
  }
  constexpr std::string_view kEscape = "\\u00";
  constexpr std::size_t kDigits = 2;
  unsigned value = 0;
  if (!text.starts_with(kEscape) || text.size() < kEscape.size() + kDigits) return false;
  const char* const digits = text.data() + kEscape.size();
  const auto read = std::from_chars(digits, digits + kDigits, value, 16);
  if (read.ptr != digits + kDigits || value != static_cast<unsigned char>(meant)) return false;
  text.remove_prefix(kEscape.size() + kDigits);
  return true;
}

void write_tools(const ToolRules& rules, const Value& tools, json::Writer& writer) {
  writer.begin_array();
  for (const Value tool : tools.items()) {
    const auto name = tool.find("name");
    const auto text = name ? name->as_string() : std::nullopt;
    if (text && rules.allows(*text)) tool.write(writer);
  }
  writer.end_array();
}

void write_result(const ToolRules& rules, const Value& result, json::Writer& writer) {
  writer.begin_object();
  for (const json::Member& member : result.members()) {
    writer.key(member.key);
    if (member.key == "tools") {
      write_tools(rules, member.value, writer);
    } else if (member.key == "cacheScope") {
      writer.string("private");
    } else if (member.key == "ttlMs" && member.value.as_double().value_or(0) > kKeptMilliseconds) {
      writer.integer(kKeptMilliseconds);
    } else {
      member.value.write(writer);
    }
  }
  writer.end_object();
}

}  // namespace

ToolRules::ToolRules(const std::optional<std::vector<std::string>>& permissions)
    : all_(!permissions.has_value()) {
  if (!permissions) return;
  rules_.reserve(permissions->size());
  for (const std::string& permission : *permissions) {
    const bool everything = permission == "*" || permission == "tools/call:*";
    all_ = all_ || everything;
    if (permission.starts_with(kCall)) rules_.push_back(permission.substr(kCall.size()));
  }
}

bool ToolRules::allows(std::string_view tool) const {
  if (all_) return true;
  return std::any_of(rules_.begin(), rules_.end(), [&](std::string_view rule) {
    if (rule == tool) return true;
    if (rule.size() < 2 || rule.back() != '*') return false;
    const std::string_view stem = rule.substr(0, rule.size() - 1);
    const bool separated = stem.back() == '.' || stem.back() == ':';
    return separated && tool.size() > stem.size() && tool.starts_with(stem);
  });
}

std::string permission_to_call(std::string_view tool) { return std::string(kCall).append(tool); }

bool may_hold_tools(std::string_view text) {
  for (std::size_t at = text.find('"'); at < text.size(); at = text.find('"', at + 1)) {
    std::string_view rest = text.substr(at + 1);
    const bool is_tools = std::all_of(kTools.begin(), kTools.end(),
                                      [&rest](char meant) { return take_character(rest, meant); });
    if (is_tools && rest.starts_with('"')) return true;
  }
  return false;
}

std::optional<std::string> ToolRules::filter_list(std::string_view answer) const {
  const auto document = json::parse_leniently(answer);
  if (!document || document->root().kind() != ValueKind::object) return std::nullopt;
  const auto result = document->root().find("result");
  const auto tools = result ? result->find("tools") : std::nullopt;
  if (!tools) return std::string(answer);  // an error, or another method's answer
  if (tools->kind() != ValueKind::array) return std::nullopt;
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  for (const json::Member& member : document->root().members()) {
    writer.key(member.key);
    if (member.key == "result") {
      write_result(*this, member.value, writer);
    } else {
      member.value.write(writer);
    }
  }
  writer.end_object();
  return out;
}

}  // namespace keywright::mcp
