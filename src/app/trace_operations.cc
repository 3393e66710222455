#include "app/listing.h"
#include "app/operations.h"
#include "app/recording.h"
#include "app/trace_reader.h"
#include "domain/keys/decide.h"
#include "domain/traces/routing.h"
#include "json/document.h"

namespace keywright::app {
namespace {

using domain::Platform;
using domain::PlatformId;
using domain::Project;
using domain::ProjectId;
using domain::Right;

KW_LIST_OF(TraceList, TraceSummary)

struct ListTraces {
  std::string project_id;
  std::optional<std::string> platform_id;
  std::optional<Time> from;
  std::optional<Time> to;
  std::optional<std::string> status;
  std::optional<std::string> external_id;
  std::optional<std::string> key_id;
  std::optional<std::string> name;
  std::optional<bool> has_error;
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
};
KW_DESCRIBE(ListTraces, field<&ListTraces::project_id>("project_id", "Id of the project.", in_path),
            field<&ListTraces::platform_id>("platform_id", "Of this platform only.", in_query),
            field<&ListTraces::from>("from", "Received then or later.", in_query),
            field<&ListTraces::to>("to", "Received before this time.", in_query),
            field<&ListTraces::status>("status", "With this status: error, success, ...", in_query),
            field<&ListTraces::external_id>("external_id",
                                            "With this x-request-id, or OTLP trace id.", in_query),
            field<&ListTraces::key_id>("key_id", "Sent last with this key.", in_query),
            field<&ListTraces::name>("name", "Whose root span has this name.", in_query),
            field<&ListTraces::has_error>("has_error", "Whether the status is error.", in_query),
            field<&ListTraces::limit>("limit",
                                      "Most items in one answer, 50 if left out. There may be "
                                      "fewer, or none, although `next_cursor` names a next page.",
                                      in_query, minimum(1), maximum(200)),
            field<&ListTraces::cursor>("cursor", "`next_cursor` of the page before.", in_query))

struct GetTrace {
  std::string project_id;
  std::string id;
  std::optional<std::int64_t> span_limit;
  std::optional<std::string> span_cursor;
};
KW_DESCRIBE(GetTrace, field<&GetTrace::project_id>("project_id", "Id of the project.", in_path),
            field<&GetTrace::id>("id", "Id of the trace.", in_path),
            field<&GetTrace::span_limit>("span_limit",
                                         "Most spans in one answer, 1000 if left out.", in_query,
                                         minimum(1), maximum(5000)),
            field<&GetTrace::span_cursor>("span_cursor", "`next_span_cursor` of the answer before.",
                                          in_query))

struct OneTrace {
  std::string project_id;
  std::string id;
};
KW_DESCRIBE(OneTrace, field<&OneTrace::project_id>("project_id", "Id of the project.", in_path),
            field<&OneTrace::id>("id", "Id of the trace.", in_path))

struct OfProject {
  std::string project_id;
};
KW_DESCRIBE(OfProject, field<&OfProject::project_id>("project_id", "Id of the project.", in_path))

struct RouteTest {
  std::string project_id;
  std::optional<std::string> key_id;
  json::Raw trace;
  json::Raw resource;
};
KW_DESCRIBE(RouteTest, field<&RouteTest::project_id>("project_id", "Id of the project.", in_path),
            field<&RouteTest::key_id>("key_id",
                                      "Key that would send it; an unrestricted one if left out."),
            field<&RouteTest::trace>("trace",
                                     "Body of the trace: platformId, metadata, externalMetadata, "
                                     "or resourceSpans of OTLP. What it holds otherwise is not "
                                     "looked at.",
                                     object_only),
            field<&RouteTest::resource>("resource",
                                        "OTLP resource attributes by name: service.name, "
                                        "mibo.platform_id, n8n.workflow.id.",
                                        object_only))

struct RouteVerdict {
  std::string outcome;
  std::optional<PlatformId> platform_id;
  std::optional<std::string> platform_name;
  std::optional<std::string> by;
  std::vector<std::string> warnings;
  std::string rule;
  std::optional<std::string> message;
};
KW_DESCRIBE(RouteVerdict,
            field<&RouteVerdict::outcome>("outcome", "ROUTED, or the code the sender would get."),
            field<&RouteVerdict::platform_id>("platform_id", "Where the trace would go."),
            field<&RouteVerdict::platform_name>("platform_name", "Its name."),
            field<&RouteVerdict::by>("by", "platformId, metadata, serviceName or keyScope."),
            field<&RouteVerdict::warnings>("warnings", "What was odd about it."),
            field<&RouteVerdict::rule>("rule", "Row of the routing table that applied."),
            field<&RouteVerdict::message>("message", "What the sender would be told."))

Error no_traces() { return Error(Code::unavailable, "traces_off", "This server keeps no traces."); }

Task<Result<TraceList>> list_traces(App& app, Call& call, ListTraces input) {
  KW_CO_TRY(const Project* project,
            visible<Project>(app.directory, call, id_from(input.project_id), "project"));
  if (app.traces == nullptr) co_return fail(no_traces());
  const ProjectId id = project->id;
  TraceQuery query;
  query.project = id;
  if (input.platform_id) query.platforms = {PlatformId{id_from(*input.platform_id)}};
  query.from = input.from;
  query.to = input.to;
  query.status = input.status.value_or("");
  query.external_id = input.external_id.value_or("");
  query.key_id = input.key_id.value_or("");
  if (!query.key_id.empty() && !domain::KeyId::parse(query.key_id)) {
    co_return fail(invalid_field("key_id", "must be the id of a key"));
  }
  query.name = input.name.value_or("");
  query.has_error = input.has_error;
  query.cursor = input.cursor.value_or("");
  query.limit = static_cast<int>(input.limit.value_or(50));
  auto read = [&] { return app.traces->list_traces(query); };
  auto page = co_await app.readers.run(read);
  if (!page) co_return fail(std::move(page).error());
  KW_CO_CHECK_OK(visible<Project>(app.directory, call, id.value, "project"));
  TraceList list;
  list.items = std::move(page->items);
  list.next_cursor = std::move(page->next_cursor);
  co_return list;
}

Task<Result<Trace>> get_trace(App& app, Call& call, GetTrace input) {
  KW_CO_TRY(const Project* project,
            visible<Project>(app.directory, call, id_from(input.project_id), "project"));
  if (app.traces == nullptr) co_return fail(no_traces());
  const ProjectId id = project->id;
  SpanPage page;
  page.cursor = input.span_cursor.value_or("");
  if (input.span_limit) page.limit = static_cast<int>(*input.span_limit);
  auto read = [&] { return app.traces->get_trace(id, input.id, page); };
  auto trace = co_await app.readers.run(read);
  if (!trace) co_return fail(std::move(trace).error());
  KW_CO_CHECK_OK(visible<Project>(app.directory, call, id.value, "project"));
  if (!*trace) co_return fail(not_found("trace"));
  co_return std::move(**trace);
}

// One that is damaged cannot be shown; it can go.
Result<void> find_to_delete(TraceReader& traces, ProjectId project, std::string_view id) {
  const auto found = traces.get_trace(project, id, {.cursor = "", .limit = 1});
  if (!found && found.error().reason() != "trace_damaged") return fail(found.error());
  if (found && !*found) return fail(not_found("trace"));
  return {};
}

Task<Result<Nothing>> delete_trace(App& app, Call& call, OneTrace input) {
  KW_CO_TRY(const Project* project,
            visible<Project>(app.directory, call, id_from(input.project_id), "project"));
  if (app.traces == nullptr) co_return fail(no_traces());
  const ProjectId id = project->id;
  auto find = [&] { return find_to_delete(*app.traces, id, input.id); };
  auto found = co_await app.readers.run(find);
  if (!found) co_return fail(std::move(found).error());
  std::optional<Nothing> nothing;
  const std::function<Result<Nothing>(Change&)> work = [&](Change& change) -> Result<Nothing> {
    KW_TRY(const Project* owner, visible<Project>(change, call, id.value, "project"));
    change.audit(audit_event(change, call, owner->organization_id, "trace", input.id, ""));
    return Nothing{};
  };
  auto done = co_await submit_change(app, call, work, nothing);
  if (!done) co_return fail(std::move(done).error());
  if (call.reply.replayed) co_return Nothing{};
  auto drop = [&] { return app.traces->delete_trace(id, input.id); };
  auto dropped = co_await app.readers.run(drop);
  if (!dropped) co_return fail(std::move(dropped).error());
  co_return Nothing{};
}

Task<Result<UnroutedReport>> list_unrouted(App& app, Call& call, OfProject input) {
  KW_CO_TRY(const Project* project,
            visible<Project>(app.directory, call, id_from(input.project_id), "project"));
  if (app.traces == nullptr) co_return fail(no_traces());
  const ProjectId id = project->id;
  auto read = [&] { return app.traces->unrouted(id); };
  auto report = co_await app.readers.run(read);
  if (!report) co_return fail(std::move(report).error());
  KW_CO_CHECK_OK(visible<Project>(app.directory, call, id.value, "project"));
  co_return std::move(*report);
}

// Looks through all of them: a dry run is asked for by hand.
class PlatformsByWalking final : public domain::Platforms {
 public:
  explicit PlatformsByWalking(const Directory& directory) : directory_(directory) {}

