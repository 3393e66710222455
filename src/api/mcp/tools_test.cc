#include "api/mcp/tools.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "api/mcp/arguments.h"
#include "json/document.h"

namespace keywright::api_mcp {
namespace {

const Tools& tools() {
  static const Tools made(app::all_operations());
  return made;
}

json::Document definition_of(std::string_view name) {
  const Tool* tool = tools().find(name);
  return std::move(*json::Document::parse(tool == nullptr ? "{}" : tool->definition));
}

TEST(Tools, NamesAreVerbAndThing) {
  EXPECT_EQ(tool_name("targets.list"), "list_targets");
  EXPECT_EQ(tool_name("registries.get"), "get_registry");
  EXPECT_EQ(tool_name("audit_events.list"), "list_audit_events");
  EXPECT_EQ(tool_name("traces.get"), "get_trace");
  EXPECT_EQ(tool_name("whoami.get"), "whoami");
  EXPECT_EQ(tool_name("whoami.revoke"), "revoke_this_key");
}

TEST(Tools, ThePromisedOnesExist) {
  for (const char* name :
       {"whoami", "revoke_this_key", "list_organizations", "list_targets", "create_target",
        "list_projects", "list_platforms", "list_mcp_servers", "list_audit_events"}) {
    EXPECT_NE(tools().find(name), nullptr) << name;
  }
  for (const app::Operation& operation : app::all_operations()) {
    if (!operation.name.starts_with("traces.")) continue;
    EXPECT_NE(tools().find(tool_name(operation.name)), nullptr) << operation.name;
  }
}

TEST(Tools, NamesAreUniqueAndOfTheAllowedCharacters) {
  std::set<std::string> names;
  for (const Tool& tool : tools().all()) {
    EXPECT_TRUE(names.insert(tool.name).second) << tool.name;
    EXPECT_LE(tool.name.size(), 64) << tool.name;
    EXPECT_TRUE(std::all_of(tool.name.begin(), tool.name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || c == '_';
    })) << tool.name;
  }
}

TEST(Tools, NoneTakesOrGivesASecretOrManagesKeys) {
  for (const Tool& tool : tools().all()) {
    EXPECT_FALSE(tool.operation->no_store) << tool.name;
    EXPECT_FALSE(holds_secret(*tool.operation->input)) << tool.name;
    EXPECT_FALSE(holds_secret(*tool.operation->output)) << tool.name;
    EXPECT_FALSE(tool.operation->name.starts_with("keys.")) << tool.name;
    EXPECT_NE(tool.operation->admits, app::Admits::people) << tool.name;
  }
  EXPECT_EQ(tools().find("create_user"), nullptr);
  EXPECT_EQ(tools().find("create_mcp_server"), nullptr);
  EXPECT_EQ(tools().find("create_key"), nullptr);
}

TEST(Tools, EachHasSchemasAndAllAnnotations) {
  for (const Tool& tool : tools().all()) {
    const auto document = json::Document::parse(tool.definition);
    ASSERT_TRUE(document) << tool.name;
    const json::Value root = document->root();
    for (const char* key : {"inputSchema", "outputSchema"}) {
      const auto schema = root.find(key);
      ASSERT_TRUE(schema) << tool.name;
      EXPECT_EQ(schema->find("type")->as_string(), "object") << tool.name << " " << key;
    }
    for (const char* hint :
         {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}) {
      EXPECT_TRUE(root.find("annotations")->find(hint)->as_bool()) << tool.name << " " << hint;
    }
    EXPECT_EQ(root.find("annotations")->find("readOnlyHint")->as_bool(), !tool.operation->is_change)
        << tool.name;
  }
}

TEST(Tools, OnlyADestructiveOneTakesAConfirmation) {
  const auto destructive = definition_of("delete_target");
  const auto plain = definition_of("create_target");
  EXPECT_TRUE(destructive.root().find("inputSchema")->find("properties")->find(kConfirm));
  EXPECT_FALSE(plain.root().find("inputSchema")->find("properties")->find(kConfirm));
  EXPECT_TRUE(definition_of("revoke_this_key")
                  .root()
                  .find("inputSchema")
                  ->find("properties")
                  ->find(kConfirm));
}

TEST(Arguments, AreSpreadOverPathQueryAndBody) {
  const auto document = json::Document::parse(R"({"id":"a","name":"b","confirm":true,"limit":5})");
  const auto read = read_arguments(*tools().find("update_target")->operation, document->root());
  ASSERT_TRUE(read);
  ASSERT_EQ(read->parameters.size(), 1);
  EXPECT_EQ(read->parameters[0].name, "id");
  EXPECT_EQ(read->body, R"({"name":"b","confirm":true,"limit":5})");  // refused there by name
  const auto listed = json::Document::parse(R"({"limit":5,"cursor":null})");
  const auto query = read_arguments(*tools().find("list_targets")->operation, listed->root());
  ASSERT_EQ(query->parameters.size(), 1);
  EXPECT_EQ(query->parameters[0].value, "5");
  EXPECT_EQ(query->body, "");
}

TEST(Arguments, TheConfirmationIsNoPartOfTheInput) {
  const auto document = json::Document::parse(R"({"id":"a","confirm":true})");
  const auto read = read_arguments(*tools().find("delete_target")->operation, document->root());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->confirmed);
  EXPECT_EQ(read->canonical, R"({"id":"a"})");
  const auto text = json::Document::parse(R"({"id":"a","confirm":"yes"})");
  EXPECT_FALSE(read_arguments(*tools().find("delete_target")->operation, text->root()));
  const auto list = json::Document::parse("[]");
  EXPECT_FALSE(read_arguments(*tools().find("delete_target")->operation, list->root()));
}

}  // namespace
}  // namespace keywright::api_mcp
