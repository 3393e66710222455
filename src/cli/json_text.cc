#include "cli/json_text.h"

#include "json/document.h"
#include "json/writer.h"

namespace keywright::cli {

namespace {

using json::Document;
using json::Member;
using json::Value;
using json::ValueKind;
using json::Writer;

void append_pretty(const Value& value, std::string& out, std::size_t depth) {
  const bool is_object = value.kind() == ValueKind::object;
  if ((!is_object && value.kind() != ValueKind::array) || value.size() == 0) {
    Writer writer(out);
    value.write(writer);
    return;
  }
  const std::string line = "\n" + std::string(depth * 2 + 2, ' ');
  out += is_object ? '{' : '[';
  bool first = true;
  const auto begin_line = [&] {
    if (!first) out += ',';
    first = false;
    out += line;
  };
  for (const Member& member : value.members()) {
    begin_line();
    json::append_quoted(out, member.key);
    out += ": ";
    append_pretty(member.value, out, depth + 1);
  }
  for (const Value& item : value.items()) {
    begin_line();
    append_pretty(item, out, depth + 1);
  }
  out += '\n';
  out.append(depth * 2, ' ');
  out += is_object ? '}' : ']';
}

void write_selected(const Value& value, const std::vector<std::string>& fields, Writer& writer) {
  writer.begin_object();
  for (const std::string& field : fields) {
    const auto found = value.find(field);
    if (!found) continue;
    writer.key(field);
    found->write(writer);
  }
  writer.end_object();
}

}  // namespace

std::string pretty(std::string_view json) {
  auto document = Document::parse(json);
  if (!document) return std::string(json);
  std::string out;
  append_pretty(document->root(), out, 0);
  return out;
}

std::string select_fields(std::string_view json, const std::vector<std::string>& fields) {
  auto document = Document::parse(json);
  if (!document) return std::string(json);
  std::string out;
  Writer writer(out);
  const Value root = document->root();
  const auto items = root.find("items");
  if (!items || items->kind() != ValueKind::array) {
    write_selected(root, fields, writer);
    return out;
  }
  writer.begin_object();
  for (const Member& member : root.members()) {
    writer.key(member.key);
    if (member.key != "items") {
      member.value.write(writer);
      continue;
    }
    writer.begin_array();
    for (const Value& item : member.value.items()) write_selected(item, fields, writer);
    writer.end_array();
  }
  writer.end_object();
  return out;
}

std::string without_field(std::string_view json, std::string_view field) {
  auto document = Document::parse(json);
  if (!document) return std::string(json);
  std::string out;
  Writer writer(out);
  writer.begin_object();
  for (const Member& member : document->root().members()) {
    if (member.key == field) continue;
    writer.key(member.key);
    member.value.write(writer);
  }
  writer.end_object();
  return out;
}

}  // namespace keywright::cli
