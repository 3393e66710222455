#include "api/targets/body.h"
#include "api/targets/visit.h"
#include "app/authority.h"
#include "app/perform.h"
#include "app/targets_api.h"

namespace keywright::api_targets {
namespace {

using domain::OwnerType;
using http::Method;

constexpr TextRules kKeyName{.longest = 255};
constexpr std::size_t kItemsMax = 50'000;

bool is_read(Method method) { return method == Method::get || method == Method::head; }

tl::unexpected<Error> not_found() { return fail(Code::not_found, "not_found", "Not found."); }

Error too_many() {
  return invalid_field(kNoField,
                       "The list is too long for numbered pages. The native API lists any number.");
}

template <class T>
Result<T> row_of(std::string_view text) {
  return json::decode<T>(text, {.form = json::Form::response});
}

}  // namespace

template <class Rows>
Task<Result<std::vector<Item>>> Face::all_items(Visit& visit, std::string_view operation,
                                                Input input) {
  std::vector<Item> items;
  input.query.emplace_back("limit", "200");
  const std::size_t fields = input.query.size();
  while (true) {
    Input page = input;
    KW_CO_TRY(const std::string text, co_await ask(visit, operation, std::move(page)));
    KW_CO_TRY(Rows rows, row_of<Rows>(text));
    for (auto& row : rows.items) items.push_back(item_of(std::move(row)));
    if (!rows.next_cursor) co_return items;
    if (items.size() > kItemsMax) co_return fail(too_many());
    input.query.resize(fields);
    input.query.emplace_back("cursor", *rows.next_cursor);
  }
}

Task<Result<void>> Face::list_keys(Visit& visit, Input input) {
  KW_CO_TRY(const PageQuery query, read_page_query(visit.query));
  auto items = co_await all_items<KeyRows>(visit, "keys.list", std::move(input));
  if (!items) co_return fail(std::move(items).error());
  KW_CO_TRY(const Page page, page_of(std::move(*items), query));
  write_page(visit.body, page, Shape::key);
  co_return Result<void>();
}

// For the organization, or for one of its targets.
Task<Result<void>> Face::make_key(Visit& visit, std::string kind, const TargetRow* target) {
  KW_CO_TRY(Body body, Body::read(visit.request.body));
  const auto name = body.text("name", kKeyName);
  const auto organization = body.text("organization_id", {});
  KW_CO_CHECK_OK(body.problems());
  Input input;
  json::Writer writer(input.body);
  writer.begin_object().key("kind").string(kind).key("name").string(name.value_or(""));
  if (target != nullptr) {
    writer.key("organization_id").string(target->organization_id.to_string());
    writer.key("owner").begin_object().key("type").string("target");
    writer.key("id").string(target->id).end_object();
  } else if (organization) {
    writer.key("organization_id").string(*organization);
  }
  writer.end_object();
  const app::Operation& create = app::create_unnamed_key();
  KW_CO_TRY(const std::string made, co_await ask(visit, create, std::move(input)));
  KW_CO_TRY(const KeyRow row, row_of<KeyRow>(made));
  write_made_key(visit.body, row);
  visit.status = 201;
  co_return Result<void>();
}

// The key of this address, if it is of that kind and, where that is said, of that owner. What was
// deleted is gone.
Task<Result<KeyRow>> Face::find_key(Visit& visit, std::string kind, std::string owner) {
  Input input;
  input.id = visit.key;
  KW_CO_TRY(const std::string found, co_await ask(visit, "keys.get", std::move(input)));
  KW_CO_TRY(KeyRow row, row_of<KeyRow>(found));
  const bool here =
      row.kind == kind && row.status != "revoked" && (owner.empty() || row.owner.id == owner);
  if (!here) co_return not_found();
  co_return row;
}

Task<Result<void>> Face::delete_key(Visit& visit, std::string id) {
  Input input;
  input.id = std::move(id);
  KW_CO_CHECK_OK(co_await ask(visit, "keys.delete", std::move(input)));
  visit.status = 204;
  co_return Result<void>();
}

Task<Result<TargetRow>> Face::find_target(Visit& visit) {
  Input input;
  input.id = visit.target;
  KW_CO_TRY(const std::string found, co_await ask(visit, "targets.get", std::move(input)));
  co_return row_of<TargetRow>(found);
}

Task<Result<void>> Face::serve_account_keys(Visit& visit) {
  KW_CO_CHECK_OK(
      app::may_manage_keys_of(OwnerType::organization, visit.call.caller, app_.directory.kinds()));
  if (!is_read(visit.request.method)) co_return co_await make_key(visit, "account", nullptr);
  Input input;
  input.query = {{"owner", "all"}, {"kind", "account"}};
  co_return co_await list_keys(visit, std::move(input));
}

Task<Result<void>> Face::serve_account_key(Visit& visit) {
  KW_CO_CHECK_OK(
      app::may_manage_keys_of(OwnerType::organization, visit.call.caller, app_.directory.kinds()));
  KW_CO_TRY(KeyRow row, co_await find_key(visit, "account", ""));
  if (!is_read(visit.request.method)) co_return co_await delete_key(visit, std::move(row.id));
  write_item(visit.body, item_of(std::move(row)), Shape::key);
  co_return Result<void>();
}

Task<Result<void>> Face::serve_target_keys(Visit& visit) {
  KW_CO_TRY(const TargetRow target, co_await find_target(visit));
  KW_CO_CHECK_OK(
      app::may_manage_keys_of(OwnerType::target, visit.call.caller, app_.directory.kinds()));
  if (!is_read(visit.request.method)) co_return co_await make_key(visit, "target", &target);
  Input input;
  input.query = {{"owner", target.id}, {"organization_id", target.organization_id.to_string()}};
  co_return co_await list_keys(visit, std::move(input));
}

Task<Result<void>> Face::serve_target_key(Visit& visit) {
  KW_CO_TRY(const TargetRow target, co_await find_target(visit));
  KW_CO_CHECK_OK(
      app::may_manage_keys_of(OwnerType::target, visit.call.caller, app_.directory.kinds()));
  KW_CO_TRY(KeyRow row, co_await find_key(visit, "target", target.id));
  if (!is_read(visit.request.method)) co_return co_await delete_key(visit, std::move(row.id));
  write_item(visit.body, item_of(std::move(row)), Shape::key);
  co_return Result<void>();
}

namespace {

// {name, url} as they were sent; `whole`: both have to be there.
Result<std::string> target_body(std::string_view text, bool whole, bool with_organization) {
  KW_TRY(Body body, Body::read(text));
  const auto name = body.text("name", {.required = whole, .may_be_blank = false, .longest = 255});
  const auto url = body.text("url", {.required = whole, .may_be_blank = false, .longest = 2048});
  const auto organization =
      with_organization ? body.text("organization_id", {}) : std::optional<std::string>();
  KW_CHECK_OK(body.problems());
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  if (name) writer.key("name").string(*name);
  if (url) writer.key("url").string(*url);
  if (organization) writer.key("organization_id").string(*organization);
  writer.end_object();
  return out;
}

}  // namespace

Task<Result<void>> Face::serve_targets(Visit& visit) {
  if (!is_read(visit.request.method)) {
    const app::Operation& create = *app::find_operation("targets.create");
    KW_CO_CHECK_OK(app::may_call(create, visit.call.caller, app_.directory.kinds()));
    Input input;
    KW_CO_TRY(input.body, target_body(visit.request.body, true, true));
    KW_CO_TRY(const std::string made, co_await ask(visit, create, std::move(input)));
    KW_CO_TRY(TargetRow row, row_of<TargetRow>(made));
    write_item(visit.body, item_of(std::move(row)), Shape::target);
    visit.status = 201;
    co_return Result<void>();
  }
  KW_CO_TRY(const PageQuery query, read_page_query(visit.query));
  Input input;
  auto items = co_await all_items<TargetRows>(visit, "targets.list", std::move(input));
  if (!items) co_return fail(std::move(items).error());
  KW_CO_TRY(const Page page, page_of(std::move(*items), query));
  write_page(visit.body, page, Shape::target);
  co_return Result<void>();
}

Task<Result<void>> Face::serve_target(Visit& visit) {
  const Method method = visit.request.method;
  KW_CO_TRY(TargetRow row, co_await find_target(visit));
  if (is_read(method)) {
    write_item(visit.body, item_of(std::move(row)), Shape::target);
    co_return Result<void>();
  }
  Input input;
  input.id = row.id;
  if (method == Method::delete_) {
    KW_CO_CHECK_OK(co_await ask(visit, "targets.delete", std::move(input)));
    visit.status = 204;
    co_return Result<void>();
  }
  const app::Operation& update = *app::find_operation("targets.update");
  KW_CO_CHECK_OK(app::may_call(update, visit.call.caller, app_.directory.kinds()));
  KW_CO_TRY(input.body, target_body(visit.request.body, method == Method::put, false));
  KW_CO_TRY(const std::string after, co_await ask(visit, update, std::move(input)));
  KW_CO_TRY(TargetRow changed, row_of<TargetRow>(after));
  write_item(visit.body, item_of(std::move(changed)), Shape::target);
  co_return Result<void>();
}

}  // namespace keywright::api_targets
