// server/config.h - the settings of `keywright serve`: where each may be given, and what it must
// be.
//
//   std::vector<GivenOption> flags = ...;                    // from the command line
//   KW_TRY(Config config, read_config(flags, environment));  // whole and checked, or an Error
//
// One table (serve_options) describes every setting. From it come the flag (--public-url), the
// environment variable (KEYWRIGHT_PUBLIC_URL), the key in the file (public_url) and the help of all
// three. A flag wins over the environment, the environment over the file, the file over the
// default; a list given at a stronger place replaces the weaker one. In the environment the items
// of a list are separated by commas, and an empty variable counts as not set.
//
// Errors: invalid_argument/invalid_configuration. Everything that is wrong is reported at once, as
// problems(): `field` names the place ("--threads", "KEYWRIGHT_THREADS", "keywright.toml:3:11:
// threads") and `message` the value and what would be right. not_found/file_not_found and the like
// for a file that cannot be read.
// Threading: any thread. Cost: at start only.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "net/address.h"

namespace keywright::server {

struct Config {
  std::filesystem::path data_directory;
  std::vector<net::Endpoint> listen;
  std::filesystem::path tls_certificate_file;  // both "" or both set
  std::filesystem::path tls_key_file;
  std::string public_url;  // without a slash at the end; "" = made from the first address
  std::vector<Cidr> allowed_upstreams;
  std::vector<Cidr> trusted_proxies;
  std::chrono::milliseconds upstream_timeout{30'000};  // until the head of its answer is there
  std::filesystem::path digest_key_file;
  Secret<std::string> store_url;  // postgres://...; "" = SQLite in data_directory
  std::chrono::milliseconds max_staleness{5'000};
  std::chrono::milliseconds mcp_probe_interval{300'000};  // 0: MCP servers are not asked unprompted
  std::size_t threads = 0;
  bool demo = false;
  bool access_log = false;
  LogLevel log_level = LogLevel::info;

  bool has_tls() const { return !tls_certificate_file.empty(); }
};

enum class OptionType : unsigned char { text, list, flag };

struct Option {
  std::string_view name;  // as a flag, without the dashes: "public-url"
  OptionType type = OptionType::text;
  std::string_view value;  // for help: "HOST:PORT"; "" for a flag
  std::string_view help;   // one line
  bool in_file = true;
  // Takes the values (one, but for a list) into the config; says what would be right, or "".
  std::string (*take)(Config& config, const std::vector<std::string>& values) = nullptr;

  std::string flag() const;         // "--public-url"
  std::string environment() const;  // "KEYWRIGHT_PUBLIC_URL"
  std::string file_key() const;     // "public_url"
};

// In the order in which help shows them.
std::span<const Option> serve_options();
const Option* find_option(std::string_view name);

struct GivenOption {
  std::string name;                 // of the table
  std::vector<std::string> values;  // a flag without a value: "on"
};

// The value of an environment variable, if it is set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> process_environment(const std::string& name);

Result<Config> read_config(std::span<const GivenOption> flags, const Environment& environment);

// Whether it is a postgres:// URL that can be read; it may hold a password.
bool is_store_url(const std::string& text);

// "on", "true", "yes", "1" and their opposites.
std::optional<bool> parse_switch(std::string_view text);

}  // namespace keywright::server
