#include "cli/parse.h"

#include <gtest/gtest.h>

#include "cli/context.h"

namespace keywright::cli {
namespace {

Command tree() {
  Command list{.name = "list", .summary = "List keys"};
  list.flags = {
      {"kind", "WORD", "Kind"},
      {.name = "ids", .value = "ID", .help = "Ids", .repeatable = true},
      {.name = "json", .value = "FIELDS", .help = "JSON", .takes = Takes::optional_value},
      {.name = "quiet", .value = "", .help = "Ids", .letter = 'q', .takes = Takes::nothing},
      {.name = "yes", .value = "", .help = "Yes", .letter = 'y', .takes = Takes::nothing},
      {.name = "url", .value = "URL", .help = "Server"}};
  list.arguments = {{.name = "ID", .help = "Id", .required = false}};
  Command edit{.name = "edit", .summary = "Edit"};
  edit.arguments = {{"ID", "Id"}};
  edit.flags = {{.name = "role",
                 .value = "ROLE",
                 .help = "Role",
                 .required = true,
                 .choices = {"owner", "member"}},
                {"password-file", "FILE", "Password"}};
  Command keys{.name = "keys", .summary = "Keys"};
  keys.commands = {list, edit};
  Command root{.name = "keywright", .summary = "Keys"};
  root.commands = {keys};
  root.flags = {{.name = "url", .value = "URL", .help = "Server"}};
  return root;
}

std::string message_of(const std::vector<std::string>& words) {
  const Command root = tree();
  auto parsed = parse(root, words);
  if (parsed) return "parsed";
  EXPECT_EQ(ExitCode::usage, parsed.error().code);
  return parsed.error().message;
}

TEST(Parse, FindsTheCommandItsFlagsAndArguments) {
  const Command root = tree();
  auto parsed = parse(root, {"keys", "list", "abc", "--kind", "access", "-qy"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ("keywright keys list", parsed->given.name());
  EXPECT_EQ("access", parsed->given.value("kind"));
  EXPECT_TRUE(parsed->given.has("quiet"));
  EXPECT_TRUE(parsed->given.has("yes"));
  EXPECT_EQ(std::vector<std::string>{"abc"}, parsed->given.arguments);
}

TEST(Parse, AnEmptyValueIsAValue) {
  const Command root = tree();
  auto parsed = parse(root, {"keys", "list", "--kind=", "--json"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ("", parsed->given.value("kind"));
  EXPECT_TRUE(parsed->given.has("json"));
}

TEST(Parse, AnOptionalValueNeverTakesTheNextWord) {
  const Command root = tree();
  auto parsed = parse(root, {"keys", "list", "--json", "abc"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ("", parsed->given.value("json"));
  EXPECT_EQ(std::vector<std::string>{"abc"}, parsed->given.arguments);
  parsed = parse(root, {"keys", "list", "--json=id,name"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ("id,name", parsed->given.value("json"));
}

TEST(Parse, SharedFlagsMayStandBeforeTheCommand) {
  const Command root = tree();
  auto parsed = parse(root, {"--url", "http://a", "keys", "list"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ("http://a", parsed->given.value("url"));
  EXPECT_NE(
      std::string::npos,
      message_of({"--url", "http://a", "keys", "edit", "x", "--role", "owner"}).find("--url"));
}

TEST(Parse, AKeyIdMayBeginWithAHyphen) {
  const Command root = tree();
  auto parsed = parse(root, {"keys", "list", "-aB3_x9-Zk0w"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ("-aB3_x9-Zk0w", parsed->given.arguments.front());
  parsed = parse(root, {"keys", "list", "--", "--B3_x9-Zk0w"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ("--B3_x9-Zk0w", parsed->given.arguments.front());
}

TEST(Parse, EveryMistakeNamesWhatIsWrong) {
  EXPECT_EQ("keywright has no command 'keyss'; did you mean 'keys'?", message_of({"keyss"}));
  EXPECT_EQ("keywright keys list has no flag --knd; did you mean --kind?",
            message_of({"keys", "list", "--knd", "x"}));
  EXPECT_EQ("keywright keys list has no flag -x", message_of({"keys", "list", "-x"}));
  EXPECT_EQ("--kind needs a value: --kind WORD", message_of({"keys", "list", "--kind"}));
  EXPECT_EQ("--kind is given twice", message_of({"keys", "list", "--kind=a", "--kind=b"}));
  EXPECT_EQ("--quiet is a switch: it takes no value (or true, false)",
            message_of({"keys", "list", "--quiet=no"}));
  EXPECT_EQ("keywright keys edit needs ID", message_of({"keys", "edit", "--role", "owner"}));
  EXPECT_EQ("keywright keys edit needs --role ROLE", message_of({"keys", "edit", "x"}));
  EXPECT_EQ("--role: 'ownr' is not one of owner, member; did you mean 'owner'?",
            message_of({"keys", "edit", "x", "--role", "ownr"}));
  EXPECT_EQ("keywright keys list does not take the argument 'b'",
            message_of({"keys", "list", "a", "b"}));
}

TEST(Parse, ARepeatableFlagKeepsEveryValue) {
  const Command root = tree();
  auto parsed = parse(root, {"keys", "list", "--ids", "a", "--ids=b"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ((std::vector<std::string>{"a", "b"}), parsed->given.values("ids"));
}

TEST(Parse, ASecretIsRefusedAndNotRepeated) {
  const std::string token = "kwa_" + std::string(49, 'x');
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"keys", "list", token},
                                             {"keys", "list", "--kind", token},
                                             {token},
                                             {"keys", "list", "--kind=" + token}}) {
    const std::string message = message_of(words);
    EXPECT_NE(std::string::npos, message.find("secret")) << message;
    EXPECT_EQ(std::string::npos, message.find("xxxx")) << message;
  }
}

TEST(Parse, APasswordFlagIsExplained) {
  const Command root = tree();
  auto parsed = parse(root, {"keys", "edit", "x", "--role", "owner", "--password", "hunter2"});
  ASSERT_FALSE(parsed);
  EXPECT_NE(std::string::npos, parsed.error().next.find("--password-file"));
  EXPECT_EQ(std::string::npos, parsed.error().message.find("hunter2"));
}

TEST(Parse, TokensOfEveryKindAreRecognisedAndMasksAreNot) {
  const std::string secret(43, 'a');
  for (const char* prefix : {"kwp_", "kwm_", "kwa_", "kwr_", "kws_", "mibo_", "ok1-2-32-"}) {
    EXPECT_TRUE(looks_like_token(prefix + secret)) << prefix;
  }
  EXPECT_TRUE(looks_like_token("eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJ4In0.c2ln"));
  EXPECT_FALSE(looks_like_token("kwa_abcdefgh"));
  EXPECT_FALSE(looks_like_token("ok1-2-32-"));
  EXPECT_FALSE(looks_like_token("keys.verify"));
}

TEST(Parse, HelpIsOfTheCommandReachedSoFar) {
  const Command root = tree();
  auto parsed = parse(root, {"keys", "--help"});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->wants_help);
  EXPECT_EQ("keywright keys", parsed->given.name());
}

}  // namespace
}  // namespace keywright::cli
