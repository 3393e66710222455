#include "domain/traces/routing.h"

#include <map>

#include <gtest/gtest.h>

#include "base/random.h"

namespace keywright::domain {
namespace {

using enum PlatformType;

// Three projects' worth of platforms, held in a list.
class World final : public Platforms {
 public:
  World() {
    own_ = {ids_.next()};
    const ProjectId other{ids_.next()};
    add("flow", own_, flowise, "chat-1", "flow-service");
    add("flow2", own_, flowise, "chat-2", "shared-service");
    add("twin", own_, flowise, "chat-1", "");
    add("n8n", own_, n8n, "42", "shared-service");
    add("http", own_, http_api, "42", "");
    add("foreign", other, flowise, "chat-9", "foreign-service");
    add("deleted", own_, n8n, "gone", "gone-service");
    deleted_.push_back(id("deleted"));
  }

  PlatformId id(const std::string& name) const { return by_name_.at(name); }
  std::string text(const std::string& name) const { return id(name).to_string(); }
  void erase(const std::string& name) { deleted_.push_back(id(name)); }
  ProjectId project() const { return own_; }

  const Platform* find(PlatformId id) const override {
    for (const Platform& platform : platforms_) {
      if (platform.id == id && lives(platform)) return &platform;
    }
    return nullptr;
  }
  std::vector<const Platform*> with_external_id(ProjectId project, PlatformType type,
                                                std::string_view external_id) const override {
    return select([&](const Platform& p) {
      return p.project_id == project && p.type == type && p.external_id == external_id;
    });
  }
  std::vector<const Platform*> with_service_name(ProjectId project,
                                                 std::string_view name) const override {
    return select(
        [&](const Platform& p) { return p.project_id == project && p.service_name == name; });
  }

 private:
  bool lives(const Platform& platform) const {
    return std::find(deleted_.begin(), deleted_.end(), platform.id) == deleted_.end();
  }
  template <class Accept>
  std::vector<const Platform*> select(Accept accept) const {
    std::vector<const Platform*> found;
    for (const Platform& platform : platforms_) {
      if (lives(platform) && accept(platform)) found.push_back(&platform);
    }
    return found;
  }
  void add(const std::string& name, ProjectId project, PlatformType type, std::string external,
           const std::string& service) {
    Platform platform;
    platform.id = {ids_.next()};
    platform.project_id = project;
    platform.name = name;
    platform.type = type;
    platform.external_id = std::move(external);
    if (!service.empty()) platform.service_name = service;
    by_name_[name] = platform.id;
    platforms_.push_back(std::move(platform));
  }

