#include "app/operations.h"
#include "app/recording.h"

namespace keywright::app {
namespace {

using domain::OrganizationId;
using domain::Platform;
using domain::PlatformType;
using domain::Project;
using domain::Right;
using json::Patch;

KW_LIST_OF(ProjectList, Project)

struct CreateProject {
  std::optional<OrganizationId> organization_id;
  std::string name;
  std::optional<std::int64_t> trace_retention_days;
};
KW_DESCRIBE(CreateProject,
            field<&CreateProject::organization_id>("organization_id", "Where to make it."),
            field<&CreateProject::name>("name", "Shown to people.", required, non_blank,
                                        max_length(255), example("Support bot")),
            field<&CreateProject::trace_retention_days>("trace_retention_days",
                                                        "Days its traces are kept; 90 if left out.",
                                                        minimum(1), maximum(3650)))

struct UpdateProject {
  std::string id;
  Patch<std::string> name;
  Patch<std::int64_t> trace_retention_days;
};
KW_DESCRIBE(UpdateProject, field<&UpdateProject::id>("id", "Id of the project.", in_path),
            field<&UpdateProject::name>("name", "Shown to people.", not_null, non_blank,
                                        max_length(255)),
            field<&UpdateProject::trace_retention_days>("trace_retention_days",
                                                        "Days its traces are kept; null: 90.",
                                                        minimum(1), maximum(3650)))

Result<Project> create_project(Change& change, Call& call, const CreateProject& input) {
  KW_TRY(auto organization, choose_organization(change, call, input.organization_id));
  Project project{
      {change.new_id()}, organization, input.name, change.now, input.trace_retention_days};
  record_created(change, call, project, "project", "/projects");
  return project;
}

Result<Project> get_project(const Directory& directory, Call& call, const ById& input) {
  KW_TRY(const Project* project, visible<Project>(directory, call, id_from(input.id), "project"));
  call.reply.etag = etag_of_object(*project);
  return *project;
}

Result<Project> update_project(Change& change, Call& call, const UpdateProject& input) {
  KW_TRY(const Project* found, visible<Project>(change, call, id_from(input.id), "project"));
  const Project before = *found;
  Project after = before;
  input.name.apply_to(after.name);
  input.trace_retention_days.apply_to(after.trace_retention_days);
  KW_CHECK_OK(record_updated(change, call, before, after, "project"));
  return after;
}

Result<Nothing> delete_project(Change& change, Call& call, const ById& input) {
  KW_TRY(const Project* found, visible<Project>(change, call, id_from(input.id), "project"));
  const Project project = *found;
  std::vector<Uuid> platforms;
  change.for_each<Platform>([&](const Platform& platform) {
    if (platform.project_id == project.id) platforms.push_back(platform.id.value);
  });
  KW_CHECK_OK(record_deleted(change, call, project, "project"));
  for (const Uuid& id : platforms) change.erase<Platform>(id);
  return Nothing{};
}

KW_LIST_OF(PlatformList, Platform)

struct ListPlatforms {
  std::string project_id;
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
};
KW_DESCRIBE(ListPlatforms,
            field<&ListPlatforms::project_id>("project_id", "Id of the project.", in_path),
            field<&ListPlatforms::limit>("limit", "Most items in one answer, 50 if left out.",
                                         in_query, minimum(1), maximum(200)),
            field<&ListPlatforms::cursor>("cursor", "`next_cursor` of the page before.", in_query))

struct CreatePlatform {
  std::string project_id;
  std::string name;
  PlatformType type = PlatformType::http_api;
  std::optional<std::string> external_id;
  std::optional<std::string> service_name;
};
KW_DESCRIBE(CreatePlatform,
            field<&CreatePlatform::project_id>("project_id", "Id of the project.", in_path),
            field<&CreatePlatform::name>("name", "Shown to people.", required, non_blank,
                                         max_length(255), example("Production n8n")),
            field<&CreatePlatform::type>("type", "Which kind of sender it is.", required),
            field<&CreatePlatform::external_id>("external_id",
                                                "Chatflow id (flowise) or workflow id (n8n).",
                                                max_length(255), non_blank),
            field<&CreatePlatform::service_name>("service_name", "OpenTelemetry service.name.",
                                                 max_length(255), non_blank))

struct PlatformById {
  std::string project_id;
  std::string id;
};
KW_DESCRIBE(PlatformById,
            field<&PlatformById::project_id>("project_id", "Id of the project.", in_path),
            field<&PlatformById::id>("id", "Id of the platform.", in_path))

struct UpdatePlatform {
  std::string project_id;
  std::string id;
  Patch<std::string> name;
  Patch<PlatformType> type;
  Patch<std::string> external_id;
  Patch<std::string> service_name;
};
KW_DESCRIBE(UpdatePlatform,
            field<&UpdatePlatform::project_id>("project_id", "Id of the project.", in_path),
            field<&UpdatePlatform::id>("id", "Id of the platform.", in_path),
            field<&UpdatePlatform::name>("name", "Shown to people.", not_null, non_blank,
                                         max_length(255)),
            field<&UpdatePlatform::type>("type", "Which kind of sender it is.", not_null),
            field<&UpdatePlatform::external_id>("external_id", "Chatflow or workflow id.",
                                                max_length(255), non_blank),
            field<&UpdatePlatform::service_name>("service_name", "OpenTelemetry service.name.",
                                                 max_length(255), non_blank))

// A platform of the project in the path; of another project it does not exist.
template <class View>
Result<const Platform*> platform_of(const View& view, const Call& call, std::string_view project_id,
                                    std::string_view id) {
  KW_TRY(const Platform* platform, visible<Platform>(view, call, id_from(id), "platform"));
  if (platform->project_id.value != id_from(project_id)) return fail(not_found("platform"));
  return platform;
}

Task<Result<PlatformList>> list_platforms(App& app, Call& call, ListPlatforms input) {
  auto project = visible<Project>(app.directory, call, id_from(input.project_id), "project");
  if (!project) co_return fail(std::move(project).error());
  co_return co_await read_list<Platform, PlatformList>(
      app, call,
      {store::RecordType::platform, (*project)->organization_id.value, (*project)->id.value},
      page_of(input.limit, input.cursor));
}

Result<Platform> create_platform(Change& change, Call& call, const CreatePlatform& input) {
  KW_TRY(const Project* project,
         visible<Project>(change, call, id_from(input.project_id), "project"));
  Platform platform{{change.new_id()}, project->organization_id, project->id,        input.name,
                    input.type,        input.external_id,        input.service_name, change.now};
  record_created(change, call, platform, "platform",
                 "/projects/" + project->id.to_string() + "/platforms");
  return platform;
}

Result<Platform> get_platform(const Directory& directory, Call& call, const PlatformById& input) {
  KW_TRY(const Platform* platform, platform_of(directory, call, input.project_id, input.id));
  call.reply.etag = etag_of_object(*platform);
  return *platform;
}

Result<Platform> update_platform(Change& change, Call& call, const UpdatePlatform& input) {
  KW_TRY(const Platform* found, platform_of(change, call, input.project_id, input.id));
  const Platform before = *found;
  Platform after = before;
  input.name.apply_to(after.name);
  input.type.apply_to(after.type);
  input.external_id.apply_to(after.external_id);
  input.service_name.apply_to(after.service_name);
  // What it was called by so far may not be sent with a narrowed key any more.
  if (differs_beyond_name(before, after)) change.removes_access();
  KW_CHECK_OK(record_updated(change, call, before, after, "platform"));
  return after;
}

Result<Nothing> delete_platform(Change& change, Call& call, const PlatformById& input) {
  KW_TRY(const Platform* found, platform_of(change, call, input.project_id, input.id));
  KW_CHECK_OK(record_deleted(change, call, Platform(*found), "platform"));
  return Nothing{};
}

}  // namespace

void add_project_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&list_of<Project, ProjectList>>({.name = "projects.list",
                                                                  .method = "GET",
                                                                  .path = "/projects",
                                                                  .summary = "List projects",
                                                                  .tag = "Projects",
                                                                  .right = Right::projects_read}));
  operations.push_back(operation<&create_project>({.name = "projects.create",
                                                   .method = "POST",
                                                   .path = "/projects",
                                                   .summary = "Create a project",
                                                   .tag = "Projects",
                                                   .right = Right::projects_write,
                                                   .status = 201}));
  operations.push_back(operation<&get_project>({.name = "projects.get",
                                                .method = "GET",
                                                .path = "/projects/{id}",
                                                .summary = "Get a project",
                                                .tag = "Projects",
                                                .right = Right::projects_read}));
  operations.push_back(operation<&update_project>({.name = "projects.update",
                                                   .method = "PATCH",
                                                   .path = "/projects/{id}",
                                                   .summary = "Change a project",
                                                   .tag = "Projects",
                                                   .right = Right::projects_write}));
  operations.push_back(
      operation<&delete_project>({.name = "projects.delete",
                                  .method = "DELETE",
                                  .path = "/projects/{id}",
                                  .summary = "Delete a project, its platforms and its keys",
                                  .tag = "Projects",
                                  .right = Right::projects_write,
                                  .status = 204,
                                  .destructive = true}));
  operations.push_back(operation<&list_platforms>({.name = "platforms.list",
                                                   .method = "GET",
                                                   .path = "/projects/{project_id}/platforms",
                                                   .summary = "List the platforms of a project",
                                                   .tag = "Projects",
                                                   .right = Right::projects_read}));
  operations.push_back(operation<&create_platform>({.name = "platforms.create",
                                                    .method = "POST",
                                                    .path = "/projects/{project_id}/platforms",
                                                    .summary = "Add a platform to a project",
                                                    .tag = "Projects",
                                                    .right = Right::projects_write,
                                                    .status = 201}));
  operations.push_back(operation<&get_platform>({.name = "platforms.get",
                                                 .method = "GET",
                                                 .path = "/projects/{project_id}/platforms/{id}",
                                                 .summary = "Get a platform",
                                                 .tag = "Projects",
                                                 .right = Right::projects_read}));
  operations.push_back(operation<&update_platform>({.name = "platforms.update",
                                                    .method = "PATCH",
                                                    .path = "/projects/{project_id}/platforms/{id}",
                                                    .summary = "Change a platform",
                                                    .tag = "Projects",
                                                    .right = Right::projects_write}));
  operations.push_back(operation<&delete_platform>({.name = "platforms.delete",
                                                    .method = "DELETE",
                                                    .path = "/projects/{project_id}/platforms/{id}",
                                                    .summary = "Delete a platform",
                                                    .tag = "Projects",
                                                    .right = Right::projects_write,
                                                    .status = 204,
                                                    .destructive = true}));
}

}  // namespace keywright::app
