// api/targets/pages.h - lists in numbered pages, as this API gives them.
//
//   // ?page=&length=&ordering=&search=
//   KW_TRY(PageQuery query, read_page_query(http_query));
//   KW_TRY(Page page, page_of(std::move(items), query));    // items: newest first
//   {"count":23,"page_total":3,"page":2,"length":10,"results":[...]}
//
// `length` is the size of a page: 10 if left out or no positive number, 10,000 at most; the answer
// says which size was taken. `ordering` names fields, separated by commas, each descending with a
// "-" before it; names that are none are passed over. `search` keeps what has each of its words in
// one of its texts, in either case of ASCII letters. The order is that of the items otherwise.
//
// Errors: not_found `invalid_page` for a page that is no number or lies beyond the last one. An
// empty list has one page.
// Threading: pure. Cost: sorts what was found.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/query.h"

namespace keywright::api_targets {

// A key or a target, as far as lists look at it.
struct Item {
  std::string id;
  std::string name;
  std::string url = {};  // of a target
};

struct PageQuery {
  std::int64_t page = 1;  // 0: the last one
  std::int64_t length = 10;
  std::string ordering = {};
  std::string search = {};
};

struct Page {
  std::int64_t count = 0;
  std::int64_t page_total = 1;
  std::int64_t page = 1;
  std::int64_t length = 10;
  std::vector<Item> results;
};

Result<PageQuery> read_page_query(const http::Query& query);

Result<Page> page_of(std::vector<Item> items, const PageQuery& query);

}  // namespace keywright::api_targets