  const Platform* find(PlatformId id) const override { return directory_.find<Platform>(id.value); }
  std::vector<const Platform*> with_external_id(ProjectId project, domain::PlatformType type,
                                                std::string_view external_id) const override {
    return select([&](const Platform& platform) {
      return platform.project_id == project && platform.type == type &&
             platform.external_id == external_id;
    });
  }
  std::vector<const Platform*> with_service_name(ProjectId project,
                                                 std::string_view name) const override {
    return select([&](const Platform& platform) {
      return platform.project_id == project && platform.service_name == name;
    });
  }

 private:
  template <class Accept>
  std::vector<const Platform*> select(Accept accept) const {
    std::vector<const Platform*> found;
    directory_.table<Platform>().for_each([&](const Platform& platform) {
      if (accept(platform)) found.push_back(&platform);
    });
    return found;
  }

  const Directory& directory_;
};

// Null if none is asked about.
Result<const domain::KeyRecord*> sending_key(const Directory& directory, const Project& project,
                                             const std::optional<std::string>& key_id) {
  if (!key_id) return nullptr;
  const auto id = domain::KeyId::parse(*key_id);
  const domain::KeyRecord* key = id ? directory.keys().find(*id) : nullptr;
  const bool of_project = key != nullptr && key->owner_type == domain::OwnerType::project &&
                          directory.project(key->owner) == &project;
  if (!of_project) return fail(invalid_field("key_id", "must be a key of this project"));
  return key;
}

// Whether it would be let in, from a network that it may be used from.
bool is_admitted(const Directory& directory, const domain::KeyRecord& key, Time now) {
  domain::Ask ask;
  ask.audience = domain::Audience::traces;
  ask.spend = false;
  const domain::Decision decision = decide(key, ask, directory, now);
  return decision.outcome == domain::Outcome::valid ||
         decision.outcome == domain::Outcome::ip_not_allowed;
}

// The attributes of an OTLP resource, by name.
domain::RoutingHints hints_of_resource(const json::Value& resource) {
  domain::RoutingHints hints;
  for (const json::Member member : resource.members()) {
    if (const auto text = member.value.as_string()) {
      note_attribute(hints, member.key, *text);
    } else if (const auto number = member.value.as_int64()) {
      note_attribute(hints, member.key, std::to_string(*number));
    }
  }
  return hints;
}

// For each trace that the body holds; a native one holds one.
Result<std::vector<domain::RoutingHints>> hints_of(const RouteTest& input) {
  std::vector<domain::RoutingHints> all(1);
  if (!input.trace.is_null()) {
    KW_TRY(const json::Document document, json::Document::parse(input.trace.view()));
    if (document.root().find("resourceSpans")) {
      KW_TRY(all, domain::read_otlp_hints(document.root()));
    } else {
      KW_TRY(all.front(), domain::read_hints(document.root()));
    }
  }
  if (!input.resource.is_null()) {
    KW_TRY(const json::Document document, json::Document::parse(input.resource.view()));
    const domain::RoutingHints more = hints_of_resource(document.root());
    for (domain::RoutingHints& hints : all) add_hints(hints, more);
  }
  return all;
}

RouteVerdict refused_key() {
  RouteVerdict verdict;
  verdict.outcome = "INVALID_API_KEY";
  verdict.rule = "the key is revoked, disabled or expired";
  verdict.message = "The API key is not valid.";
  return verdict;
}

Result<RouteVerdict> test_route(const Directory& directory, Call& call, const RouteTest& input) {
  KW_TRY(const Project* project,
         visible<Project>(directory, call, id_from(input.project_id), "project"));
  KW_TRY(const domain::KeyRecord* key, sending_key(directory, *project, input.key_id));
  KW_TRY(const std::vector<domain::RoutingHints> traces, hints_of(input));
  if (key != nullptr && !is_admitted(directory, *key, call.now)) return refused_key();
  const domain::RoutingScope scope =
      key == nullptr ? domain::RoutingScope{} : domain::routing_scope_of(*key->policy);
  const PlatformsByWalking platforms(directory);
  const domain::Route route = choose_platform(traces.front(), scope, project->id, platforms);
  for (const domain::RoutingHints& other : traces) {
    const domain::Route same = choose_platform(other, scope, project->id, platforms);
    if (same.outcome == route.outcome && same.platform == route.platform) continue;
    return fail(invalid_field("trace", "holds traces that go different ways; try one at a time"));
  }
  RouteVerdict verdict;
  verdict.outcome = name_of(route.outcome);
  verdict.rule = route.row;
  verdict.warnings = route.warnings;
  if (route.outcome == domain::RouteOutcome::routed) {
    verdict.platform_id = route.platform->id;
    verdict.platform_name = route.platform->name;
    verdict.by = name_of(route.by);
  } else {
    verdict.message = message_of(route.outcome);
  }
  return verdict;
}

}  // namespace

void add_trace_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&list_traces>({.name = "traces.list",
                                                .method = "GET",
                                                .path = "/projects/{project_id}/traces",
                                                .summary = "List the traces of a project",
                                                .tag = "Traces",
                                                .right = Right::projects_read}));
  operations.push_back(operation<&get_trace>({.name = "traces.get",
                                              .method = "GET",
                                              .path = "/projects/{project_id}/traces/{id}",
                                              .summary = "Get a trace with its spans",
                                              .tag = "Traces",
                                              .right = Right::projects_read}));
  operations.push_back(operation<&delete_trace>({.name = "traces.delete",
                                                 .method = "DELETE",
                                                 .path = "/projects/{project_id}/traces/{id}",
                                                 .summary = "Delete a trace",
                                                 .tag = "Traces",
                                                 .right = Right::projects_write,
                                                 .status = 204,
                                                 .destructive = true}));
  operations.push_back(
      operation<&list_unrouted>({.name = "projects.unrouted",
                                 .method = "GET",
                                 .path = "/projects/{project_id}/unrouted",
                                 .summary = "See which traces did not arrive, and why",
                                 .tag = "Traces",
                                 .right = Right::projects_read}));
  operations.push_back(operation<&test_route>({.name = "projects.route_test",
                                               .method = "POST",
                                               .path = "/projects/{project_id}/route-test",
                                               .summary = "Try out where a trace would go",
                                               .tag = "Traces",
                                               .right = Right::projects_read,
                                               .unchanging = true}));
}

}  // namespace keywright::app
