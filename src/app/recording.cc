#include "app/recording.h"

#include "json/document.h"
#include "json/writer.h"

namespace keywright::app {
namespace {

std::string text_of(const json::Value& value) {
  std::string text;
  json::Writer writer(text);
  value.write(writer);
  return text;
}

}  // namespace

json::Raw difference(std::string_view before, std::string_view after) {
  const auto old_document = json::Document::parse(before);
  const auto new_document = json::Document::parse(after);
  if (!old_document || !new_document) return {};
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.key("changed");
  writer.begin_object();
  for (const json::Member& member : new_document->root().members()) {
    const auto old_value = old_document->root().find(member.key);
    const std::string old_text = old_value ? text_of(*old_value) : "null";
    const std::string new_text = text_of(member.value);
    if (old_text == new_text) continue;
    writer.key(member.key);
    writer.begin_object();
    writer.key("before");
    writer.raw(old_text);
    writer.key("after");
    writer.raw(new_text);
    writer.end_object();
  }
  writer.end_object();
  writer.end_object();
  return json::Raw::trusted(std::move(text));
}

}  // namespace keywright::app
