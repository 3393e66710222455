#include "console/console.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "console/assets.h"

namespace keywright::console {
namespace {

// ' onload="' and the like.
bool has_event_attribute(std::string_view html) {
  for (auto at = html.find(" on"); at != std::string_view::npos; at = html.find(" on", at + 1)) {
    const auto end = html.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at + 3);
    if (end != std::string_view::npos && html[end] == '=') return true;
  }
  return false;
}

class NoConnection final : public http::ExchangeControl {
 public:
  Task<Result<std::string_view>> read_body() override { co_return std::string_view(); }
  void cut(std::string_view) override {}
  void on_disconnect(std::function<void()>) override {}
  bool client_has_gone() const override { return false; }
};

class Pages : public testing::Test {
 protected:
  void ask(std::string_view path, std::initializer_list<http::Field> fields = {},
           http::Method method = http::Method::get) {
    http::Request request;
    request.method = method;
    request.method_text = http::to_string(method);
    request.path = path;
    for (const http::Field& field : fields) request.headers.add(field);
    response.clear();
    http::Exchange exchange(request, response, loop, control);
    EXPECT_FALSE(console.handle(exchange).has_value());
  }

  std::string header(std::string_view name) const {
    const std::string line = std::string(name) + ": ";
    const auto at = response.header_block().find(line);
    if (at == std::string_view::npos) return "";
    const auto start = at + line.size();
    const auto end = response.header_block().find("\r\n", start);
    return std::string(response.header_block().substr(start, end - start));
  }

  net::Loop loop;
  NoConnection control;
  http::Response response;
  Console console;
};

TEST_F(Pages, TheRootLeadsToTheConsole) {
  ask("/");
  EXPECT_EQ(response.status, 302);
  EXPECT_EQ(header("Location"), "/console/");
  ask("/console");
  EXPECT_EQ(header("Location"), "/console/");
}

TEST_F(Pages, EveryAssetIsServedWithItsTypeAndInOurPaths) {
  for (const Asset& asset : all_assets()) {
    EXPECT_TRUE(serves(asset.path)) << asset.path;
    ask(asset.path);
    EXPECT_EQ(response.status, 200) << asset.path;
    EXPECT_EQ(response.content_type(), asset.content_type);
    EXPECT_EQ(response.body, asset.plain);
    EXPECT_EQ(header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header("Referrer-Policy"), "no-referrer");
  }
}

TEST_F(Pages, PagesHaveAPolicyWithoutInlineCodeAndHaveNone) {
  for (const Asset& asset : all_assets()) {
    if (!asset.content_type.starts_with("text/html")) continue;
    ask(asset.path);
    const std::string policy = header("Content-Security-Policy");
    EXPECT_NE(policy.find("default-src 'none'"), std::string::npos) << asset.path;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << asset.path;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << asset.path;
    EXPECT_EQ(asset.plain.find("<style"), std::string_view::npos) << asset.path;
    EXPECT_EQ(asset.plain.find(" style="), std::string_view::npos) << asset.path;
    EXPECT_EQ(asset.plain.find("<script>"), std::string_view::npos) << asset.path;
    EXPECT_FALSE(has_event_attribute(asset.plain)) << asset.path;
  }
}

TEST_F(Pages, TheSmallestFormThatIsTakenIsSent) {
  ask("/docs/swagger-ui-bundle.js", {{"Accept-Encoding", "br;q=0, gzip;q=0.8"}});
  EXPECT_EQ(header("Content-Encoding"), "gzip");
  EXPECT_TRUE(response.body.starts_with("\x1f\x8b"));
  const std::string gzip = header("ETag");
  ask("/docs/swagger-ui-bundle.js", {{"Accept-Encoding", "gzip, deflate, br"}});
  EXPECT_EQ(header("Content-Encoding"), "br");
  const std::string brotli = header("ETag");
  ask("/docs/swagger-ui-bundle.js", {{"Accept-Encoding", "gzip;q=0, *;q=0"}});
  EXPECT_EQ(header("Content-Encoding"), "");
  EXPECT_EQ((std::set{gzip, brotli, header("ETag")}).size(), 3U);
  EXPECT_EQ(header("Vary"), "Accept-Encoding");
}

TEST_F(Pages, FilesWithTheirContentInTheirNameAreKeptAndTheRestIsAskedForAgain) {
  std::size_t kept = 0;
  for (const Asset& asset : all_assets()) {
    ask(asset.path);
    if (asset.path.starts_with("/console/assets/")) {
      EXPECT_EQ(header("Cache-Control"), "public, max-age=31536000, immutable") << asset.path;
      ++kept;
    } else {
      EXPECT_EQ(header("Cache-Control"), "no-cache") << asset.path;
    }
  }
  EXPECT_GT(kept, 0U);
}

// What the page loads before it shows anything.
TEST_F(Pages, TheConsoleBeginsWithAtMost200KibibytesOfScript) {
  ask("/console/");
  const std::string page(response.body);
  std::size_t scripts = 0;
  for (const Asset& asset : all_assets()) {
    if (!asset.path.ends_with(".js") || page.find(asset.path) == std::string::npos) continue;
    scripts += asset.gzip.size();
  }
  EXPECT_GT(scripts, 20U * 1024);
  EXPECT_LE(scripts, 200U * 1024);
}

TEST_F(Pages, EveryAddressOfTheConsoleIsItsPage) {
  ask("/console/");
  const std::string page(response.body);
  for (std::string_view path : {"/console/setup", "/console/account/keys", "/console/projects/x"}) {
    ask(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.body, page) << path;
  }
  ask("/console/nothing", {{"Accept", "text/html,*/*;q=0.8"}});
  EXPECT_EQ(response.body, page);
  for (std::string_view path : {"/console/assets/old-1234.js", "/console/account/x.js"}) {
    ask(path, {{"Accept", "text/html"}});
    EXPECT_EQ(response.status, 404) << path;
  }
}

TEST_F(Pages, AKnownFileIsA304) {
  ask("/console/");
  const std::string tag = header("ETag");
  ask("/console/", {{"If-None-Match", tag}});
  EXPECT_EQ(response.status, 304);
  EXPECT_EQ(response.body, "");
}

TEST_F(Pages, OtherPathsAndMethodsAreProblems) {
  ask("/console/nothing");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type(), "application/problem+json");
  ask("/docs", {}, http::Method::post);
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(header("Allow"), "GET, HEAD");
  for (std::string_view path : {"/api/v1/me", "/consolex", "/docsx", "/metrics"}) {
    EXPECT_FALSE(serves(path)) << path;
  }
}

}  // namespace
}  // namespace keywright::console
