#include "api/targets/pages.h"

#include <gtest/gtest.h>

namespace keywright::api_targets {
namespace {

std::vector<Item> numbered(int count) {
  std::vector<Item> items;
  for (int i = 0; i < count; ++i) items.push_back({"id" + std::to_string(i), "n", {}});
  return items;
}

Result<PageQuery> asked(std::string_view text) {
  auto query = http::Query::parse(text);
  EXPECT_TRUE(query) << text;
  return read_page_query(*query);
}

std::string names(std::vector<Item> items, std::string_view text) {
  const auto query = asked(text);
  const auto page = page_of(std::move(items), *query);
  if (!page) return page.error().reason();
  std::string joined;
  for (const Item& item : page->results) joined += item.name;
  return joined;
}

TEST(Pages, TenAreOnAPageUnlessSaidOtherwise) {
  const auto page = page_of(numbered(23), *asked("page=3"));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->count, 23);
  EXPECT_EQ(page->page_total, 3);
  EXPECT_EQ(page->page, 3);
  EXPECT_EQ(page->length, 10);
  ASSERT_EQ(page->results.size(), 3u);
  EXPECT_EQ(page->results[0].id, "id20");
}

TEST(Pages, AnEmptyListHasOnePage) {
  const auto page = page_of({}, *asked(""));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->page_total, 1);
  EXPECT_EQ(page->count, 0);
  EXPECT_FALSE(page_of({}, *asked("page=2")));
}

TEST(Pages, APageThatIsNotThereIsNotFound) {
  for (std::string_view text : {"page=0", "page=-1", "page=x", "page=", "page=1.5", "page=1e1",
                                "page=99999999999999999999"}) {
    const auto query = asked(text);
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().code(), Code::not_found) << text;
  }
  EXPECT_EQ(page_of(numbered(10), *asked("page=2")).error().reason(), "invalid_page");
  EXPECT_TRUE(page_of(numbered(11), *asked("page=2")));
  EXPECT_FALSE(page_of(numbered(11), *asked("page=9223372036854775807")));
  EXPECT_EQ(page_of(numbered(11), *asked("page=last"))->page, 2);
}

TEST(Pages, ALengthThatIsNoneIsTheUsualOne) {
  for (std::string_view text : {"length=0", "length=-5", "length=x", "length="}) {
    EXPECT_EQ(asked(text)->length, 10) << text;
  }
  EXPECT_EQ(asked("length=3")->length, 3);
  EXPECT_EQ(asked("length=20000")->length, 10000);
}

TEST(Pages, OrderFollowsTheNamedFieldsInTurn) {
  const std::vector<Item> items{{"1", "b", "x"}, {"2", "a", "y"}, {"3", "c", "x"}};
  EXPECT_EQ(names(items, "ordering=name"), "abc");
  EXPECT_EQ(names(items, "ordering=-name"), "cba");
  EXPECT_EQ(names(items, "ordering=url,-name"), "cba");
  EXPECT_EQ(names(items, "ordering=-url,name"), "abc");
  EXPECT_EQ(names(items, "ordering=-id"), "cab");
  EXPECT_EQ(names(items, "ordering=nothing"), "bac");
  EXPECT_EQ(names(items, "ordering=created_at"), "cab");  // newest first, so the other way
  EXPECT_EQ(names(items, "ordering=-created"), "bac");
}

TEST(Pages, SearchNeedsEveryWordInEitherCase) {
  const std::vector<Item> items{{"1", "Web Shop", "https://shop.example"},
                                {"2", "Blog", "https://blog.example"}};
  EXPECT_EQ(names(items, "search=SHOP"), "Web Shop");
  EXPECT_EQ(names(items, "search=web+shop.example"), "Web Shop");
  EXPECT_EQ(names(items, "search=web+blog"), "");
  EXPECT_EQ(names(items, "search=example"), "Web ShopBlog");
  EXPECT_EQ(names(items, "search="), "Web ShopBlog");
}

}  // namespace
}  // namespace keywright::api_targets
