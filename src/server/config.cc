#include "server/config.h"

#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>
#include <thread>

#include <fmt/core.h>

#include "base/file.h"
#include "base/text.h"
#include "server/config_file.h"
#include "store/postgres/connection.h"

namespace keywright::server {

namespace {

constexpr std::size_t kThreadsMax = 256;
constexpr std::size_t kConfigFileBytesMax = 64 * 1024;
constexpr const char* kSwitchValues = "must be on or off";

using Values = std::vector<std::string>;

std::string take_switch(bool& out, const std::string& value) {
  const std::optional<bool> parsed = parse_switch(value);
  if (!parsed) return kSwitchValues;
  out = *parsed;
  return "";
}

std::string take_path(std::filesystem::path& out, const std::string& value) {
  if (value.empty() || value.find('\0') != std::string::npos) return "must be a path";
  out = value;
  return "";
}

std::string take_cidrs(std::vector<Cidr>& out, const Values& values) {
  out.clear();
  for (const std::string& value : values) {
    auto network = Cidr::parse(value);
    if (!network) return network.error().detail() + " An example is 10.0.0.0/8.";
    out.push_back(*network);
  }
  return "";
}

std::string take_listen(Config& config, const Values& values) {
  config.listen.clear();
  for (const std::string& value : values) {
    constexpr std::string_view kLocalhost = "localhost:";
    std::string text = value;
    if (value.starts_with(kLocalhost)) text = "127.0.0.1:" + value.substr(kLocalhost.size());
    auto endpoint = net::parse_endpoint(text);
    if (!endpoint) {
      return "must be an address and a port, such as 127.0.0.1:8080, 0.0.0.0:443 or [::1]:8080";
    }
    config.listen.push_back(*endpoint);
  }
  return config.listen.empty() ? "must name at least one address" : "";
}

// A URL may hold a password: no answer repeats it.
std::string take_store(Config& config, const Values& values) {
  const std::string& value = values.front();
  config.store_url = {};
  if (value == "sqlite") return "";
  if (!is_store_url(value)) return "must be sqlite or a URL, postgres://user@host/database";
  config.store_url = Secret<std::string>(std::string(value));
  return "";
}

// "1500ms", "5s", "5m", "1h" or seconds; nothing if it is none, or more than a day.
std::optional<std::chrono::milliseconds> read_time(std::string_view text) {
  constexpr std::chrono::milliseconds kMost = std::chrono::hours(24);
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
  std::int64_t unit = 1'000;
  for (const auto& [name, milliseconds] : kUnits) {
    if (!text.ends_with(name)) continue;
    unit = milliseconds;
    text.remove_suffix(name.size());
    break;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool fits = error == std::errc() && end == text.data() + text.size() && number >= 0 &&
                    number <= kMost.count() / unit;
  if (!fits) return std::nullopt;
  return std::chrono::milliseconds(number * unit);
}

std::string take_max_staleness(Config& config, const Values& values) {
  const auto time = read_time(values.front());
  if (!time || *time < std::chrono::seconds(1) || *time > std::chrono::seconds(300)) {
    return "must be a time from 1s to 300s";
  }
  config.max_staleness = *time;
  return "";
}

std::string take_mcp_probe_interval(Config& config, const Values& values) {
  const auto time = read_time(values.front());
  if (!time || (time->count() != 0 && *time < std::chrono::seconds(1))) {
    return "must be a time from 1s to 24h, or 0 for never";
  }
  config.mcp_probe_interval = *time;
  return "";
}

std::string take_public_url(Config& config, const Values& values) {
  std::string_view url = values.front();
  constexpr std::string_view kShape =
      "must be http:// or https://, a host and at most a port, such as https://keys.example.com";
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return std::string(kShape);
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty() || rest.size() > 255) return std::string(kShape);
  for (char c : rest) {
    const bool fits = is_ascii_alpha(c) || is_ascii_digit(c) ||
                      std::string_view(".-:[]_").find(c) != std::string_view::npos;
    if (!fits) return std::string(kShape);
  }
  config.public_url =
      url.substr(0, static_cast<std::size_t>(rest.data() + rest.size() - url.data()));
  return "";
}

std::string take_threads(Config& config, const Values& values) {
  const std::string& text = values.front();
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 ||
      number > kThreadsMax) {
    return fmt::format("must be a whole number from 1 to {}", kThreadsMax);
  }
  config.threads = number;
  return "";
}

std::string take_upstream_timeout(Config& config, const Values& values) {
  const auto time = read_time(values.front());
  if (!time || *time < std::chrono::seconds(1) || *time > std::chrono::hours(1)) {
    return "must be a time from 1s to 1h";
  }
  config.upstream_timeout = *time;
  return "";
}

std::string take_log_level(Config& config, const Values& values) {
  auto level = parse_log_level(values.front());
  if (!level) return "must be debug, info, warning, error or off";
  config.log_level = *level;
  return "";
}

constexpr Option kOptions[] = {
    {"config", OptionType::text, "FILE", "Read settings from this TOML file", false,
     [](Config&, const Values&) { return std::string(); }},
    {"data", OptionType::text, "DIR", "Where everything is kept (demo: ./data/demo)", true,
     [](Config& c, const Values& v) { return take_path(c.data_directory, v.front()); }},
    {"listen", OptionType::list, "HOST:PORT",
     "Serve on this address; repeatable; port 0 picks one (127.0.0.1:8080)", true, take_listen},
    {"store", OptionType::text, "STORE",
     "sqlite, a file in the data directory, or postgres://..., shared by many nodes (sqlite)", true,
     take_store},
    {"max-staleness", OptionType::text, "TIME",
     "How long a node serves without reaching PostgreSQL (5s)", true, take_max_staleness},
    {"tls-cert", OptionType::text, "FILE", "Serve TLS with this certificate chain (PEM)", true,
     [](Config& c, const Values& v) { return take_path(c.tls_certificate_file, v.front()); }},
    {"tls-key", OptionType::text, "FILE", "Private key of the certificate (PEM)", true,
     [](Config& c, const Values& v) { return take_path(c.tls_key_file, v.front()); }},
    {"public-url", OptionType::text, "URL",
     "How people and clients reach the server, for links and cookies", true, take_public_url},
    {"allow-upstream", OptionType::list, "CIDR",
     "Let services and MCP servers be on this private network; repeatable", true,
     [](Config& c, const Values& v) { return take_cidrs(c.allowed_upstreams, v); }},
    {"trusted-proxy", OptionType::list, "CIDR",
     "Believe the forwarding headers of proxies on this network; repeatable", true,
     [](Config& c, const Values& v) { return take_cidrs(c.trusted_proxies, v); }},
    {"upstream-timeout", OptionType::text, "TIME",
     "How long an upstream may take until it answers (30s); streams have no limit", true,
     take_upstream_timeout},
    {"mcp-probe-interval", OptionType::text, "TIME",
     "How often each MCP server is asked whether it answers (5m); 0: only on demand", true,
     take_mcp_probe_interval},
    {"digest-key-file", OptionType::text, "FILE",
     "The secret that stored digests rest on (DIR/digest.key)", true,
     [](Config& c, const Values& v) { return take_path(c.digest_key_file, v.front()); }},
    {"threads", OptionType::text, "N", "Threads that serve requests (one for each core)", true,
     take_threads},
    {"demo", OptionType::flag, "", "Serve an example organization, on loopback only", true,
     [](Config& c, const Values& v) { return take_switch(c.demo, v.front()); }},
    {"access-log", OptionType::text, "on|off", "Write one line for each request (off)", true,
     [](Config& c, const Values& v) { return take_switch(c.access_log, v.front()); }},
    {"log-level", OptionType::text, "LEVEL",
     "debug, info, warning, error or off (info; demo: warning)", true, take_log_level},
};

// What was said of one option, and where.
struct Said {
  Values values;
  std::string place;
};
using SaidByName = std::map<std::string, Said, std::less<>>;

Values split_list(std::string_view text) {
  Values values;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view item = trim(text.substr(0, comma));
    if (!item.empty()) values.emplace_back(item);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return values;
}

void add_environment(SaidByName& said, const Environment& environment) {
  for (const Option& option : kOptions) {
    const std::optional<std::string> text = environment(option.environment());
    if (!text || trim(*text).empty()) continue;
    Values values =
        option.type == OptionType::list ? split_list(*text) : Values{std::string(trim(*text))};
    said[std::string(option.name)] = {std::move(values), option.environment()};
  }
}

void add_flags(SaidByName& said, std::span<const GivenOption> flags) {
  for (const GivenOption& given : flags) {
    said[given.name] = {given.values, "--" + given.name};
  }
}

Result<void> add_file(SaidByName& said, const std::string& path) {
  KW_TRY(const std::string text, read_file(path, kConfigFileBytesMax));
  const std::string name = std::filesystem::path(path).filename().string();
  KW_TRY(std::vector<FileOption> options, parse_config_file(text, name));
  for (FileOption& option : options) {
    said[option.name] = {std::move(option.values), std::move(option.place)};
  }
  return {};
}

// `"10.0.0.1/8": must be ...`. A value that may hold a password is not repeated.
std::string explain(const Option& option, const Values& values, const std::string& what) {
  if (option.name == "store") return what;
  std::string quoted;
  for (const std::string& value : values) {
    if (!quoted.empty()) quoted += ", ";
    quoted += '"' + value.substr(0, 80) + '"';
  }
  return quoted.empty() ? what : quoted + " " + what;
}

void check_together(const Config& config, const SaidByName& said,
                    std::vector<FieldProblem>& problems) {
  const auto place = [&](std::string_view name) {
    const auto found = said.find(name);
    return found == said.end() ? "--" + std::string(name) : found->second.place;
  };
  if (config.tls_certificate_file.empty() != config.tls_key_file.empty()) {
    const bool key_missing = config.tls_key_file.empty();
    problems.push_back({place(key_missing ? "tls-key" : "tls-cert"),
                        key_missing ? "is missing: a certificate needs its private key"
                                    : "is missing: a private key needs its certificate"});
  }
  if (config.data_directory.empty()) {
    problems.push_back({"--data",
                        "is missing: name the directory where everything is kept, "
                        "such as --data ./data, or set KEYWRIGHT_DATA"});
  }
  if (!config.demo) return;
  if (!config.store_url.empty()) {
    problems.push_back({place("store"), "is not for a demo: it keeps everything in its directory"});
  }
  for (const net::Endpoint& endpoint : config.listen) {
    if (endpoint.address.is_loopback()) continue;
    problems.push_back(
        {place("listen"), "\"" + net::to_string(endpoint) +
                              "\" is not a loopback address: a demo prints working keys, so it "
                              "serves 127.0.0.1 or [::1] only"});
  }
}

void fill_defaults(Config& config, const SaidByName& said) {
  if (config.demo && config.data_directory.empty()) config.data_directory = "./data/demo";
  if (config.listen.empty() && !said.contains("listen")) {
    config.listen.push_back({IpAddress::from_v4(127, 0, 0, 1), 8080});
  }
  if (config.threads == 0) {
    config.threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kThreadsMax);
  }
  if (config.digest_key_file.empty()) {
    config.digest_key_file = config.data_directory / "digest.key";
  }
  if (config.demo && !said.contains("log-level")) config.log_level = LogLevel::warning;
  if (config.demo) {
    for (const char* loopback : {"127.0.0.0/8", "::1/128"}) {
      config.allowed_upstreams.push_back(Cidr::parse(loopback).value());
    }
  }
}

