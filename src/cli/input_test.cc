#include <gtest/gtest.h>

#include "base/clock.h"
#include "cli/api_commands.h"
#include "cli/api_run.h"
#include "cli/context.h"
#include "cli/input_flags.h"
#include "cli/input_values.h"
#include "json/describe.h"

namespace keywright::cli {
namespace {

enum class Level { low, high };
KW_DESCRIBE_ENUM(Level, low, high)

struct Scope {
  std::optional<bool> all;
  std::optional<std::vector<std::string>> ids;
};
KW_DESCRIBE(Scope, field<&Scope::all>("all", "All."), field<&Scope::ids>("ids", "Some."))

struct Reference {
  std::string type;
  std::string id;
};
KW_DESCRIBE(Reference, field<&Reference::type>("type", "Type."), field<&Reference::id>("id", "Id."))

struct Limit {
  std::string name;
};
KW_DESCRIBE(Limit, field<&Limit::name>("name", "Name."))

struct Input {
  std::string project_id;
  std::string id;
  std::string name;
  json::Patch<std::string> description;
  json::Patch<Time> expires_at;
  std::optional<std::int64_t> overlap_seconds;
  std::optional<Level> level;
  std::vector<std::string> permissions;
  std::optional<Scope> scope;
  std::optional<Reference> owner;
  std::vector<Limit> limits;
  json::Raw metadata;
  std::map<std::string, std::string> headers;
  Secret<std::string> password;
  bool enabled = true;
};
KW_DESCRIBE(Input, field<&Input::project_id>("project_id", "Id of the project.", in_path),
            field<&Input::id>("id", "Id.", in_path),
            field<&Input::name>("name", "Shown to people.", required),
            field<&Input::description>("description", "What."),
            field<&Input::expires_at>("expires_at", "When."),
            field<&Input::overlap_seconds>("overlap_seconds", "How long."),
            field<&Input::level>("level", "Which."),
            field<&Input::permissions>("permissions", "What."),
            field<&Input::scope>("scope", "Where."), field<&Input::owner>("owner", "Whose."),
            field<&Input::limits>("limits", "Limits."),
            field<&Input::metadata>("metadata", "Yours.", object_only),
            field<&Input::headers>("headers", "Added.", write_only),
            field<&Input::password>("password", "Password.", write_only),
            field<&Input::enabled>("enabled", "False: off."))

struct Filter {
  std::optional<std::string> q;
  std::optional<Time> from;
  std::optional<std::int64_t> limit;
};
KW_DESCRIBE(Filter, field<&Filter::q>("q", "Part of name.", in_query),
            field<&Filter::from>("from", "Not before.", in_query),
            field<&Filter::limit>("limit", "Most items.", in_query))

struct Output {
  std::string id;
  Secret<std::string> key;
};
KW_DESCRIBE(Output, field<&Output::id>("id", "Id."), field<&Output::key>("key", "Secret.", shown))

ApiOperation edit_operation() {
  return {.name = "things.update",
          .method = "PATCH",
          .path = "/projects/{project_id}/things/{id}",
          .summary = "Change a thing",
          .description = {},
          .destructive = false,
          .gives_secret = true,
          .input = &json::type_of<Input>(),
          .output = &json::type_of<Output>()};
}

const Reading kReading{[](const std::string& path) -> Expected<std::string> {
                         if (path == "pw") return std::string("hunter2\n");
                         if (path == "headers") return std::string("X-A: 1\nX-B: two: three\n");
                         if (path == "json") return std::string("[{\"name\":\"a\"}]");
                         return misused("no such file");
                       },
                       TestClock::kStart};

std::string body_of(std::map<std::string, std::vector<std::string>, std::less<>> flags) {
  const Command command{.name = "edit", .summary = "Edit"};
  Invocation given;
  given.command = &command;
  given.path = {&command};
  given.flags = std::move(flags);
  auto body = request_body(edit_operation(), given, kReading);
  return body ? *body : "error: " + body.error().message;
}

TEST(InputFlags, EveryFieldIsAFlagAndSecretsAreFiles) {
  const auto flags = input_flags(edit_operation(), {"id"});
  std::vector<std::string> usage;
  for (const Flag& flag : flags) usage.push_back(flag.name + " " + flag.value);
  EXPECT_EQ((std::vector<std::string>{"project ID", "name NAME", "description TEXT",
                                      "expires-at TIME", "overlap-seconds DURATION", "level WORD",
                                      "permissions ITEM,...", "scope all|ID,...", "owner TYPE:ID",
                                      "limits JSON", "metadata JSON|KEY=VALUE", "headers-file FILE",
                                      "password-file FILE", "enabled false"}),
            usage);
  EXPECT_TRUE(flags[0].required);
  EXPECT_EQ((std::vector<std::string>{"low", "high"}), flags[5].choices);
}

TEST(InputFlags, ValuesBecomeJson) {
  EXPECT_EQ("", body_of({}));
  EXPECT_EQ(R"({"name":"@none"})", body_of({{"name", {"@none"}}}));
  EXPECT_EQ(R"({"description":"none"})", body_of({{"description", {"none"}}}));
  EXPECT_EQ(R"({"description":null})", body_of({{"description", {""}}}));
  EXPECT_EQ(R"({"expires_at":"2026-11-20T11:06:40.000Z"})", body_of({{"expires-at", {"2d"}}}));
  EXPECT_EQ(R"({"expires_at":"2027-01-31T00:00:00.000Z"})",
            body_of({{"expires-at", {"2027-01-31"}}}));
  EXPECT_EQ(R"({"expires_at":null})", body_of({{"expires-at", {"never"}}}));
  EXPECT_EQ(R"({"overlap_seconds":5400})", body_of({{"overlap-seconds", {"90m"}}}));
  EXPECT_EQ(R"({"overlap_seconds":0})", body_of({{"overlap-seconds", {"0"}}}));
  EXPECT_EQ(R"({"permissions":["a","b","c"]})", body_of({{"permissions", {"a,b", "c"}}}));
  EXPECT_EQ(R"({"permissions":[]})", body_of({{"permissions", {""}}}));
  EXPECT_EQ(R"({"scope":{"all":true}})", body_of({{"scope", {"all"}}}));
  EXPECT_EQ(R"({"scope":{"ids":["x","y"]}})", body_of({{"scope", {"x,y"}}}));
  EXPECT_EQ(R"({"scope":{"ids":[]}})", body_of({{"scope", {R"({"ids": []})"}}}));
  EXPECT_EQ(R"({"owner":{"type":"user","id":"u1"}})", body_of({{"owner", {"user:u1"}}}));
  EXPECT_EQ(R"({"limits":[{"name":"a"},{"name":"b"}]})",
            body_of({{"limits", {R"([{"name": "a"}])", R"({"name":"b"})"}}}));
  EXPECT_EQ(R"({"limits":[{"name":"a"}]})", body_of({{"limits", {"@json"}}}));
  EXPECT_EQ(R"({"metadata":{"plan":"pro","n":"1"}})", body_of({{"metadata", {"plan=pro", "n=1"}}}));
  EXPECT_EQ(R"({"metadata":{"n":1}})", body_of({{"metadata", {R"({"n":1})"}}}));
  EXPECT_EQ(R"({"enabled":false})", body_of({{"enabled", {"false"}}}));
  EXPECT_EQ(R"({"enabled":true})", body_of({{"enabled", {""}}}));
}

TEST(InputFlags, SecretsAreReadFromFilesWithoutTheirLineEnd) {
  EXPECT_EQ(R"({"password":"hunter2"})", body_of({{"password-file", {"pw"}}}));
  EXPECT_EQ(R"({"headers":{"X-A":"1","X-B":"two: three"}})",
            body_of({{"headers-file", {"headers"}}}));
}

TEST(InputFlags, AWrongValueNamesItsFlag) {
  EXPECT_TRUE(
      body_of({{"expires-at", {"soon"}}}).starts_with("error: --expires-at: must be a time"));
  EXPECT_TRUE(body_of({{"overlap-seconds", {"1.5"}}}).starts_with("error: --overlap-seconds: "));
  EXPECT_TRUE(body_of({{"owner", {"ada"}}}).starts_with("error: --owner: must be TYPE:ID"));
  EXPECT_TRUE(body_of({{"limits", {"{"}}}).starts_with("error: --limits: must be JSON"));
}

TEST(InputFlags, PathAndQueryAreEncoded) {
  const ApiOperation operation = edit_operation();
  const Command command{.name = "edit", .summary = "Edit"};
  Invocation given;
  given.path = {&command};
  given.flags["project"] = {"p/1"};
  given.arguments = {"a b"};
  EXPECT_EQ("/projects/p%2F1/things/a%20b", *request_path(operation, given));
  given.arguments = {".."};
  EXPECT_FALSE(request_path(operation, given));

  ApiOperation list = operation;
  list.path = "/things";
  list.input = &json::type_of<Filter>();
  given.flags = {{"q", {"a&b"}}, {"from", {"2026-01-02"}}, {"limit", {"3"}}};
  EXPECT_EQ("?q=a%26b&from=2026-01-02T00%3A00%3A00.000Z", *request_query(list, given, kReading));
}

TEST(InputFlags, WhatTheServerSaysOfAFieldNamesTheFlag) {
  const Failure failure = with_flag_names(
      {ExitCode::failure,
       "The request is not valid.",
       {"expires_at: must be in the future", "scope.ids[2]: is unknown", "other: x"}},
      edit_operation());
  EXPECT_EQ(ExitCode::usage, failure.code);
  EXPECT_EQ((std::vector<std::string>{"--expires-at: must be in the future",
                                      "--scope.ids[2]: is unknown", "other: x"}),
            failure.details);
}

TEST(ApiOperation, TheSecretThatIsShownOnceIsFound) {
  const json::Field* secret = shown_secret(edit_operation());
  ASSERT_NE(nullptr, secret);
  EXPECT_EQ("key", secret->name);
}

}  // namespace
}  // namespace keywright::cli
