#include "server/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "server/config_file.h"

namespace keywright::server {
namespace {

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "keywright-config-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& text) {
    const std::string path = directory_ / "keywright.toml";
    std::ofstream(path) << text;
    return path;
  }

  Result<Config> read(std::vector<GivenOption> flags) {
    return read_config(flags, [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      if (found == environment_.end()) return std::nullopt;
      return found->second;
    });
  }

  // "place message" of each problem.
  std::vector<std::string> problems(std::vector<GivenOption> flags) {
    auto config = read(std::move(flags));
    std::vector<std::string> out;
    if (config) return out;
    for (const FieldProblem& problem : config.error().problems()) {
      out.push_back(problem.field + " " + problem.message);
    }
    return out;
  }

  std::filesystem::path directory_;
  std::map<std::string, std::string> environment_;
};

TEST_F(ConfigTest, FlagWinsOverEnvironmentWinsOverFile) {
  const std::string file = write("data = '/file'\nthreads = 3\npublic_url = 'https://file'\n");
  environment_ = {
      {"KEYWRIGHT_CONFIG", file}, {"KEYWRIGHT_DATA", "/environment"}, {"KEYWRIGHT_THREADS", "4"}};
  auto config = read({{"data", {"/flag"}}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->data_directory, "/flag");
  EXPECT_EQ(config->threads, 4u);
  EXPECT_EQ(config->public_url, "https://file");
}

TEST_F(ConfigTest, ListGivenAtAStrongerPlaceReplacesTheWeakerOne) {
  const std::string file = write("data = '/d'\nlisten = ['127.0.0.1:1', '127.0.0.1:2']\n");
  auto config = read({{"config", {file}}, {"listen", {"127.0.0.1:3"}}});
  ASSERT_TRUE(config);
  ASSERT_EQ(config->listen.size(), 1u);
  EXPECT_EQ(config->listen[0].port, 3);
}

TEST_F(ConfigTest, EnvironmentListsAreSeparatedByCommas) {
  environment_ = {{"KEYWRIGHT_DATA", "/d"}, {"KEYWRIGHT_LISTEN", "127.0.0.1:1, [::1]:2"}};
  auto config = read({});
  ASSERT_TRUE(config);
  ASSERT_EQ(config->listen.size(), 2u);
  EXPECT_EQ(net::to_string(config->listen[1]), "[::1]:2");
}

TEST_F(ConfigTest, EmptyEnvironmentVariableCountsAsNotSet) {
  environment_ = {{"KEYWRIGHT_DATA", "/d"}, {"KEYWRIGHT_THREADS", ""}};
  auto config = read({});
  ASSERT_TRUE(config);
  EXPECT_GE(config->threads, 1u);
}

TEST_F(ConfigTest, EveryOptionHasItsThreeNames) {
  for (const Option& option : serve_options()) {
    EXPECT_TRUE(option.flag().starts_with("--")) << option.name;
    EXPECT_EQ(option.environment().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"),
              std::string::npos)
        << option.name;
    EXPECT_EQ(option.file_key().find('-'), std::string::npos) << option.name;
    EXPECT_EQ(find_option(option.name), &option);
  }
  EXPECT_EQ(find_option("public-url")->environment(), "KEYWRIGHT_PUBLIC_URL");
  EXPECT_EQ(find_option("public-url")->file_key(), "public_url");
}

TEST_F(ConfigTest, DefaultsAreLoopbackAndBesideTheData) {
  auto config = read({{"data", {"/d"}}});
  ASSERT_TRUE(config);
  ASSERT_EQ(config->listen.size(), 1u);
  EXPECT_EQ(net::to_string(config->listen[0]), "127.0.0.1:8080");
  EXPECT_EQ(config->digest_key_file, "/d/digest.key");
  EXPECT_FALSE(config->demo);
  EXPECT_FALSE(config->access_log);
  EXPECT_TRUE(config->allowed_upstreams.empty());
}

TEST_F(ConfigTest, EverythingWrongIsReportedAtOnceWithItsPlace) {
  environment_ = {{"KEYWRIGHT_THREADS", "none"}};
  const auto found = problems({{"listen", {"nowhere"}}, {"public-url", {"keys.example.com"}}});
  ASSERT_EQ(found.size(), 4u);
  EXPECT_NE(found[0].find("--listen \"nowhere\" must be an address"), std::string::npos);
  EXPECT_NE(found[1].find("--public-url \"keys.example.com\" must be http"), std::string::npos);
  EXPECT_NE(found[2].find("KEYWRIGHT_THREADS \"none\" must be a whole number"), std::string::npos);
  EXPECT_NE(found[3].find("--data is missing"), std::string::npos);
}

TEST_F(ConfigTest, UnknownKeyInTheFileIsRefusedWithLineAndColumn) {
  const std::string file = write("data = '/d'\n\n  thread = 3\n");
  const auto found = problems({{"config", {file}}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].starts_with("keywright.toml:3:3: thread is no setting")) << found[0];
}

TEST_F(ConfigTest, MalformedFileIsRefusedWithLineAndColumn) {
  const std::string file = write("data = '/d'\nthreads = = 3\n");
  const auto found = problems({{"config", {file}}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].starts_with("keywright.toml:2:")) << found[0];
}

TEST_F(ConfigTest, FileMayHoldCommentsEscapesAndLongLists) {
  const std::string text =
      "# f\u00fcr uns\r\n\"data\" = \"/d\\u00e9\\\\\"  # it's\n\n"
      "listen = [  # two\n  '127.0.0.1:1',\n  \"[::1]:2\",\n]\nthreads = 1_6\n";
  auto config = read({{"config", {write(text)}}});
  ASSERT_TRUE(config) << config.error().problems()[0].field;
  EXPECT_EQ(config->data_directory, "/d\u00e9\\");
  EXPECT_EQ(config->listen.size(), 2u);
  EXPECT_EQ(config->threads, 16u);
}

TEST_F(ConfigTest, MistakesOfFormAreRefusedWhereTheyAre) {
  const std::pair<const char*, const char*> cases[] = {
      {"threads = \u00e9", ":1:11"},
      {"[server]\ndata = '/d'", ":1:1"},
      {"data", ":1:5"},
      {"\ndata = \"/d", ":2:11"},
      {"data = \"a\\x\"", ":1:10"},
      {"data = \"\\ud800\"", ":1:9"},
      {"data = '/d' x", ":1:13"},
      {"listen = ['a' 'b']", ":1:15"},
      {"listen = [1]", ":1:11"},
      {"threads = 1.5", ":1:11"},
      {"threads = _1", ":1:11"},
      {"store = {}", ":1:9"},
      {"data = '''/d'''", ":1:8"},
      {"a.b = 1", ":1:2"},
      {"listen = [", ":1:11"},
      {"# \x01", ":1:3"},
      {"demo = [true]", ":1:9"},
  };
  for (const auto& [text, place] : cases) {
    auto options = parse_config_file(text, "f");
    ASSERT_FALSE(options) << text;
    EXPECT_EQ(options.error().problems().back().field, std::string("f") + place) << text;
  }
}

TEST_F(ConfigTest, WrongTypeInTheFileIsRefused) {
  const std::string file = write("data = ['/d']\nthreads = true\ndemo = 'maybe'\nlisten = 80\n");
  EXPECT_EQ(problems({{"config", {file}}}).size(), 2u);  // found while reading the file
  EXPECT_EQ(problems({{"config", {write("data='/d'\nthreads=true\ndemo='maybe'\n")}}}).size(), 2u);
}

TEST_F(ConfigTest, HyphensAndUnderscoresInTheFileNameOneSetting) {
  auto config = read({{"config", {write("data = '/d'\naccess-log = true\n")}}});
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->access_log);
  EXPECT_EQ(problems({{"config", {write("data='/d'\naccess-log=true\naccess_log=true\n")}}}).size(),
            1u);
}

