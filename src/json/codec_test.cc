#include "json/codec.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace keywright::json {
namespace {

// Must not win over the attribute of that name inside KW_DESCRIBE.
[[maybe_unused]] constexpr int required = 0;

enum class Color : unsigned char { red, green, dark_blue };
KW_DESCRIBE_ENUM(Color, red, green, {dark_blue, "dark-blue"})

struct Code4 {
  std::string text;
  static std::optional<Code4> parse(std::string_view text) {
    if (text.size() != 4) return std::nullopt;
    return Code4{std::string(text)};
  }
  std::string to_string() const { return text; }
};
KW_DESCRIBE_TEXT(Code4, "", "must be four characters")

struct Leaf {
  std::string name;
  std::vector<Leaf> leaves;
};
KW_DESCRIBE(Leaf, field<&Leaf::name>("name", "Its name."),
            field<&Leaf::leaves>("leaves", "More of them."))

struct Identified {
  Uuid id;
};

using ThingId = Id<struct ThingTag>;

struct Everything : Identified {
  bool flag = false;
  std::int32_t small = 0;
  std::int64_t large = 0;
  std::uint32_t natural = 0;
  std::uint64_t huge = 0;
  double ratio = 0;
  std::string name;
  Time at;
  ThingId thing;
  Color color = Color::red;
  Code4 code{"0000"};
  std::vector<std::string> words;
  std::vector<std::vector<std::int64_t>> table;
  std::optional<Time> until;
  Patch<std::string> note;
  Patch<std::vector<Color>> colors;
  Leaf leaf;
  std::optional<Leaf> spare;
  std::map<std::string, std::string> labels;
  std::map<std::string, Raw> extra;
  Raw raw;
  Secret<std::string> password;
  Secret<std::string> token;
  std::string hash;
  std::vector<Cidr> networks;
  IpAddress address;
};
KW_DESCRIBE(
    Everything, field<&Everything::id>("id", "Id."), field<&Everything::flag>("flag", "A flag."),
    field<&Everything::small>("small", "A small number."),
    field<&Everything::large>("large", "A large number."),
    field<&Everything::natural>("natural", "Not negative."),
    field<&Everything::huge>("huge", "Not negative, and large."),
    field<&Everything::ratio>("ratio", "A ratio."), field<&Everything::name>("name", "A name."),
    field<&Everything::at>("at", "A time."), field<&Everything::thing>("thing", "A thing."),
    field<&Everything::color>("color", "A color."), field<&Everything::code>("code", "A code."),
    field<&Everything::words>("words", "Words."), field<&Everything::table>("table", "A table."),
    field<&Everything::until>("until", "An end."), field<&Everything::note>("note", "A note."),
    field<&Everything::colors>("colors", "Colors."), field<&Everything::leaf>("leaf", "A leaf."),
    field<&Everything::spare>("spare", "Another."), field<&Everything::labels>("labels", "Labels."),
    field<&Everything::extra>("extra", "Anything."), field<&Everything::raw>("raw", "Anything."),
    field<&Everything::password>("password", "A password.", write_only),
    field<&Everything::token>("token", "Shown once.", shown),
    field<&Everything::hash>("hash", "A hash.", stored_only),
    field<&Everything::networks>("networks", "Networks."),
    field<&Everything::address>("address", "An address."))

constexpr std::string_view kFull =
    R"({"id":"019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e8","flag":true,"small":-2147483648,)"
    R"("large":9007199254740993,"natural":4294967295,"huge":18446744073709551615,"ratio":0.5,)"
    R"("name":"Zoë","at":"2026-11-20T22:33:51.123Z",)"
    R"("thing":"019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e9","color":"dark-blue","code":"a\"bc",)"
    R"("words":["a","b"],"table":[[1],[],[2,3]],"until":"2027-01-01T00:00:00.000Z","note":"n",)"
    R"("colors":["green","red"],"leaf":{"name":"l","leaves":[{"name":"m","leaves":[]}]},)"
    R"("spare":{"name":"s","leaves":[]},"labels":{"a":"1","b":"2"},)"
    R"("extra":{"x":[1,{"y":null}],"z":null},"raw":{"k":[1.5]},"password":"p","token":"t",)"
    R"("hash":"h","networks":["192.0.2.0/24"],"address":"192.0.2.7"})";

