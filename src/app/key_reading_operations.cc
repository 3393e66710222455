
#include "app/keys.h"
#include "app/listing.h"
#include "app/operations.h"
#include "app/usage_history.h"
#include "domain/keys/owner_rights.h"

namespace keywright::app {
namespace {

using domain::Key;
using domain::OrganizationId;
using domain::OwnerType;
using domain::Right;

KW_LIST_OF(KeyList, KeyView)

struct ListKeys {
  std::optional<OrganizationId> organization_id;
  std::optional<std::string> owner;
  std::optional<std::string> kind;
  std::optional<std::string> status;
  std::optional<std::string> q;
  std::optional<std::string> include;
  std::optional<domain::KeyspaceId> keyspace_id;
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
};
KW_DESCRIBE(ListKeys,
            field<&ListKeys::organization_id>("organization_id", "Only keys made there.", in_query),
            field<&ListKeys::owner>("owner",
                                    "Left out: your own keys. `all`: every key of the organization "
                                    "(admins and auditors). An id: keys of that owner.",
                                    in_query),
            field<&ListKeys::kind>("kind", "Only keys of this kind.", in_query),
            field<&ListKeys::status>("status", "active, disabled, expired or revoked.", in_query),
            field<&ListKeys::q>("q", "Part of name, id or mask.", in_query, max_length(255)),
            field<&ListKeys::include>("include",
                                      "`revoked`: revoked keys, too. `usage`: with each key how "
                                      "often it was used in the last 30 days. Both: with a comma.",
                                      in_query),
            field<&ListKeys::keyspace_id>("keyspace_id", "Only customer keys of this keyspace.",
                                          in_query),
            field<&ListKeys::limit>("limit", "Most items in one answer, 50 if left out.", in_query,
                                    minimum(1), maximum(200)),
            field<&ListKeys::cursor>("cursor", "`next_cursor` of the page before.", in_query))

struct KeyQuery {
  store::KeyFilter filter;
  std::string status;  // "" = any
  bool with_usage = false;
};

// Which kind of owner has this id? External owners are found by their text.
domain::KeyOwner owner_with_id(const Directory& directory, const std::string& id) {
  const auto uuid = Uuid::parse(id);
  if (uuid && directory.find<domain::User>(*uuid)) return {OwnerType::user, id};
  if (uuid && directory.find<domain::Project>(*uuid)) return {OwnerType::project, id};
  if (uuid && directory.find<domain::Target>(*uuid)) return {OwnerType::target, id};
  if (uuid && directory.find<domain::Organization>(*uuid)) return {OwnerType::organization, id};
  return {OwnerType::external, id};
}

// "revoked,usage"
Result<void> include(std::string_view words, KeyQuery& query) {
  while (true) {
    const std::size_t comma = words.find(',');
    const std::string_view word = words.substr(0, comma);
    if (word != "revoked" && word != "usage") {
      return fail(invalid_field("include", "must be revoked, usage or revoked,usage"));
    }
    (word == "usage" ? query.with_usage : query.filter.include_revoked) = true;
    if (comma == std::string_view::npos) return {};
    words.remove_prefix(comma + 1);
  }
}

Result<void> check_words(const Directory& directory, const ListKeys& input, KeyQuery& query) {
  if (input.kind) {
    const domain::Kind* kind = directory.kinds().named(*input.kind);
    if (kind == nullptr) return fail(invalid_field("kind", "names no kind of key"));
    query.filter.kind = kind->number;
  }
  if (input.status) {
    const std::string& status = *input.status;
    if (status != "active" && status != "disabled" && status != "expired" && status != "revoked") {
      return fail(invalid_field("status", "must be active, disabled, expired or revoked"));
    }
    query.status = status;
  }
  query.filter.include_revoked = query.status == "revoked";
  if (input.include) KW_CHECK_OK(include(*input.include, query));
  query.filter.text = input.q.value_or("");
  if (input.keyspace_id) query.filter.keyspace = input.keyspace_id->value;
  return {};
}

// An account key sees the keys of targets, and no other kind.
Result<void> narrow_to_managed(const Directory& directory, const Call& call, KeyQuery& query) {
  if (!call.caller.is_key()) return {};
  const domain::Kind& own = directory.kinds().at(call.caller.kind);
  if (own.takes_permissions) return {};
  for (const domain::Kind& kind : directory.kinds().all()) {
    if (!kind.owners.contains(OwnerType::target)) continue;
    if (!query.filter.kind) query.filter.kind = kind.number;
    if (query.filter.kind == kind.number && domain::manages_keys_of(own, OwnerType::target)) {
      return {};
    }
  }
  return fail(forbidden("An account key lists the keys of targets only."));
}

// Own keys need no right; anything else needs to read all keys of one organization.
Result<KeyQuery> query_for(const Directory& directory, const Call& call, const ListKeys& input) {
  KeyQuery query;
  KW_CHECK_OK(check_words(directory, input, query));
  const std::string own = call.caller.user.to_string();
  const bool only_own =
      call.caller.is_session() && (!input.owner || *input.owner == own) && !input.keyspace_id;
  if (only_own) {
    query.filter.owner = domain::KeyOwner{OwnerType::user, own};
    if (input.organization_id) query.filter.organization = input.organization_id->value;
    return query;
  }
  KW_TRY(auto organization, choose_organization(directory, call, input.organization_id));
  KW_CHECK_OK(authorise(directory, call, organization, Right::keys_read_all));
  query.filter.organization = organization.value;
  if (input.owner && *input.owner != "all") {
    query.filter.owner = owner_with_id(directory, *input.owner);
  }
  KW_CHECK_OK(narrow_to_managed(directory, call, query));
  return query;
}

constexpr int kPagesMax = 50;  // a filter on the status may have to look at many keys for a few

// One read for all keys of the page.
Task<Result<void>> add_usage(App& app, KeyList& list) {
  if (app.usage == nullptr || list.items.empty()) co_return Result<void>{};
  std::vector<std::int64_t> serials;
  for (const KeyView& key : list.items) serials.push_back(key.serial);
  auto count = [&] { return app.usage->last_days(serials); };
  KW_CO_TRY(auto usages, co_await app.readers.run(count));
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    list.items[i].usage = std::move(usages[i]);
  }
  co_return Result<void>{};
}

Task<Result<KeyList>> list_keys(App& app, Call& call, ListKeys input) {
  KW_CO_CHECK_OK(check_key_manager(app.directory, call));
  KW_CO_TRY(const KeyQuery query, query_for(app.directory, call, input));
  store::Page page = page_of(input.limit, input.cursor);
  const auto limit = static_cast<std::size_t>(page.limit);
  KeyList list;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    page.limit = static_cast<int>(limit - list.items.size());
    auto read = [&] { return app.store.list_keys(query.filter, page); };
    KW_CO_TRY(auto found, co_await app.readers.run(read));
    for (const Key& key : found.items) {
      KeyView view = view_of(app.directory, key, call.now);
      const bool hidden = view.status == "revoked" && !query.filter.include_revoked;
      if (hidden || (!query.status.empty() && view.status != query.status)) continue;
      list.items.push_back(std::move(view));
    }
    list.next_cursor = cursor_of(std::move(found.next));
    if (!list.next_cursor || list.items.size() == limit) break;
    page.after = *list.next_cursor;
  }
  if (query.with_usage) KW_CO_CHECK_OK(co_await add_usage(app, list));
  KW_CO_TRY([[maybe_unused]] const KeyQuery still, query_for(app.directory, call, input));
  co_return list;
}

Task<Result<KeyView>> get_key(App& app, Call& call, ById input) {
  KW_CO_CHECK_OK(check_key_manager(app.directory, call));
  const auto id = domain::KeyId::parse(input.id);
  if (!id) co_return fail(not_found("key"));
  auto read = [&] { return app.store.get_key(*id); };
  KW_CO_TRY(auto key, co_await app.readers.run(read));
  if (!key) co_return fail(not_found("key"));
  KW_CO_CHECK_OK(may_act(app.directory, call, *key, KeyAct::read));
  call.reply.etag = etag_of(*key);
  co_return view_of(app.directory, *key, call.now);
}

}  // namespace

void add_key_reading_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&list_keys>({.name = "keys.list",
                                              .method = "GET",
                                              .path = "/keys",
                                              .summary = "List keys",
                                              .tag = "Keys",
                                              .admits = Admits::key_managers,
                                              .permission = "keys:read"}));
  operations.push_back(operation<&get_key>({.name = "keys.get",
                                            .method = "GET",
                                            .path = "/keys/{id}",
                                            .summary = "Get a key",
                                            .tag = "Keys",
                                            .admits = Admits::key_managers,
                                            .permission = "keys:read"}));
}

}  // namespace keywright::app
