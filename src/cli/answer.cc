#include "cli/answer.h"

#include "cli/text_width.h"

namespace keywright::cli {

Expected<json::Document> read_answer(std::string_view body) {
  auto document = json::Document::parse(body);
  if (!document) return failed({ExitCode::failure, "the server's answer is not JSON"});
  return std::move(*document);
}

std::string text_member(const json::Value& object, std::string_view name) {
  const auto value = object.find(name);
  return value ? printable(value->as_string().value_or("")) : "";
}

std::int64_t number_member(const json::Value& object, std::string_view name) {
  const auto value = object.find(name);
  return value ? value->as_int64().value_or(0) : 0;
}

std::vector<std::string> member_names(const json::Value& object) {
  std::vector<std::string> names;
  for (const json::Member& member : object.members()) names.emplace_back(member.key);
  return names;
}

View view_of(Context& context) {
  Console& console = context.console;
  return {console.out_is_terminal(), context.clock.now(), console.width(),
          [&console](std::string_view text) { return console.out_styled(text, "1"); }};
}

Outcome after_output(Context& context) {
  if (context.console.output_failed()) {
    return failed({ExitCode::failure, "standard output cannot be written"});
  }
  return ExitCode::ok;
}

}  // namespace keywright::cli
