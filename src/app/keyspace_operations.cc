#include "app/operations.h"
#include "app/recording.h"

namespace keywright::app {
namespace {

using domain::Keyspace;
using domain::Right;
using json::Patch;

KW_LIST_OF(KeyspaceList, Keyspace)

struct CreateKeyspace {
  std::optional<domain::OrganizationId> organization_id;
  std::string name;
  std::string prefix;
};
KW_DESCRIBE(CreateKeyspace,
            field<&CreateKeyspace::organization_id>("organization_id", "Where to make it."),
            field<&CreateKeyspace::name>("name", "Shown to people.", required, non_blank,
                                         max_length(255), example("Customers")),
            field<&CreateKeyspace::prefix>("prefix",
                                           "First characters of every token in it; cannot be "
                                           "changed later.",
                                           required, example("acme_live_")))

struct UpdateKeyspace {
  std::string id;
  Patch<std::string> name;
};
KW_DESCRIBE(UpdateKeyspace, field<&UpdateKeyspace::id>("id", "Id of the keyspace.", in_path),
            field<&UpdateKeyspace::name>("name", "Shown to people.", not_null, non_blank,
                                         max_length(255)))

Result<Keyspace> create_keyspace(Change& change, Call& call, const CreateKeyspace& input) {
  KW_TRY(auto organization, choose_organization(change, call, input.organization_id));
  std::vector<std::string> in_use;
  change.for_each<Keyspace>([&](const Keyspace& keyspace) { in_use.push_back(keyspace.prefix); });
  KW_CHECK_OK(domain::check_keyspace_prefix(change.directory().kinds(), input.prefix, in_use));
  Keyspace keyspace{{change.new_id()}, organization, input.name, input.prefix, change.now};
  record_created(change, call, keyspace, "keyspace", "/keyspaces");
  return keyspace;
}

Result<Keyspace> get_keyspace(const Directory& directory, Call& call, const ById& input) {
  KW_TRY(const Keyspace* keyspace,
         visible<Keyspace>(directory, call, id_from(input.id), "keyspace"));
  call.reply.etag = etag_of_object(*keyspace);
  return *keyspace;
}

Result<Keyspace> update_keyspace(Change& change, Call& call, const UpdateKeyspace& input) {
  KW_TRY(const Keyspace* found, visible<Keyspace>(change, call, id_from(input.id), "keyspace"));
  const Keyspace before = *found;
  Keyspace after = before;
  input.name.apply_to(after.name);
  KW_CHECK_OK(record_updated(change, call, before, after, "keyspace"));
  return after;
}

Result<Nothing> delete_keyspace(Change& change, Call& call, const ById& input) {
  KW_TRY(const Keyspace* found, visible<Keyspace>(change, call, id_from(input.id), "keyspace"));
  KW_CHECK_OK(record_deleted(change, call, Keyspace(*found), "keyspace"));
  return Nothing{};
}

}  // namespace

void add_keyspace_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&list_of<Keyspace, KeyspaceList>>({.name = "keyspaces.list",
                                                                    .method = "GET",
                                                                    .path = "/keyspaces",
                                                                    .summary = "List keyspaces",
                                                                    .tag = "Keyspaces",
                                                                    .right = Right::keyspaces_read,
                                                                    .permission = "keys:read"}));
  operations.push_back(
      operation<&create_keyspace>({.name = "keyspaces.create",
                                   .method = "POST",
                                   .path = "/keyspaces",
                                   .summary = "Create a keyspace for customer keys",
                                   .tag = "Keyspaces",
                                   .right = Right::keyspaces_write,
                                   .status = 201}));
  operations.push_back(operation<&get_keyspace>({.name = "keyspaces.get",
                                                 .method = "GET",
                                                 .path = "/keyspaces/{id}",
                                                 .summary = "Get a keyspace",
                                                 .tag = "Keyspaces",
                                                 .right = Right::keyspaces_read,
                                                 .permission = "keys:read"}));
  operations.push_back(operation<&update_keyspace>({.name = "keyspaces.update",
                                                    .method = "PATCH",
                                                    .path = "/keyspaces/{id}",
                                                    .summary = "Rename a keyspace",
                                                    .tag = "Keyspaces",
                                                    .right = Right::keyspaces_write}));
  operations.push_back(operation<&delete_keyspace>({.name = "keyspaces.delete",
                                                    .method = "DELETE",
                                                    .path = "/keyspaces/{id}",
                                                    .summary = "Delete a keyspace; its keys end",
                                                    .tag = "Keyspaces",
                                                    .right = Right::keyspaces_write,
                                                    .status = 204,
                                                    .destructive = true}));
}

}  // namespace keywright::app
