#include "json/schema.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "json/codec.h"
#include "json/document.h"

namespace keywright::json {
namespace {

enum class Tint : unsigned char { light, dark };
KW_DESCRIBE_ENUM(Tint, light, dark)

struct Rate {
  std::string name;
  std::int64_t limit = 0;
  Tint tint = Tint::light;
};
KW_DESCRIBE(Rate,
            field<&Rate::name>("name", "What it is called.", required, non_blank, max_length(64)),
            field<&Rate::limit>("limit", "Uses in one window.", required, minimum(1), maximum(99)),
            field<&Rate::tint>("tint", "How it looks."))

struct Tree {
  std::string name;
  std::vector<Tree> children;
};
KW_DESCRIBE(Tree, field<&Tree::name>("name", "Its name."),
            field<&Tree::children>("children", "What is below."))

struct Gadget {
  Uuid id;
  std::string project_id;
  std::optional<bool> dry_run;
  std::string url;
  Patch<std::string> note;
  std::vector<Rate> rates;
  std::optional<Rate> best;
  std::optional<Tint> tint;
  std::map<std::string, std::string> headers;
  Raw metadata;
  Raw anything;
  std::optional<Time> expires_at;
  std::optional<std::int64_t> idle;
  std::uint32_t natural = 0;
  double ratio = 0;
  bool flag = false;
  Secret<std::string> password;
  Secret<std::string> token;
  std::string hash;
  std::string kind;
  std::vector<std::string> words;
  Tree tree;
};
KW_DESCRIBE(
    Gadget, field<&Gadget::id>("id", "Its id.", read_only),
    field<&Gadget::project_id>("project_id", "Where it is.", in_path),
    field<&Gadget::dry_run>("dry_run", "Only look.", in_query),
    field<&Gadget::url>("url", "Its \"address\".", required, format("uri"),
                        example("https://example.org")),
    field<&Gadget::note>("note", "A note.", not_null),
    field<&Gadget::rates>("rates", "Its rates.", max_items(10), min_items(1)),
    field<&Gadget::best>("best", "The best rate."), field<&Gadget::tint>("tint", "How it looks."),
    field<&Gadget::headers>("headers", "Headers.", write_only, max_length(100)),
    field<&Gadget::metadata>("metadata", "Your own.", object_only, example(R"({"plan":"pro"})")),
    field<&Gadget::anything>("anything", "Anything."),
    field<&Gadget::expires_at>("expires_at", "When it ends.", example("2027-01-01T00:00:00Z")),
    field<&Gadget::idle>("idle", "Seconds.", example("3600"), deprecated),
    field<&Gadget::natural>("natural", "Not negative.", maximum(7)),
    field<&Gadget::ratio>("ratio", "A ratio.", minimum(0), maximum(1)),
    field<&Gadget::flag>("flag", "A flag."),
    field<&Gadget::password>("password", "A password.", write_only, min_length(12)),
    field<&Gadget::token>("token", "Shown once.", shown, read_only),
    field<&Gadget::hash>("hash", "A hash.", stored_only),
    field<&Gadget::kind>("kind", "Its kind.", keyword("personal, mcp")),
    field<&Gadget::words>("words", "Words.", example(R"(["a"])")),
    field<&Gadget::tree>("tree", "A tree."))

// Two spaces a level, so that a change shows as a small difference.
void indent(const Value& value, std::string& out, std::size_t depth) {
  const std::string space(2 * depth + 2, ' ');
  std::string comma = "\n";
  const auto close = [&](char bracket) {
    if (comma != "\n") out += "\n" + std::string(2 * depth, ' ');
    out.push_back(bracket);
  };
  if (value.kind() == ValueKind::object) {
    out.push_back('{');
    for (const Member member : value.members()) {
      out += comma + space;
      append_quoted(out, member.key);
      out += ": ";
      indent(member.value, out, depth + 1);
      comma = ",\n";
    }
    close('}');
  } else if (value.kind() == ValueKind::array && value.size() > 0 &&
             (*value.items().begin()).kind() == ValueKind::object) {
    out.push_back('[');
    for (const Value item : value.items()) {
      out += comma + space;
      indent(item, out, depth + 1);
      comma = ",\n";
    }
    close(']');
  } else {
    Writer writer(out);
    value.write(writer);
  }
}

// Also shows that the text is JSON without duplicate keys.
std::string pretty(std::string_view json) {
  const auto document = Document::parse(json);
  EXPECT_TRUE(document) << document.error().detail() << "\n" << json;
  std::string out;
  if (document) indent(document->root(), out, 0);
  return out + "\n";
}

// Compares with tests/golden/<name>; KEYWRIGHT_UPDATE_GOLDEN=1 writes the file instead.
void expect_golden(const std::string& name, std::string_view json) {
  const std::string path = "tests/golden/" + name;
  const std::string text = pretty(json);
  if (std::getenv("KEYWRIGHT_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, golden.str()) << "see tests/golden; KEYWRIGHT_UPDATE_GOLDEN=1 writes " << path;
}

TEST(Schema, OfARequestIsCompleteInItself) {
  std::string out;
  Writer writer(out);
  write_schema(type_of<Gadget>(), writer, {.form = Form::request, .all_places = true});
  expect_golden("json_schema_request.json", out);
}

TEST(Schema, ComponentsServeRequestsAndResponses) {
  SchemaSet schemas;
  schemas.use(type_of<Gadget>(), Form::request);
  schemas.use(type_of<Gadget>(), Form::response);
  std::string out;
  Writer writer(out);
  schemas.write_components(writer);
  expect_golden("json_schema_components.json", out);
}

TEST(Schema, ReferencesCarryTheNamesOfComponents) {
  SchemaSet schemas;
  schemas.use(type_of<Rate>(), Form::request);
  const auto reference = [&](const Type& type, Form form) {
    std::string out;
    Writer writer(out);
    schemas.write_reference(type, form, writer);
    return out;
  };
  EXPECT_EQ(reference(type_of<Rate>(), Form::request), R"({"$ref":"#/components/schemas/Rate"})");
  schemas.use(type_of<Rate>(), Form::response);
  EXPECT_EQ(reference(type_of<Rate>(), Form::request),
            R"({"$ref":"#/components/schemas/RateInput"})");
  EXPECT_EQ(reference(type_of<Rate>(), Form::response), R"({"$ref":"#/components/schemas/Rate"})");
  EXPECT_EQ(reference(type_of<Tint>(), Form::request), R"({"$ref":"#/components/schemas/Tint"})");
  EXPECT_EQ(reference(type_of<std::vector<Rate>>(), Form::response),
            R"({"type":"array","items":{"$ref":"#/components/schemas/Rate"}})");
  EXPECT_EQ(reference(type_of<std::string>(), Form::response), R"({"type":"string"})");
}

TEST(Schema, AParameterCarriesItsOwnDescription) {
  const Field& field = *type_of<Gadget>().find("idle");
  std::string out;
  Writer writer(out);
  SchemaSet().write_field(field, Form::request, writer, false);
  EXPECT_EQ(out, R"({"type":["integer","null"],"format":"int64","examples":[3600]})");
}

TEST(Schema, ATypeThatHoldsItselfIsReferred) {
  std::string out;
  Writer writer(out);
  write_schema(type_of<Tree>(), writer, {.form = Form::response});
  EXPECT_EQ(out,
            R"({"type":"object","properties":{"name":{"type":"string","description":"Its name."},)"
            R"("children":{"type":"array","items":{"$ref":"#/$defs/Tree"},)"
            R"("description":"What is below."}},"required":["name","children"],)"
            R"("$defs":{"Tree":{"type":"object","properties":{"name":{"type":"string",)"
            R"("description":"Its name."},"children":{"type":"array",)"
            R"("items":{"$ref":"#/$defs/Tree"},"description":"What is below."}},)"
            R"("required":["name","children"]}}})");
}

namespace other {
struct Rate {
  bool flag = false;
};
KW_DESCRIBE(Rate, field<&Rate::flag>("flag", "A flag."))
}  // namespace other

TEST(Schema, TwoStructsOfOneNameAreToldApart) {
  SchemaSet schemas;
  schemas.use(type_of<Rate>(), Form::response);
  schemas.use(type_of<other::Rate>(), Form::response);
  std::string out;
  Writer writer(out);
  schemas.write_reference(type_of<other::Rate>(), Form::response, writer);
  EXPECT_EQ(out, R"({"$ref":"#/components/schemas/Rate2"})");
}

}  // namespace
}  // namespace keywright::json
