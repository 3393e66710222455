// Addresses, queries and bodies of the targets API: the first line is a path, the second a query,
// the rest a body. Whatever they are, an address is one thing, a page lies within its list, and a
// text that was taken obeys its rules.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/targets/body.h"
#include "api/targets/pages.h"
#include "api/targets/places.h"
#include "base/text.h"

namespace keywright::api_targets {
namespace {

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

std::string_view take_line(std::string_view& input) {
  const std::size_t end = input.find('\n');
  const std::string_view line = input.substr(0, end);
  input = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
  return line;
}

void read_path(std::string_view path) {
  if (!serves(path)) return;
  const Place place = place_of(path);
  const bool has_empty = path.find("//") != std::string_view::npos;
  expect((place.finding == Finding::empty_segment) == has_empty, "an empty segment was collapsed");
  if (place.finding != Finding::slash_missing) return;
  const Place with_slash = place_of(std::string(path) + "/");
  expect(with_slash.finding == Finding::known, "a redirect leads nowhere");
  expect(with_slash.resource == place.resource, "a redirect leads elsewhere");
}

void read_page(std::string_view text) {
  const auto query = http::Query::parse(text);
  if (!query) return;
  const auto wanted = read_page_query(*query);
  if (!wanted) return;
  std::vector<Item> items;
  for (int i = 0; i < 25; ++i) items.push_back({std::to_string(i), i % 2 == 0 ? "a" : "B", "u"});
  const auto page = page_of(std::move(items), *wanted);
  if (!page) return;
  expect(page->page >= 1 && page->page <= page->page_total, "a page beyond the last one");
  expect(static_cast<std::int64_t>(page->results.size()) <= std::min(page->length, page->count),
         "more than a page holds");
}

void read_body(std::string_view text) {
  auto body = Body::read(text);
  if (!body) return;
  const auto name = body->text("name", {.required = true, .may_be_blank = false, .longest = 5});
  expect(name.has_value() == body->problems().has_value(), "neither a text nor a problem");
  if (!name) return;
  expect(!name->empty() && count_utf8_characters(*name) <= 5, "a rule was not kept");
  expect(trim(*name) == *name, "white space stayed");
}

}  // namespace
}  // namespace keywright::api_targets

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  keywright::api_targets::read_path(keywright::api_targets::take_line(input));
  keywright::api_targets::read_page(keywright::api_targets::take_line(input));
  keywright::api_targets::read_body(input);
  return 0;
}