TEST(Codec, EveryShapeSurvivesTheStoreForm) {
  const auto all = decode<Everything>(kFull, {.form = Form::store});
  ASSERT_TRUE(all) << all.error().detail();
  EXPECT_EQ(encode(*all, {.form = Form::store}), kFull);
  EXPECT_EQ(all->large, 9007199254740993);
  EXPECT_EQ(all->color, Color::dark_blue);
  EXPECT_EQ(all->password.reveal(), "p");
  EXPECT_EQ(all->spare->name, "s");
  EXPECT_EQ(all->extra.at("x").view(), R"([1,{"y":null}])");
  EXPECT_TRUE(all->networks[0].contains(all->address));
}

TEST(Codec, DefaultsSurviveTheStoreForm) {
  const std::string text = encode(Everything(), {.form = Form::store});
  const auto all = decode<Everything>(text, {.form = Form::store});
  ASSERT_TRUE(all) << all.error().detail();
  EXPECT_EQ(encode(*all, {.form = Form::store}), text);
  EXPECT_TRUE(all->note.is_unset());
  EXPECT_FALSE(all->until);
}

TEST(Codec, AResponseHidesWhatIsNotForClients) {
  const auto all = decode<Everything>(kFull, {.form = Form::store});
  ASSERT_TRUE(all);
  const std::string response = encode(*all);
  EXPECT_EQ(response.find("password"), std::string::npos);
  EXPECT_EQ(response.find("hash"), std::string::npos);
  EXPECT_NE(response.find(R"("token":"t")"), std::string::npos);
}

struct Update {
  std::string id;
  Patch<std::string> name;
  std::optional<std::int64_t> limit;
  std::string status;
  std::string hash;
  Secret<std::string> password;
};
KW_DESCRIBE(Update, field<&Update::id>("id", "Which.", in_path),
            field<&Update::name>("name", "New name."), field<&Update::limit>("limit", "New limit."),
            field<&Update::status>("status", "Its status.", read_only),
            field<&Update::hash>("hash", "A hash.", stored_only),
            field<&Update::password>("password", "New password.", write_only))

TEST(Codec, ARequestSaysOnlyWhatItMust) {
  Update update;
  update.id = "k1";
  update.password = Secret<std::string>(std::string("pw"));
  EXPECT_EQ(encode(update, {.form = Form::request}), R"({"password":"pw"})");
  update.name = std::string("n");
  update.limit = 3;
  EXPECT_EQ(encode(update, {.form = Form::request, .all_places = true}),
            R"({"id":"k1","name":"n","limit":3,"password":"pw"})");
}

TEST(Codec, APatchIsUnsetNullOrAValue) {
  const auto unset = decode<Update>("{}");
  const auto null = decode<Update>(R"({"name":null})");
  const auto value = decode<Update>(R"({"name":"n"})");
  ASSERT_TRUE(unset && null && value);
  EXPECT_TRUE(unset->name.is_unset());
  EXPECT_TRUE(null->name.is_null());
  EXPECT_EQ(value->name.value(), "n");

  EXPECT_EQ(encode(*unset), R"({"id":"","limit":null,"status":""})");
  EXPECT_EQ(encode(*null), R"({"id":"","name":null,"limit":null,"status":""})");
  EXPECT_EQ(encode(*value), R"({"id":"","name":"n","limit":null,"status":""})");
}

TEST(Patch, IsAppliedToItsTarget) {
  std::optional<std::string> target = "old";
  std::string plain = "old";
  Patch<std::string>().apply_to(target);
  Patch<std::string>().apply_to(plain);
  EXPECT_EQ(target, "old");
  EXPECT_EQ(plain, "old");
  Patch<std::string>(std::string("new")).apply_to(target);
  Patch<std::string>(std::string("new")).apply_to(plain);
  EXPECT_EQ(target, "new");
  EXPECT_EQ(plain, "new");
  Patch<std::string>::null().apply_to(target);
  Patch<std::string>::null().apply_to(plain);
  EXPECT_EQ(target, std::nullopt);
  EXPECT_EQ(plain, "");
}

TEST(Codec, AnAbsentBodyIsAnEmptyObject) {
  EXPECT_TRUE(decode<Update>(""));
  EXPECT_FALSE(decode<Update>("", {.form = Form::store}));
  EXPECT_FALSE(decode<Update>(" "));
}

