// store/paging.h - how a list becomes a page, the same in every store.
//
//   query.add(" LIMIT ?", limit_of(page) + 1);          // one more: whether there are more
//   return page_of(std::move(newest_first), page,
//                  [](const Record& last) { return encode_cursor(last.id.bytes); });
//
// Threading: pure functions.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "store/store.h"

namespace keywright::store {

inline int limit_of(const Page& page) { return std::clamp(page.limit, 1, kPageItemsMax); }

// The first of them, up to the limit; where there are more, `next` is cursor_of() of the last one.
template <class T, class CursorOf>
PageOf<T> page_of(std::vector<T> newest_first, const Page& page, CursorOf cursor_of) {
  const auto limit = static_cast<std::size_t>(limit_of(page));
  PageOf<T> result;
  if (newest_first.size() > limit) {
    newest_first.erase(newest_first.begin() + static_cast<std::ptrdiff_t>(limit),
                       newest_first.end());
    result.next = cursor_of(newest_first.back());
  }
  result.items = std::move(newest_first);
  return result;
}

}  // namespace keywright::store