Result<SaidByName> collect(std::span<const GivenOption> flags, const Environment& environment) {
  SaidByName strong;
  add_environment(strong, environment);
  add_flags(strong, flags);
  SaidByName said;
  const auto file = strong.find("config");
  if (file != strong.end()) {
    if (file->second.values.empty()) {
      return fail(
          Error(Code::invalid_argument, "invalid_configuration", "The settings cannot be used.")
              .with_problem(file->second.place, "must name a file"));
    }
    KW_CHECK_OK(add_file(said, file->second.values.front()));
  }
  for (auto& [name, option] : strong) said[name] = std::move(option);
  return said;
}

}  // namespace

std::string Option::flag() const { return "--" + std::string(name); }

std::string Option::environment() const {
  std::string out = "KEYWRIGHT_";
  for (char c : name) {
    out += c == '-' ? '_' : is_ascii_alpha(c) ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

std::string Option::file_key() const {
  std::string out(name);
  for (char& c : out) {
    if (c == '-') c = '_';
  }
  return out;
}

std::span<const Option> serve_options() { return kOptions; }

const Option* find_option(std::string_view name) {
  for (const Option& option : kOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

bool is_store_url(const std::string& text) {
  return (text.starts_with("postgres://") || text.starts_with("postgresql://")) &&
         store::postgres::is_valid_url(text);
}

std::optional<bool> parse_switch(std::string_view text) {
  for (std::string_view on : {"on", "true", "yes", "1"}) {
    if (equals_ignoring_case(text, on)) return true;
  }
  for (std::string_view off : {"off", "false", "no", "0"}) {
    if (equals_ignoring_case(text, off)) return false;
  }
  return std::nullopt;
}

Result<Config> read_config(std::span<const GivenOption> flags, const Environment& environment) {
  KW_TRY(const SaidByName said, collect(flags, environment));
  Config config;
  std::vector<FieldProblem> problems;
  for (const Option& option : kOptions) {
    const auto found = said.find(option.name);
    if (found == said.end()) continue;
    const Said& given = found->second;
    if (given.values.empty() && option.type != OptionType::list) {
      problems.push_back({given.place, "needs a value"});
      continue;
    }
    const std::string what = option.take(config, given.values);
    if (!what.empty()) problems.push_back({given.place, explain(option, given.values, what)});
  }
  fill_defaults(config, said);
  check_together(config, said, problems);
  if (problems.empty()) return config;
  Error error(Code::invalid_argument, "invalid_configuration", "The settings cannot be used.");
  for (const FieldProblem& problem : problems) {
    error = std::move(error).with_problem(problem.field, problem.message);
  }
  return fail(std::move(error));
}

}  // namespace keywright::server
