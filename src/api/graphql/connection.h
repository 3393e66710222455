// api/graphql/connection.h - lists as Relay connections, on top of the operations that list.
//
//   ListSource<domain::Target> source{.operation = "targets.list",
//                                     .parameters = {{"organization_id", id}},
//                                     .cursor_of = ...};
//   return connection(field, "targets/" + id, source);
//
// An edge's cursor is what the operation itself would have given as next_cursor after that item, so
// a page can begin anywhere. Newest first. `first` and `after` read just their page; `last` and
// `before` read from the newest item on, as far as they have to.
//
// More than kPageMost items are never handed out at once: a larger `first` gets that many, and
// hasNextPage. Errors: INVALID naming the argument.
// Threading: the loop of the request. Cost: one read for each 200 items.
// Source: GraphQL Cursor Connections Specification (Relay).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/graphql/visit.h"
#include "json/describe.h"

namespace keywright::graphql_face {

inline constexpr std::int64_t kPageUsual = 50;
inline constexpr std::int64_t kPageMost = 500;

struct PageArguments {
  std::optional<std::int64_t> first;
  std::optional<std::int64_t> last;
  std::string after;
  std::string before;

  std::string key() const;
};

// How many bytes a cursor of the list has; those of a later item are smaller.
inline constexpr std::size_t kRecordCursor = 16;
inline constexpr std::size_t kKeyCursor = 8;

Result<PageArguments> page_arguments(const graphql::Resolving& field, std::size_t cursor_bytes);

template <class T>
struct ListSource {
  std::string operation;
  Parameters parameters;
  std::function<std::string(const T&)> cursor_of;
  std::function<bool(const T&)> accepts = {};  // none: every item
};

template <class T>
struct ConnectionPage {
  std::vector<T> items;
  std::vector<std::string> cursors;
  bool has_next = false;
  bool has_previous = false;
};

// An item and its cursor.
template <class T>
struct Edge {
  const T* node = nullptr;
  std::string_view cursor = {};
};

// A page and how to count the list it is of.
template <class T>
struct Shown {
  const ConnectionPage<T>* page = nullptr;
  graphql::Value (*count)(graphql::Resolving& field, const void* of) = nullptr;
  const void* of = nullptr;
};

// Does the item with cursor `a` stand before the one with cursor `b`?
bool stands_before(std::string_view a, std::string_view b);

template <class T>
struct ReadPage {
  std::vector<T> items;
  std::optional<std::string> next_cursor;
};

// What a list operation answers, decoded.
template <class T>
struct ListReader;

#define KW_READS_LIST(Name, Item)                                          \
  struct Name {                                                            \
    std::vector<Item> items;                                               \
    std::optional<std::string> next_cursor;                                \
  };                                                                       \
  KW_DESCRIBE(Name, field<&Name::items>("items", "Items."),                \
              field<&Name::next_cursor>("next_cursor", "Where to go on.")) \
  template <>                                                              \
  struct ListReader<Item> {                                                \
    using List = Name;                                                     \
  };

namespace connection_detail {

inline constexpr std::size_t kReadAtOnce = 200;

// Walks the list from `after` on; `take` says whether to go on.
template <class T, class Take>
Task<Result<void>> read_items(Visit& visit, ListSource<T> source, std::string after,
                              std::size_t at_once, Take take) {
  using List = typename ListReader<T>::List;
  for (;;) {
    Parameters parameters = source.parameters;
    parameters.emplace_back("limit", std::to_string(at_once));
    if (!after.empty()) parameters.emplace_back("cursor", after);
    KW_CO_TRY(const std::string answer,
              co_await visit.perform(source.operation, std::move(parameters), std::string()));
    KW_CO_TRY(List list, json::decode<List>(answer, {.form = json::Form::response}));
    for (T& item : list.items) {
      if (source.accepts && !source.accepts(item)) continue;
      if (!take(std::move(item))) co_return Result<void>();
    }
    if (!list.next_cursor) co_return Result<void>();
    after = std::move(*list.next_cursor);
  }
}

template <class T>
void keep_last(ConnectionPage<T>& page, std::size_t count) {
  if (page.items.size() <= count) return;
  const auto surplus = static_cast<std::ptrdiff_t>(page.items.size() - count);
  page.items.erase(page.items.begin(), page.items.begin() + surplus);
  page.cursors.erase(page.cursors.begin(), page.cursors.begin() + surplus);
  page.has_previous = true;
}

template <class T>
Task<graphql::Outcome> read_page(Visit& visit, ListSource<T> source, PageArguments arguments) {
  auto page = std::make_shared<ConnectionPage<T>>();
  page->has_previous = !arguments.after.empty();
  page->has_next = !arguments.before.empty();
  const bool forward = arguments.first.has_value();
  const auto wanted = static_cast<std::size_t>(arguments.first.value_or(0));
  const auto from_end = static_cast<std::size_t>(arguments.last.value_or(0));
  const auto take = [&](T item) {
    std::string cursor = source.cursor_of(item);
    if (!arguments.before.empty() && !stands_before(cursor, arguments.before)) return false;
    if (forward && page->items.size() == wanted) {
      page->has_next = true;
      return false;
    }
    page->items.push_back(std::move(item));
    page->cursors.push_back(std::move(cursor));
    if (!forward && page->items.size() > 2 * from_end + kReadAtOnce) keep_last(*page, from_end);
    return true;
  };
  const bool exact = forward && !source.accepts && wanted < kReadAtOnce;
  const std::size_t at_once = exact ? wanted + 1 : kReadAtOnce;
  KW_CO_CHECK_OK(co_await read_items<T>(visit, source, arguments.after, at_once, take));
  if (arguments.last) keep_last(*page, from_end);
  co_return graphql::Outcome(std::shared_ptr<const void>(std::move(page)));
}

template <class T>
Task<graphql::Outcome> count_items(Visit& visit, ListSource<T> source) {
  auto count = std::make_shared<std::int64_t>(0);
  const auto take = [&](const T&) {
    ++*count;
    return true;
  };
  KW_CO_CHECK_OK(co_await read_items<T>(visit, source, std::string(), kReadAtOnce, take));
  co_return graphql::Outcome(std::shared_ptr<const void>(std::move(count)));
}

}  // namespace connection_detail

// The field's connection. `key` names the list; its page is read once for the same arguments.
template <class T>
graphql::Value connection(graphql::Resolving& field, const std::string& key,
                          const ListSource<T>& source, std::size_t cursor_bytes,
                          graphql::Value (*count)(graphql::Resolving&, const void*),
                          const void* of) {
  auto& visit = field.context<Visit>();
  auto arguments = page_arguments(field, cursor_bytes);
  if (!arguments) return refuse(field, arguments.error());
  const graphql::Outcome* page = field.later(key + arguments->key(), [&visit, source, arguments] {
    return connection_detail::read_page<T>(visit, source, *arguments);
  });
  if (page == nullptr) return graphql::Value::waiting();
  if (!*page) return refuse(field, page->error());
  const auto* read = static_cast<const ConnectionPage<T>*>(page->value().get());
  return graphql::Value::object(field.arena().make<Shown<T>>(read, count, of));
}

// How many there are, by reading them all.
template <class T>
graphql::Value counted(graphql::Resolving& field, const std::string& key,
                       const ListSource<T>& source) {
  auto& visit = field.context<Visit>();
  const graphql::Outcome* count = field.later("count/" + key, [&visit, source] {
    return connection_detail::count_items<T>(visit, source);
  });
  if (count == nullptr) return graphql::Value::waiting();
  if (!*count) return refuse(field, count->error());
  return graphql::Value::integer(*static_cast<const std::int64_t*>(count->value().get()));
}

// PageInfo.
void add_page_info(graphql::SchemaBuilder& builder);

struct PageInfoView {
  bool has_next = false;
  bool has_previous = false;
  std::string_view start;
  std::string_view end;
};

namespace connection_detail {

template <class T>
graphql::Value edges(graphql::Resolving& field) {
  const auto* page = field.parent<Shown<T>>().page;
  const auto list = field.make_list(page->items.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string_view cursor = page->cursors[i];
    list[i] = graphql::Value::object(field.arena().make<Edge<T>>(&page->items[i], cursor));
  }
  return graphql::Value::list(list);
}

template <class T>
graphql::Value nodes(graphql::Resolving& field) {
  const auto* page = field.parent<Shown<T>>().page;
  const auto list = field.make_list(page->items.size());
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = graphql::Value::object(&page->items[i]);
  return graphql::Value::list(list);
}

template <class T>
graphql::Value page_info(graphql::Resolving& field) {
  const auto* page = field.parent<Shown<T>>().page;
  auto* info = field.arena().make<PageInfoView>();
  info->has_next = page->has_next;
  info->has_previous = page->has_previous;
  if (!page->cursors.empty()) {
    info->start = page->cursors.front();
    info->end = page->cursors.back();
  }
  return graphql::Value::object(info);
}

template <class T>
graphql::Value total_count(graphql::Resolving& field) {
  const auto& shown = field.parent<Shown<T>>();
  return shown.count(field, shown.of);
}

template <class T>
graphql::Value edge_node(graphql::Resolving& field) {
  return graphql::Value::object(field.parent<Edge<T>>().node);
}

template <class T>
graphql::Value edge_cursor(graphql::Resolving& field) {
  return graphql::Value::text(field.parent<Edge<T>>().cursor);
}

}  // namespace connection_detail

// TargetConnection and TargetEdge, for the node type "Target".
template <class T>
void add_connection(graphql::SchemaBuilder& builder, const std::string& node) {
  namespace detail = connection_detail;
  builder.object(node + "Connection", "A page of a list, newest first.")
      .field("edges", "[" + node + "Edge!]!", "The items of the page, with their cursors.",
             &detail::edges<T>)
      .items(graphql::kPageItems)
      .field("nodes", "[" + node + "!]!", "The items of the page.", &detail::nodes<T>)
      .items(graphql::kPageItems)
      .field("pageInfo", "PageInfo!", "Is there more?", &detail::page_info<T>)
      .field("totalCount", "Int!", "How many there are on all pages.", &detail::total_count<T>);
  builder.object(node + "Edge", "An item of a list, and where it stands.")
      .field("node", node + "!", "The item.", &detail::edge_node<T>)
      .field("cursor", "String!", "For `after` and `before`.", &detail::edge_cursor<T>);
}

// first, after, last and before, for the field that was just added.
void add_page_arguments(graphql::SchemaBuilder::TypeBuilder& type);

}  // namespace keywright::graphql_face
