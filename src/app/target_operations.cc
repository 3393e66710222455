#include "app/operations.h"
#include "app/recording.h"

namespace keywright::app {
namespace {

using domain::Right;
using domain::Target;
using json::Patch;

KW_LIST_OF(TargetList, Target)

struct CreateTarget {
  std::optional<domain::OrganizationId> organization_id;
  std::string name;
  std::string url;
};
KW_DESCRIBE(CreateTarget,
            field<&CreateTarget::organization_id>("organization_id", "Where to make it."),
            field<&CreateTarget::name>("name", "Shown to people.", required, non_blank,
                                       max_length(255), example("Web shop")),
            field<&CreateTarget::url>("url", "Address that the target stands for.", required,
                                      max_length(2048), format("uri"),
                                      example("https://shop.example.com")))

struct UpdateTarget {
  std::string id;
  Patch<std::string> name;
  Patch<std::string> url;
};
KW_DESCRIBE(UpdateTarget, field<&UpdateTarget::id>("id", "Id of the target.", in_path),
            field<&UpdateTarget::name>("name", "Shown to people.", not_null, non_blank,
                                       max_length(255)),
            field<&UpdateTarget::url>("url", "Address that the target stands for.", not_null,
                                      max_length(2048), format("uri")))

// A target's address is shown and compared, never called: any http(s) URL will do.
Result<void> check_url(std::string_view url) {
  const bool web = url.starts_with("https://") || url.starts_with("http://");
  const std::string_view rest = web ? url.substr(url.find("://") + 3) : std::string_view();
  const bool clean = url.find_first_of(" \t\r\n\"<>\\") == std::string_view::npos;
  if (web && clean && !rest.empty() && rest.front() != '/') return {};
  return fail(invalid_field("url", "must be a URL that begins with http:// or https://"));
}

// A target's own key sees that target and no other.
Task<Result<TargetList>> list_targets(App& app, Call& call, ListInput input) {
  const auto only = own_target(app.directory, call.caller);
  if (!only) co_return co_await list_of<Target, TargetList>(app, call, std::move(input));
  KW_CO_CHECK_OK(choose_organization(app.directory, call, input.organization_id));
  TargetList list;
  if (const Target* target = app.directory.find<Target>(only->value)) list.items = {*target};
  co_return list;
}

Result<Target> create_target(Change& change, Call& call, const CreateTarget& input) {
  KW_TRY(auto organization, choose_organization(change, call, input.organization_id));
  KW_CHECK_OK(check_url(input.url));
  Target target{{change.new_id()}, organization, input.name, input.url, change.now};
  record_created(change, call, target, "target", "/targets");
  return target;
}

Result<Target> get_target(const Directory& directory, Call& call, const ById& input) {
  KW_TRY(const Target* target, visible<Target>(directory, call, id_from(input.id), "target"));
  call.reply.etag = etag_of_object(*target);
  return *target;
}

Result<Target> update_target(Change& change, Call& call, const UpdateTarget& input) {
  KW_TRY(const Target* found, visible<Target>(change, call, id_from(input.id), "target"));
  const Target before = *found;
  Target after = before;
  input.name.apply_to(after.name);
  input.url.apply_to(after.url);
  KW_CHECK_OK(check_url(after.url));
  KW_CHECK_OK(record_updated(change, call, before, after, "target"));
  return after;
}

Result<Nothing> delete_target(Change& change, Call& call, const ById& input) {
  KW_TRY(const Target* found, visible<Target>(change, call, id_from(input.id), "target"));
  KW_CHECK_OK(record_deleted(change, call, Target(*found), "target"));
  return Nothing{};
}

}  // namespace

void add_target_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&list_targets>({.name = "targets.list",
                                                 .method = "GET",
                                                 .path = "/targets",
                                                 .summary = "List targets",
                                                 .tag = "Targets",
                                                 .right = Right::targets_read}));
  operations.push_back(operation<&create_target>({.name = "targets.create",
                                                  .method = "POST",
                                                  .path = "/targets",
                                                  .summary = "Create a target",
                                                  .tag = "Targets",
                                                  .right = Right::targets_write,
                                                  .status = 201}));
  operations.push_back(operation<&get_target>({.name = "targets.get",
                                               .method = "GET",
                                               .path = "/targets/{id}",
                                               .summary = "Get a target",
                                               .tag = "Targets",
                                               .right = Right::targets_read}));
  operations.push_back(operation<&update_target>({.name = "targets.update",
                                                  .method = "PATCH",
                                                  .path = "/targets/{id}",
                                                  .summary = "Change a target",
                                                  .tag = "Targets",
                                                  .right = Right::targets_write}));
  operations.push_back(operation<&delete_target>({.name = "targets.delete",
                                                  .method = "DELETE",
                                                  .path = "/targets/{id}",
                                                  .summary = "Delete a target; its keys end",
                                                  .tag = "Targets",
                                                  .right = Right::targets_write,
                                                  .status = 204,
                                                  .destructive = true}));
}

}  // namespace keywright::app
