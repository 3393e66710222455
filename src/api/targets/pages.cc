#include "api/targets/pages.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <numeric>
#include <optional>

#include "base/text.h"

namespace keywright::api_targets {
namespace {

constexpr std::int64_t kLengthDefault = 10;
constexpr std::int64_t kLengthMax = 10'000;
constexpr std::size_t kOrdersMax = 4;

tl::unexpected<Error> invalid_page() {
  return fail(Code::not_found, "invalid_page", "Invalid page.");
}

std::optional<std::int64_t> positive(std::string_view text) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  return whole && value > 0 ? std::optional(value) : std::nullopt;
}

// Calls `take` with each part between separators that is not empty.
template <class Take>
void each_part(std::string_view text, std::string_view separators, Take&& take) {
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(separators);
    if (end != 0) take(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

bool has(std::string_view text, const std::string& lower_word) {
  return to_ascii_lower(text).find(lower_word) != std::string::npos;
}

void keep_found(std::vector<Item>& items, std::string_view search) {
  each_part(search, " ,", [&](std::string_view word) {
    const std::string lower = to_ascii_lower(word);
    std::erase_if(items, [&](const Item& item) {
      return !has(item.name, lower) && !has(item.url, lower) && !has(item.id, lower);
    });
  });
}

// What a list can be ordered by: a text, or with none the age, which is the order of the items.
struct Order {
  std::string Item::* text;
  bool descending;

  int compare(const std::vector<Item>& items, std::size_t a, std::size_t b) const {
    const int rising = text != nullptr ? (items[a].*text).compare(items[b].*text) : a > b ? -1 : 1;
    return descending ? -rising : rising;
  }
};

std::optional<Order> order_by(std::string_view field) {
  const bool descending = field.starts_with('-');
  if (descending) field.remove_prefix(1);
  if (field == "id") return Order{&Item::id, descending};
  if (field == "name") return Order{&Item::name, descending};
  if (field == "url") return Order{&Item::url, descending};
  if (field == "created_at" || field == "created") return Order{nullptr, descending};
  return std::nullopt;
}

void sort(std::vector<Item>& items, std::string_view ordering) {
  std::vector<Order> orders;
  each_part(ordering, ", ", [&](std::string_view field) {
    const auto order = order_by(field);
    if (order && orders.size() < kOrdersMax) orders.push_back(*order);
  });
  if (orders.empty()) return;
  std::vector<std::size_t> places(items.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
    if (a == b) return false;
    for (const Order& order : orders) {
      if (const int compared = order.compare(items, a, b); compared != 0) return compared < 0;
    }
    return a < b;
  });
  std::vector<Item> sorted;
  sorted.reserve(items.size());
  for (std::size_t place : places) sorted.push_back(std::move(items[place]));
  items = std::move(sorted);
}

}  // namespace

Result<PageQuery> read_page_query(const http::Query& query) {
  PageQuery read;
  if (const std::string* page = query.find("page"); page != nullptr && *page != "last") {
    const auto number = positive(*page);
    if (!number) return invalid_page();
    read.page = *number;
  } else if (page != nullptr) {
    read.page = 0;
  }
  if (const std::string* length = query.find("length")) {
    read.length = std::min(positive(*length).value_or(kLengthDefault), kLengthMax);
  }
  if (const std::string* ordering = query.find("ordering")) read.ordering = *ordering;
  if (const std::string* search = query.find("search")) read.search = *search;
  return read;
}

Result<Page> page_of(std::vector<Item> items, const PageQuery& query) {
  keep_found(items, query.search);
  sort(items, query.ordering);
  Page page;
  page.count = static_cast<std::int64_t>(items.size());
  page.length = query.length;
  page.page_total = std::max<std::int64_t>(1, (page.count + page.length - 1) / page.length);
  page.page = query.page == 0 ? page.page_total : query.page;
  if (page.page > page.page_total) return invalid_page();
  const auto first = items.begin() + (page.page - 1) * page.length;
  const auto left = std::min<std::int64_t>(page.length, items.end() - first);
  page.results.assign(std::make_move_iterator(first), std::make_move_iterator(first + left));
  return page;
}

}  // namespace keywright::api_targets
