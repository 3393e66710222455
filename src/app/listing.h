// app/listing.h - lists of objects, the same everywhere: newest first, limit and cursor.
//
//   KW_LIST_OF(ProjectList, domain::Project)
//   operation<&list_of<domain::Project, ProjectList>>({.name = "projects.list", ...})
//
// A cursor is what the previous page gave as next_cursor; lists are stable under inserts because
// they are ordered by id, and ids grow with time.
//
// Threading: io threads; the read runs on a worker. Cost: one indexed read of the store.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "app/authority.h"
#include "app/operation.h"

#define KW_LIST_OF(Name, Item)                                                   \
  struct Name {                                                                  \
    std::vector<Item> items;                                                     \
    std::optional<std::string> next_cursor;                                      \
  };                                                                             \
  KW_DESCRIBE(Name, field<&Name::items>("items", "Newest first."),               \
              field<&Name::next_cursor>("next_cursor",                           \
                                        "Send it as `cursor` for what follows; " \
                                        "null at the end."))

namespace keywright::app {

struct ListInput {
  std::optional<domain::OrganizationId> organization_id;
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
};
KW_DESCRIBE(ListInput,
            field<&ListInput::organization_id>("organization_id",
                                               "Which organization; your oldest one if left out.",
                                               in_query),
            field<&ListInput::limit>("limit", "Most items in one answer, 50 if left out.", in_query,
                                     minimum(1), maximum(200)),
            field<&ListInput::cursor>("cursor", "Where to go on: `next_cursor` of the page before.",
                                      in_query))

// Of a list that belongs to no one organization.
struct PageInput {
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
};
KW_DESCRIBE(PageInput,
            field<&PageInput::limit>("limit", "Most items in one answer, 50 if left out.", in_query,
                                     minimum(1), maximum(200)),
            field<&PageInput::cursor>("cursor", "Where to go on: `next_cursor` of the page before.",
                                      in_query))

// The id of one object, from the path. Text, so that a malformed id is an unknown one.
struct ById {
  std::string id;
};
KW_DESCRIBE(ById, field<&ById::id>("id", "Id of the object.", in_path))

// The nil id, which nothing has, for a text that is no id.
inline Uuid id_from(std::string_view text) { return Uuid::parse(text).value_or(Uuid{}); }

// Of what is in memory: newest first, and the cursor is the last id shown.
template <class List, class T>
Result<List> page_from_memory(std::vector<T> all, const PageInput& input) {
  const bool goes_on = input.cursor && !input.cursor->empty();
  const Uuid after = goes_on ? id_from(*input.cursor) : Uuid{};
  if (goes_on && after.is_nil()) {
    return fail(invalid_field("cursor", "is not one that a page of this list gave"));
  }
  std::sort(all.begin(), all.end(), [](const T& a, const T& b) { return a.id > b.id; });
  if (goes_on) std::erase_if(all, [&](const T& item) { return item.id.value >= after; });
  List list;
  const auto limit = static_cast<std::size_t>(input.limit.value_or(50));
  if (all.size() > limit) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(limit), all.end());
    list.next_cursor = all.back().id.to_string();
  }
  list.items = std::move(all);
  return list;
}

inline store::Page page_of(const std::optional<std::int64_t>& limit,
                           const std::optional<std::string>& cursor) {
  return {static_cast<int>(limit.value_or(50)), cursor.value_or("")};
}

inline std::optional<std::string> cursor_of(std::string next) {
  return next.empty() ? std::nullopt : std::optional<std::string>(std::move(next));
}

// Records of one organization or parent, decoded; rights are asked before and after the read.
template <class T, class List>
Task<Result<List>> read_list(App& app, Call& call, store::RecordFilter filter, store::Page page) {
  auto read = [&] { return app.store.list_records(filter, page); };
  auto records = co_await app.readers.run(read);
  if (!records) co_return fail(std::move(records).error());
  const domain::OrganizationId organization{*filter.organization};
  auto allowed = authorise(app.directory, call, organization);
  if (!allowed) co_return fail(std::move(allowed).error());
  List list;
  for (const store::Record& record : records->items) {
    auto object = json::decode<T>(record.body, {.form = json::Form::store});
    if (object) list.items.push_back(std::move(*object));
  }
  list.next_cursor = cursor_of(std::move(records->next));
  co_return list;
}

template <class T, class List>
Task<Result<List>> list_of(App& app, Call& call, ListInput input) {
  auto organization = choose_organization(app.directory, call, input.organization_id);
  if (!organization) co_return fail(std::move(organization).error());
  co_return co_await read_list<T, List>(app, call,
                                        {RecordTraits<T>::type, organization->value, std::nullopt},
                                        page_of(input.limit, input.cursor));
}

// The text an ETag is made of, and the ETag.
template <class T>
std::string etag_of_object(const T& object) {
  return etag_of(json::encode(object, {.form = json::Form::store}));
}

}  // namespace keywright::app