TEST_F(ConfigTest, MissingFileIsAnError) {
  auto config = read({{"data", {"/d"}}, {"config", {directory_ / "none.toml"}}});
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().detail().find("none.toml"), std::string::npos);
}

TEST_F(ConfigTest, AStoreIsSqliteOrAUrlAndNoAnswerRepeatsItsPassword) {
  EXPECT_TRUE(read({{"data", {"/d"}}, {"store", {"sqlite"}}})->store_url.empty());
  const auto config = read({{"data", {"/d"}}, {"store", {"postgres://u:hunter2@db/keys"}}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->store_url.reveal(), "postgres://u:hunter2@db/keys");
  for (const char* wrong : {"postgres://u:hunter2@[db/keys", "mysql://u:hunter2@db", "hunter2"}) {
    const auto found = problems({{"data", {"/d"}}, {"store", {wrong}}});
    ASSERT_EQ(found.size(), 1u) << wrong;
    EXPECT_EQ(found[0].find("hunter2"), std::string::npos);
    EXPECT_NE(found[0].find("sqlite"), std::string::npos);
  }
}

TEST_F(ConfigTest, MaxStalenessIsATimeFromASecondToFiveMinutes) {
  const auto staleness = [&](const char* text) {
    auto config = read({{"data", {"/d"}}, {"max-staleness", {text}}});
    return config ? config->max_staleness.count() : -1;
  };
  EXPECT_EQ(read({{"data", {"/d"}}})->max_staleness, std::chrono::seconds(5));
  EXPECT_EQ(staleness("5s"), 5'000);
  EXPECT_EQ(staleness("30"), 30'000);
  EXPECT_EQ(staleness("1500ms"), 1'500);
  EXPECT_EQ(staleness("2m"), 120'000);
  for (const char* wrong : {"0", "999ms", "301s", "-5s", "6m", "", "s", "9999999999999999999"}) {
    EXPECT_EQ(staleness(wrong), -1) << wrong;
  }
}

TEST_F(ConfigTest, AnUpstreamHasFromASecondToAnHourToAnswer) {
  const auto timeout = [&](const char* text) {
    auto config = read({{"data", {"/d"}}, {"upstream-timeout", {text}}});
    return config ? config->upstream_timeout : std::chrono::milliseconds(-1);
  };
  EXPECT_EQ(read({{"data", {"/d"}}})->upstream_timeout, std::chrono::seconds(30));
  EXPECT_EQ(timeout("60"), std::chrono::seconds(60));
  EXPECT_EQ(timeout("2500ms"), std::chrono::milliseconds(2'500));
  EXPECT_EQ(timeout("1h"), std::chrono::hours(1));
  for (const char* wrong : {"0", "500ms", "3601s", "2h", "-1", "", "abc"}) {
    EXPECT_EQ(timeout(wrong), std::chrono::milliseconds(-1)) << wrong;
  }
}

TEST_F(ConfigTest, McpServersAreAskedInAnIntervalOrNever) {
  const auto interval = [&](const char* text) {
    auto config = read({{"data", {"/d"}}, {"mcp-probe-interval", {text}}});
    return config ? config->mcp_probe_interval : std::chrono::milliseconds(-1);
  };
  EXPECT_EQ(read({{"data", {"/d"}}})->mcp_probe_interval, std::chrono::minutes(5));
  EXPECT_EQ(interval("0"), std::chrono::milliseconds(0));
  EXPECT_EQ(interval("1h"), std::chrono::hours(1));
  EXPECT_EQ(interval("24h"), std::chrono::hours(24));
  for (const char* wrong : {"500ms", "25h", "-1", "", "h", "1d", "9223372036854775807h"}) {
    EXPECT_EQ(interval(wrong), std::chrono::milliseconds(-1)) << wrong;
  }
}

TEST_F(ConfigTest, DemoServesLoopbackOnly) {
  EXPECT_EQ(problems({{"demo", {"on"}}, {"listen", {"0.0.0.0:8080"}}}).size(), 1u);
  EXPECT_EQ(problems({{"demo", {"on"}}, {"listen", {"127.0.0.1:1", "192.0.2.1:1"}}}).size(), 1u);
  auto config = read({{"demo", {"on"}}, {"listen", {"[::1]:0", "localhost:0"}}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->data_directory, "./data/demo");
}

TEST_F(ConfigTest, DemoAllowsUpstreamsOnLoopback) {
  auto config = read({{"demo", {"on"}}, {"allow-upstream", {"10.0.0.0/8"}}});
  ASSERT_TRUE(config);
  ASSERT_EQ(config->allowed_upstreams.size(), 3u);
  EXPECT_TRUE(config->allowed_upstreams[1].contains(IpAddress::from_v4(127, 0, 0, 1)));
}

TEST_F(ConfigTest, CertificateAndKeyComeTogether) {
  EXPECT_EQ(problems({{"data", {"/d"}}, {"tls-cert", {"c.pem"}}}).size(), 1u);
  EXPECT_EQ(problems({{"data", {"/d"}}, {"tls-key", {"k.pem"}}}).size(), 1u);
  EXPECT_TRUE(read({{"data", {"/d"}}, {"tls-cert", {"c.pem"}}, {"tls-key", {"k.pem"}}}));
}

TEST_F(ConfigTest, PublicUrlIsAnOrigin) {
  for (const char* good : {"https://keys.example.com", "http://[::1]:8080/", "http://localhost"}) {
    EXPECT_TRUE(read({{"data", {"/d"}}, {"public-url", {good}}})) << good;
  }
  EXPECT_EQ(read({{"data", {"/d"}}, {"public-url", {"http://[::1]:8080/"}}})->public_url,
            "http://[::1]:8080");
  for (const char* bad :
       {"", "ftp://x", "https://", "https://a/b", "https://a?b", "https://a b", "https://user@a"}) {
    EXPECT_EQ(problems({{"data", {"/d"}}, {"public-url", {bad}}}).size(), 1u) << bad;
  }
}

TEST_F(ConfigTest, NetworksAreChecked) {
  EXPECT_EQ(problems({{"data", {"/d"}}, {"trusted-proxy", {"10.0.0.0/8", "office"}}}).size(), 1u);
  EXPECT_EQ(problems({{"data", {"/d"}}, {"allow-upstream", {"10.0.0.1/8"}}}).size(), 1u);
}

TEST_F(ConfigTest, DeeplyNestedFileDoesNotExhaustTheStack) {
  std::string keys = "a";
  for (int i = 0; i < 30'000; ++i) keys += ".a";
  EXPECT_FALSE(parse_config_file(keys + " = 1\n", "f"));
  EXPECT_FALSE(parse_config_file("a = " + std::string(60'000, '[') + "\n", "f"));
}

}  // namespace
}  // namespace keywright::server