TEST(Codec, NullEmptiesAnOptional) {
  Update update;
  update.limit = 3;
  const auto done = decode(type_of<Update>(), &update, R"({"limit":null})");
  ASSERT_TRUE(done);
  EXPECT_FALSE(update.limit);
}

TEST(Codec, AbsentFieldsKeepWhatTheyHold) {
  Update update;
  update.limit = 3;
  ASSERT_TRUE(decode(type_of<Update>(), &update, R"({"name":"n"})"));
  EXPECT_EQ(update.limit, 3);
}

TEST(Codec, ListsAndMapsAreReplacedNotExtended) {
  Everything all;
  all.words = {"old"};
  all.labels = {{"old", "1"}};
  ASSERT_TRUE(decode(type_of<Everything>(), &all, R"({"words":["new"],"labels":{"new":"2"}})"));
  EXPECT_EQ(all.words, std::vector<std::string>{"new"});
  EXPECT_EQ(all.labels, (std::map<std::string, std::string>{{"new", "2"}}));
}

TEST(Codec, ClientsAndStoresSkipFieldsTheyDoNotKnow) {
  for (const Form form : {Form::response, Form::store}) {
    const auto update = decode<Update>(R"({"status":"x","newer":[1]})", {.form = form});
    ASSERT_TRUE(update);
    EXPECT_EQ(update->status, "x");
  }
}

