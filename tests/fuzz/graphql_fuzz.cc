// A document of anybody's, against a small schema: parsed, measured, validated, executed. Nothing
// may crash, and what is accepted must give an answer that is JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "graphql/execute.h"
#include "json/document.h"

namespace keywright::graphql {
namespace {

std::unique_ptr<const Schema> make_schema() {
  SchemaBuilder builder;
  static const int kThing = 1;
  const auto thing = [](Resolving& field) {
    return Value::object(&kThing, field.schema().find("Thing"));
  };
  builder.object("Query", "Roots.")
      .field("thing", "Thing", "One.", thing)
      .argument("id", "ID!", "Which.")
      .field("any", "Any!", "One.", thing)
      .field("things", "[Thing!]!", "Many.",
             [](Resolving& field) {
               auto list = field.make_list(3);
               for (Value& item : list) item = Value::object(&kThing);
               return Value::list(list);
             })
      .argument("first", "Int", "How many.", "2")
      .argument("filter", "Filter", "Which.")
      .items(kPageItems)
      .paged();
  builder.interface("Any", "Anything.").field("name", "String!", "Its name.");
  builder.object("Thing", "A thing.")
      .implements("Any")
      .field("name", "String!", "Its name.", [](Resolving&) { return Value::text("x"); })
      .field("size", "Float", "Its size.", [](Resolving&) { return Value::number(1.5); })
      .field("broken", "Int!", "Fails.",
             [](Resolving& field) { return field.fail("CONFLICT", "broken"); })
      .field("more", "Thing", "Another.", thing);
  builder.enumeration("Colour", "A colour.").value("RED", "").value("BLUE", "");
  builder.input_object("Filter", "Which.")
      .input("colours", "[Colour!]", "Colours.")
      .input("not", "Filter", "The opposite.")
      .input("text", "String!", "Text.", "\"\"");
  return std::move(builder).finish();
}

void check(std::string_view answer) {
  if (!json::Document::parse(answer)) std::abort();
}

}  // namespace
}  // namespace keywright::graphql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keywright;
  static const auto schema = graphql::make_schema();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  graphql::Arena arena;
  const auto variables = json::Document::parse(
      R"({"a":5,"b":"text","c":["RED",null],"d":{"text":"x","not":{"colours":"BLUE"}},"e":null})");
  const graphql::RequestText request{text, "", variables->root()};
  const auto prepared = graphql::prepare(*schema, request, graphql::Limits{}, arena);
  std::string out;
  if (!prepared.faults.empty()) {
    graphql::write_refusal(out, prepared.faults, text);
  } else {
    graphql::Execution execution(*schema, prepared, text, arena, nullptr);
    if (!execution.advance()) std::abort();
    execution.write(out);
  }
  graphql::check(out);
  return 0;
}
