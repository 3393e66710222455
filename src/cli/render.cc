#include "cli/render.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/text_width.h"
#include "json/writer.h"

namespace keywright::cli {

namespace {

using json::Member;
using json::Value;
using json::ValueKind;

bool is_time_field(std::string_view field) {
  return field.ends_with("_at") || field == "time" || field == "as_of";
}

std::string compact(const Value& value) {
  std::string out;
  json::Writer writer(out);
  value.write(writer);
  return out;
}

std::string text_of(const Value& object, std::string_view member) {
  const auto found = object.find(member);
  if (!found) return {};
  return std::string(found->as_string().value_or(""));
}

std::int64_t number_of(const Value& object, std::string_view member) {
  const auto found = object.find(member);
  return found ? found->as_int64().value_or(0) : 0;
}

// The small objects that answers are full of, in words; "" for any other.
std::string known_object(const Value& value, const View& view) {
  if (value.find("window_seconds")) {
    return fmt::format("{}: {} in {} s", text_of(value, "name"), number_of(value, "limit"),
                       number_of(value, "window_seconds"));
  }
  if (value.find("waited_ms")) {
    const auto nodes = number_of(value, "nodes");
    return fmt::format("{} node{} after {} ms", nodes, nodes == 1 ? "" : "s",
                       number_of(value, "waited_ms"));
  }
  if (value.find("retires_at")) {
    const auto retires_at = parse_rfc3339(text_of(value, "retires_at"));
    const std::string mask = text_of(value, "mask");
    return retires_at ? fmt::format("{} (ends {})", mask, relative_time(*retires_at, view.now))
                      : mask;
  }
  std::string name = text_of(value, "name");
  const std::string type = text_of(value, "type");
  if (type.empty()) return name;
  if (!name.empty()) return fmt::format("{} ({})", name, type);
  const std::string id = text_of(value, "id");
  return id.empty() ? type : fmt::format("{} {}", type, id);
}

std::string object_cell(const Value& value, const View& view) {
  const auto all = value.find("all");
  const auto ids = value.find("ids");
  if (all && all->as_bool().value_or(false)) return "all";
  if (ids && ids->kind() == ValueKind::array) return cell(*ids, "ids", view);
  if (view.for_people) {
    std::string known = known_object(value, view);
    return known.empty() ? compact(value) : known;
  }
  const std::string id = text_of(value, "id");
  if (id.empty() || !value.find("type")) return compact(value);
  return fmt::format("{}:{}", text_of(value, "type"), id);
}

std::string array_cell(const Value& value, const View& view) {
  std::string out;
  for (const Value& item : value.items()) {
    if (!view.for_people && item.kind() == ValueKind::object) return compact(value);
    if (!out.empty()) out += view.for_people ? ", " : ",";
    out += cell(item, "", view);
  }
  if (out.empty() && view.for_people) return "-";
  return out;
}

}  // namespace

std::string relative_time(Time at, Time now) {
  using std::chrono::seconds;
  const auto apart = std::chrono::duration_cast<seconds>(at - now).count();
  const std::int64_t distance = apart < 0 ? -apart : apart;
  struct Unit {
    std::int64_t seconds;
    const char* name;
  };
  constexpr std::array<Unit, 6> kUnits{{{365 * 86400, "year"},
                                        {30 * 86400, "month"},
                                        {86400, "day"},
                                        {3600, "hour"},
                                        {60, "minute"},
                                        {1, "second"}}};
  constexpr std::int64_t kFar = 5 * 365 * 86400;
  constexpr std::int64_t kNow = 5;
  if (distance > kFar) return format_rfc3339(at).substr(0, 10);
  if (distance < kNow) return "now";
  // "23 months" says more than "1 year": a long unit needs two of itself.
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& candidate) {
    return distance >= candidate.seconds * (candidate.seconds > 3600 ? 2 : 1);
  });
  // What was given as 30 days is not 29 a moment later.
  const std::int64_t rounding = unit->seconds > 3600 ? unit->seconds / 2 : 0;
  const std::int64_t count = (distance + rounding) / unit->seconds;
  const std::string text = fmt::format("{} {}{}", count, unit->name, count == 1 ? "" : "s");
  return apart < 0 ? text + " ago" : "in " + text;
}

std::string cell(const Value& value, std::string_view field, const View& view) {
  switch (value.kind()) {
    case ValueKind::null:
      if (!view.for_people) return {};
      return field == "expires_at" ? "never" : "-";
    case ValueKind::boolean:
      if (!view.for_people) return compact(value);
      return value.as_bool().value_or(false) ? "yes" : "no";
    case ValueKind::integer:
    case ValueKind::number: return compact(value);
    case ValueKind::string: {
      std::string text(*value.as_string());
      if (!view.for_people) return text;
      if (is_time_field(field)) {
        if (auto at = parse_rfc3339(text)) return relative_time(*at, view.now);
      }
      return text.empty() ? "-" : text;
    }
    case ValueKind::array: return array_cell(value, view);
    case ValueKind::object: return object_cell(value, view);
  }
  return {};
}

std::string title(std::string_view field) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNames{
      {{"id", "ID"}, {"ids", "IDs"}, {"ip", "IP"}, {"url", "URL"}, {"mcp", "MCP"}}};
  std::string out;
  while (!field.empty()) {
    const std::size_t end = std::min(field.find('_'), field.size());
    std::string word(field.substr(0, end));
    const auto known = std::find_if(kNames.begin(), kNames.end(),
                                    [&](const auto& name) { return name.first == word; });
    if (known != kNames.end()) {
      word = known->second;
    } else if (out.empty() && word[0] >= 'a' && word[0] <= 'z') {
      word[0] = static_cast<char>(word[0] - 'a' + 'A');
    }
    out += (out.empty() ? "" : " ") + word;
    field.remove_prefix(std::min(end + 1, field.size()));
  }
  return out;
}

std::string record(const Value& object, const std::vector<std::string>& fields, const View& view) {
  std::string out;
  std::size_t widest = 0;
  std::vector<std::pair<std::string, std::string>> lines;
  for (const std::string& field : fields) {
    const auto value = object.find(field);
    if (!value) continue;
    const bool nothing = value->is_null() ||
                         (value->kind() == ValueKind::array && value->size() == 0) ||
                         (value->kind() == ValueKind::string && value->as_string()->empty());
    const bool tells = field == "expires_at" && object.find("created_at");
    if (view.for_people && nothing && !tells) continue;
    std::string text = printable(cell(*value, field, view));
    if (view.for_people && is_time_field(field) && value->kind() == ValueKind::string) {
      text = fmt::format("{} ({})", text, *value->as_string());
    }
    if (!view.for_people) {
      out += fmt::format("{}\t{}\n", field, text);
      continue;
    }
    lines.emplace_back(title(field) + ":", std::move(text));
    widest = std::max(widest, lines.back().first.size());
  }
  for (const auto& [label, text] : lines) {
    const std::string padded = pad(label, widest + 2);
    out += view.label ? view.label(padded) : padded;
    out += text + "\n";
  }
  return out;
}

}  // namespace keywright::cli