  TestClock clock_;
  SeededRandom random_{3};
  UuidGenerator ids_{clock_, random_};
  ProjectId own_;
  std::vector<Platform> platforms_;
  std::vector<PlatformId> deleted_;
  std::map<std::string, PlatformId> by_name_;
};

struct Row {
  std::string_view what;
  std::string_view scope;  // "all", or names of platforms
  std::vector<std::string> ids = {};
  std::vector<std::string> chatflows = {};
  std::vector<std::string> workflows = {};
  std::vector<std::string> services = {};
  std::string_view outcome;  // "name by how", or the code
  std::vector<std::string> warnings = {};
};

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::string outcome_of(const Route& route) {
  if (route.outcome != RouteOutcome::routed) return std::string(name_of(route.outcome));
  return route.platform->name + " by " + std::string(name_of(route.by));
}

const Row kRows[] = {
    // A. An id is given.
    {"id, unrestricted", "all", {"flow"}, {}, {}, {}, "flow by platformId"},
    {"id in a list of one", "flow", {"flow"}, {}, {}, {}, "flow by platformId"},
    {"id in a list", "flow n8n", {"n8n"}, {}, {}, {}, "n8n by platformId"},
    {"id outside a list of one", "flow", {"n8n"}, {}, {}, {}, "PLATFORM_NOT_ALLOWED"},
    {"id outside a list", "flow n8n", {"http"}, {}, {}, {}, "PLATFORM_NOT_ALLOWED"},
    {"id of another project", "all", {"foreign"}, {}, {}, {}, "PLATFORM_NOT_FOUND"},
    {"foreign id, list of one", "flow", {"foreign"}, {}, {}, {}, "PLATFORM_NOT_FOUND"},
    {"deleted id", "all", {"deleted"}, {}, {}, {}, "PLATFORM_NOT_FOUND"},
    {"deleted id that the list names",
     "flow deleted",
     {"deleted"},
     {},
     {},
     {},
     "PLATFORM_NOT_FOUND"},
    {"unknown id", "all", {"?"}, {}, {}, {}, "PLATFORM_NOT_FOUND"},
    {"two ids that differ", "all", {"flow", "n8n"}, {}, {}, {}, "PLATFORM_AMBIGUOUS"},
    {"the id wins over metadata",
     "all",
     {"flow"},
     {"chat-2"},
     {},
     {},
     "flow by platformId",
     {"metadata_mismatch"}},
    {"metadata that agrees", "all", {"flow"}, {"chat-1"}, {}, {}, "flow by platformId"},
    {"a service name that agrees",
     "all",
     {"flow"},
     {"chat-1"},
     {},
     {"flow-service"},
     "flow by platformId"},
    {"the id wins over a service name",
     "all",
     {"flow"},
     {},
     {},
     {"shared-service"},
     "flow by platformId",
     {"metadata_mismatch"}},
    {"the id wins over what nobody knows",
     "all",
     {"flow"},
     {},
     {"nope"},
     {},
     "flow by platformId",
     {"metadata_mismatch"}},
    {"flow and service name that agree do not make up for one another",
     "all",
     {"flow"},
     {"chat-1"},
     {},
     {"nope"},
     "flow by platformId",
     {"metadata_mismatch"}},
    // B. No id.
    {"nothing, unrestricted", "all", {}, {}, {}, {}, "PLATFORM_REQUIRED"},
    {"nothing, list of one", "flow", {}, {}, {}, {}, "flow by keyScope"},
    {"nothing, list of several", "flow n8n", {}, {}, {}, {}, "PLATFORM_REQUIRED"},
    {"a list never shrinks into one", "flow deleted", {}, {}, {}, {}, "PLATFORM_REQUIRED"},
    {"the same platform twice is one", "flow flow", {}, {}, {}, {}, "flow by keyScope"},
    {"chatflow", "all", {}, {"chat-2"}, {}, {}, "flow2 by metadata"},
    {"workflow", "all", {}, {}, {"42"}, {}, "n8n by metadata"},
    {"chatflow ids name Flowise only", "all", {}, {"42"}, {}, {}, "PLATFORM_REQUIRED"},
    {"metadata in a list", "flow2 n8n", {}, {"chat-2"}, {}, {}, "flow2 by metadata"},
    {"metadata outside a list of one is not rerouted",
     "n8n",
     {},
     {"chat-2"},
     {},
     {},
     "PLATFORM_NOT_ALLOWED"},
    {"metadata outside a list", "n8n http", {}, {"chat-2"}, {}, {}, "PLATFORM_NOT_ALLOWED"},
    {"metadata of another project is unmatched",
     "all",
     {},
     {"chat-9"},
     {},
     {},
     "PLATFORM_REQUIRED"},
    {"metadata unmatched, list of one",
     "flow",
     {},
     {"nope"},
     {},
     {},
     "flow by keyScope",
     {"metadata_unmatched"}},
    {"metadata unmatched, list of several", "flow n8n", {}, {"nope"}, {}, {}, "PLATFORM_REQUIRED"},
    {"metadata of a deleted platform", "all", {}, {}, {"gone"}, {}, "PLATFORM_REQUIRED"},
    {"several match", "all", {}, {"chat-1"}, {}, {}, "PLATFORM_AMBIGUOUS"},
    {"several match in scope", "flow twin", {}, {"chat-1"}, {}, {}, "PLATFORM_AMBIGUOUS"},
    {"several match, one in scope", "twin n8n", {}, {"chat-1"}, {}, {}, "twin by metadata"},
    {"several match, none in scope", "n8n", {}, {"chat-1"}, {}, {}, "PLATFORM_NOT_ALLOWED"},
    {"chatflow and workflow disagree", "all", {}, {"chat-2"}, {"42"}, {}, "PLATFORM_AMBIGUOUS"},
    {"one of the two matches", "all", {}, {"chat-2"}, {"nope"}, {}, "flow2 by metadata"},
    {"service name", "all", {}, {}, {}, {"flow-service"}, "flow by serviceName"},
    {"service name of several", "all", {}, {}, {}, {"shared-service"}, "PLATFORM_AMBIGUOUS"},
    {"service name of several, one in scope",
     "n8n http",
     {},
     {},
     {},
     {"shared-service"},
     "n8n by serviceName"},
    {"service name outside", "http", {}, {}, {}, {"flow-service"}, "PLATFORM_NOT_ALLOWED"},
    {"metadata before service name",
     "all",
     {},
     {"chat-2"},
     {},
     {"flow-service"},
     "flow2 by metadata"},
    {"service name where metadata finds nothing",
     "all",
     {},
     {"nope"},
     {},
     {"flow-service"},
     "flow by serviceName",
     {"metadata_unmatched"}},
    {"service name unmatched, list of one",
     "flow",
     {},
     {},
     {},
     {"unknown_service:node"},
     "flow by keyScope",
     {"metadata_unmatched"}},
    // C. Every platform of the list is gone: asked first.
    {"empty list, nothing", "deleted", {}, {}, {}, {}, "SCOPE_EMPTY"},
    {"empty list, good id", "deleted", {"flow"}, {}, {}, {}, "SCOPE_EMPTY"},
    {"empty list, metadata", "deleted", {}, {"chat-2"}, {}, {}, "SCOPE_EMPTY"},
    {"a foreign platform is none of the key's", "foreign", {}, {}, {}, {}, "SCOPE_EMPTY"},
    {"no list at all", "", {}, {}, {}, {}, "SCOPE_EMPTY"},
};

TEST(Routing, EveryRowOfTheTable) {
  const World world;
  for (const Row& row : kRows) {
    RoutingHints hints;
    for (const std::string& name : row.ids) {
      hints.platform_ids.push_back(name == "?" ? "018f0000-0000-7000-8000-000000000000"
                                               : world.text(name));
    }
    hints.chatflow_ids = row.chatflows;
    hints.workflow_ids = row.workflows;
    hints.service_names = row.services;
    RoutingScope scope{row.scope == "all", {}};
    if (!scope.all) {
      for (const std::string& name : split(row.scope)) scope.ids.push_back(world.id(name));
    }
    const Route route = choose_platform(hints, scope, world.project(), world);
    EXPECT_EQ(outcome_of(route), row.outcome) << row.what;
    EXPECT_EQ(route.warnings, row.warnings) << row.what;
    EXPECT_FALSE(route.row.empty()) << row.what;
  }
}

TEST(Routing, ForeignDeletedAndUnknownIdsCannotBeToldApart) {
  const World world;
  for (const char* name : {"foreign", "deleted"}) {
    const Route route =
        choose_platform({{world.text(name)}, {}, {}, {}}, {}, world.project(), world);
    EXPECT_EQ(route.outcome, RouteOutcome::not_found);
    EXPECT_EQ(route.row, "the id is unknown, deleted or of another project");
  }
}

TEST(Routing, DeletingTheLastPlatformOfAListNeverWidensIt) {
  World world;
  const RoutingScope scope{false, {world.id("flow"), world.id("n8n")}};
  world.erase("flow");
  EXPECT_EQ(choose_platform({}, scope, world.project(), world).outcome, RouteOutcome::required);
  world.erase("n8n");
  EXPECT_EQ(choose_platform({}, scope, world.project(), world).outcome, RouteOutcome::scope_empty);
}

TEST(Routing, TheRefusalOfAForbiddenPlatformHasTheWordsThatSendersLookFor) {
  const std::string message(message_of(RouteOutcome::not_allowed));
  EXPECT_NE(message.find("restricted"), std::string::npos);
  EXPECT_NE(message.find("allowed"), std::string::npos);
}

Result<RoutingHints> hints_of(std::string_view text) {
  auto document = json::Document::parse(text);
  if (!document) return fail(std::move(document).error());
  return read_hints(document->root());
}

TEST(Hints, EverySpellingIsRead) {
  const std::string id = "018f0000-0000-7000-8000-00000000abcd";
  EXPECT_EQ(hints_of(R"({"platformId":"018F0000-0000-7000-8000-00000000ABCD"})")->platform_ids,
            std::vector{id});
  EXPECT_EQ(hints_of(R"({"metadata":{"mibo":{"platform_id":")" + id + R"("}}})")->platform_ids,
            std::vector{id});
  EXPECT_EQ(hints_of(R"({"metadata":{"mibo.platform_id":")" + id + R"("}})")->platform_ids,
            std::vector{id});
  EXPECT_EQ(hints_of(R"({"metadata":{"chatflowId":"a","chatflow_id":"b"},
                         "externalMetadata":{"chatflowId":"a"}})")
                ->chatflow_ids,
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(hints_of(R"({"metadata":{"workflowId":7},"externalMetadata":{"workflow_id":"w"}})")
                ->workflow_ids,
            (std::vector<std::string>{"7", "w"}));
  EXPECT_EQ(hints_of(R"({"metadata":{"service.name":"s","service":{"name":"t"}}})")->service_names,
            (std::vector<std::string>{"s", "t"}));
}

TEST(Hints, AProjectOfOpenInferenceIsAServiceName) {
  EXPECT_EQ(hints_of(R"({"metadata":{"openinference.project.name":"p"}})")->service_names,
            std::vector<std::string>{"p"});
}

RoutingHints hints_of_attribute(std::string_view key, std::string_view value) {
  RoutingHints hints;
  note_attribute(hints, key, value);
  return hints;
}

TEST(Hints, EveryAttributeOfAResourceThatNamesAPlatformIsRead) {
  const std::vector<std::string> x = {"x"};
  EXPECT_EQ(hints_of_attribute("service.name", "x").service_names, x);
  EXPECT_EQ(hints_of_attribute("openinference.project.name", "x").service_names, x);
  for (const char* key : {"chatflowId", "chatflow_id", "agentflowId"}) {
    EXPECT_EQ(hints_of_attribute(key, "x").chatflow_ids, x) << key;
  }
  for (const char* key : {"workflowId", "workflow_id", "n8n.workflow.id"}) {
    EXPECT_EQ(hints_of_attribute(key, "x").workflow_ids, x) << key;
  }
  EXPECT_EQ(hints_of_attribute("mibo.platform_id", "x").platform_ids, x);
  EXPECT_EQ(hints_of_attribute("mibo.platform_id", ""), RoutingHints{});
  EXPECT_EQ(hints_of_attribute("host.name", "x"), RoutingHints{});
}

TEST(Hints, AnOtlpRequestIsReadTraceByTrace) {
  const auto document = json::Document::parse(
      R"({"metadata":{"chatflowId":"c"},"resourceSpans":[{"resource":{"attributes":[)"
      R"({"key":"service.name","value":{"stringValue":"s"}}]},"scopeSpans":[{"spans":[)"
      R"({"traceId":"AA"},{"traceId":"bb","attributes":[{"key":"n8n.workflow.id",)"
      R"("value":{"intValue":7}}]},{"traceId":"aa"}]}]},{},7]})");
  const auto all = read_otlp_hints(document->root());
  ASSERT_TRUE(all);
  EXPECT_EQ(*all, (std::vector<RoutingHints>{{{}, {"c"}, {}, {"s"}},
                                             {{}, {"c"}, {"7"}, {"s"}},
                                             {{}, {"c"}, {}, {}},
                                             {{}, {"c"}, {}, {}}}));
}

TEST(Hints, NullsAndForeignFieldsAreNone) {
  EXPECT_EQ(*hints_of(R"({"platformId":null,"metadata":null,"externalMetadata":{"workflowId":null,
                          "mibo":"x","service":"billing"}})"),
            RoutingHints{});
}

TEST(Hints, WhatIsOfAnotherTypeIsRefusedByName) {
  const auto refused = hints_of(
      R"({"platformId":7,"metadata":{"chatflowId":"","workflowId":true},"externalMetadata":[]})");
  ASSERT_FALSE(refused);
  std::vector<std::string> fields;
  for (const FieldProblem& problem : refused.error().problems()) fields.push_back(problem.field);
  EXPECT_EQ(fields, (std::vector<std::string>{"platformId", "metadata.chatflowId",
                                              "metadata.workflowId", "externalMetadata"}));
}

}  // namespace
}  // namespace keywright::domain