TEST(Codec, ATopLevelListIsReadToo) {
  const auto ids = decode<std::vector<std::int64_t>>("[1,2]");
  ASSERT_TRUE(ids);
  EXPECT_EQ(*ids, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(encode(*ids), "[1,2]");
}

TEST(Codec, AValueOutsideItsEnumerationIsNull) { EXPECT_EQ(encode(static_cast<Color>(9)), "null"); }

TEST(Codec, AWholeRequestFitsInOneObject) {
  const auto update = decode<Update>(R"({"id":"k1","name":"n"})", {.all_places = true});
  ASSERT_TRUE(update);
  EXPECT_EQ(update->id, "k1");
}

TEST(Describe, EnumeratorsHaveWireNames) {
  EXPECT_EQ(enum_name(Color::green), "green");
  EXPECT_EQ(enum_name(Color::dark_blue), "dark-blue");
  EXPECT_EQ(enum_name(static_cast<Color>(9)), "");
  EXPECT_EQ(enum_value<Color>("dark-blue"), Color::dark_blue);
  EXPECT_EQ(enum_value<Color>("dark_blue"), std::nullopt);
}

TEST(Describe, TablesSayWhatWasWritten) {
  const Type& type = type_of<Update>();
  EXPECT_EQ(type.name, "Update");
  EXPECT_EQ(type.shape, Shape::object);
  ASSERT_EQ(type.fields.size(), 6u);
  EXPECT_EQ(type.find("id")->place, Place::path);
  EXPECT_TRUE(type.find("id")->required);
  EXPECT_EQ(type.find("name")->doc, "New name.");
  EXPECT_EQ(type.find("nothing"), nullptr);
  EXPECT_EQ(&type, &type_of<Update>());
}

struct ListThings {
  std::string project_id;
  std::int32_t limit = 50;
  std::optional<std::string> cursor;
  std::optional<bool> all;
  std::vector<Color> colors;
  std::optional<ThingId> thing;
  std::optional<std::uint64_t> after;
  double ratio = 0;
  std::string text;
};
KW_DESCRIBE(ListThings, field<&ListThings::project_id>("project_id", "Of which project.", in_path),
            field<&ListThings::limit>("limit", "How many.", in_query, minimum(1), maximum(200)),
            field<&ListThings::cursor>("cursor", "Where to go on.", in_query, max_length(5)),
            field<&ListThings::all>("all", "All of them.", in_query),
            field<&ListThings::colors>("colors", "Of these colors.", in_query, max_items(2)),
            field<&ListThings::thing>("thing", "Only this one.", in_query),
            field<&ListThings::after>("after", "After this number.", in_query),
            field<&ListThings::ratio>("ratio", "A ratio.", in_query),
            field<&ListThings::text>("text", "In the body."))

std::string parameter_problems(std::vector<Parameter> parameters, std::string_view body = "",
                               DecodeOptions options = {}) {
  ListThings input;
  const auto done = decode_request(type_of<ListThings>(), &input, parameters, body, options);
  if (done) return "";
  std::string text;
  for (const FieldProblem& problem : done.error().problems()) {
    text += problem.field + ": " + problem.message + "\n";
  }
  return text.empty() ? done.error().reason() : text;
}

TEST(Parameters, AreReadAsTheirTypes) {
  const Parameter parameters[] = {{"project_id", "p 1", Place::path},
                                  {"limit", "20"},
                                  {"cursor", ""},
                                  {"all", "true"},
                                  {"colors", "red,dark-blue"},
                                  {"thing", "019a3f5c-0d2e-7c41-9f7a-3b1d6a0c52e9"},
                                  {"after", "18446744073709551615"},
                                  {"ratio", "0.25"}};
  ListThings input;
  const auto done = decode_request(type_of<ListThings>(), &input, parameters, "");
  ASSERT_TRUE(done) << done.error().detail();
  EXPECT_EQ(input.project_id, "p 1");
  EXPECT_EQ(input.limit, 20);
  EXPECT_EQ(input.cursor, "");
  EXPECT_EQ(input.all, true);
  EXPECT_EQ(input.colors, (std::vector{Color::red, Color::dark_blue}));
  EXPECT_TRUE(input.thing);
  EXPECT_EQ(input.after, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(input.ratio, 0.25);
}

TEST(Parameters, SayWhatIsWrongWithThem) {
  const Parameter project{"project_id", "p", Place::path};
  EXPECT_EQ(parameter_problems({}), "project_id: is required\n");
  EXPECT_EQ(parameter_problems({project, {"limit", "201"}}),
            "limit: must be an integer from 1 to 200\n");
  EXPECT_EQ(parameter_problems({project, {"limit", ""}}),
            "limit: must be an integer from 1 to 200\n");
  EXPECT_EQ(parameter_problems({project, {"limit", "5x"}}),
            "limit: must be an integer from 1 to 200\n");
  EXPECT_EQ(parameter_problems({project, {"all", "yes"}}), "all: must be true or false\n");
  EXPECT_EQ(parameter_problems({project, {"colors", "red,pink"}}),
            "colors[1]: must be one of: red, green, dark-blue\n");
  EXPECT_EQ(parameter_problems({project, {"colors", "red,red,red"}}),
            "colors: must be a list of at most 2 items\n");
  EXPECT_EQ(parameter_problems({project, {"cursor", "\xff"}}), "cursor: must be UTF-8\n");
  EXPECT_EQ(parameter_problems({project, {"ratio", "inf"}}), "ratio: must be a number\n");
  EXPECT_EQ(parameter_problems({project, {"limits", "5"}}),
            "limits: unknown query parameter; did you mean \"limit\"?\n");
  EXPECT_EQ(parameter_problems({project, {"text", "5"}}), "text: unknown query parameter\n");
  EXPECT_EQ(parameter_problems({project, {"project_id", "q"}}),
            "project_id: unknown query parameter\n");
  EXPECT_EQ(parameter_problems({project, {"limit", "5"}, {"limit", "6"}}),
            "limit: is given twice\n");
  EXPECT_EQ(parameter_problems({project, {"nonsense", "6"}}, "",
                               {.unknown_fields = UnknownFields::ignore}),
            "");
}

TEST(Parameters, AnEmptyListParameterHasNoItems) {
  const Parameter parameters[] = {{"project_id", "p", Place::path}, {"colors", ""}};
  ListThings input;
  input.colors = {Color::red};
  ASSERT_TRUE(decode_request(type_of<ListThings>(), &input, parameters, ""));
  EXPECT_TRUE(input.colors.empty());
}

TEST(Parameters, AndTheBodyAreJudgedTogether) {
  EXPECT_EQ(parameter_problems({{"limit", "0"}}, R"({"text":1,"limit":5})"),
            "limit: must be an integer from 1 to 200\n"
            "project_id: is required\n"
            "text: must be a string\n"
            "limit: unknown field\n");
  EXPECT_EQ(parameter_problems({}, "{"), "malformed_json");
}

}  // namespace
}  // namespace keywright::json
