#include "cli/mcp_command.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "cli/api_commands.h"
#include "cli/context.h"
#include "cli/mcp_bridge.h"
#include "cli/text_width.h"
#include "http/query.h"
#include "net/tls.h"

namespace keywright::cli {
namespace {

constexpr std::string_view kDefaultUrl = "http://127.0.0.1:8080";

Expected<McpPlace> place_of(Context& context, const Invocation& given) {
  std::string base = given.value("url", context.environment("KEYWRIGHT_URL").value_or(""));
  if (base.empty()) base = kDefaultUrl;
  while (base.ends_with('/')) base.pop_back();
  const std::string name = given.value("server");
  if (given.has("server") && name.empty()) return misused("--server: needs a name");
  const std::string path =
      name.empty() ? "/api/mcp/v1" : "/mcp-connect/" + http::percent_encode(name);
  auto url = http::parse_url(base + path);
  if (!url || base.find('?') != std::string::npos) {
    return misused(fmt::format("{}: '{}' is no address of a server",
                               given.has("url") ? "--url" : "KEYWRIGHT_URL", printable(base)),
                   fmt::format("such as {}", kDefaultUrl));
  }
  McpPlace place{std::move(*url), nullptr};
  if (!place.url.secure) return place;
  net::TlsClientOptions options;
  options.trust_file =
      given.value("ca-file", context.environment("KEYWRIGHT_CA_FILE").value_or(""));
  auto tls = net::TlsClient::create(options);
  if (!tls) return failed(to_failure(tls.error()));
  place.tls = std::move(*tls);
  return place;
}

Expected<Secret<std::string>> key_of(Context& context, const Invocation& given) {
  std::string key = context.environment("KEYWRIGHT_API_KEY").value_or("");
  const bool visible =
      std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!key.empty() && visible) return Secret<std::string>(std::move(key));
  const std::string_view kind = given.has("server") ? "connect" : "mcp or access";
  return failed(
      {ExitCode::not_allowed,
       key.empty() ? "KEYWRIGHT_API_KEY is not set" : "KEYWRIGHT_API_KEY holds more than a key",
       {},
       fmt::format("set it to a key of kind {} in the configuration of the host", kind)});
}

Outcome run_mcp(Context& context, const Invocation& given) {
  auto key = key_of(context, given);
  if (!key) return failed(std::move(key).error());
  auto place = place_of(context, given);
  if (!place) return failed(std::move(place).error());
  Console& console = context.console;
  const auto write_line = [&console](std::string_view line) {
    console.out(std::string(line) + "\n");
    return !console.output_failed();
  };
  const auto complain = [&console](std::string_view text) {
    console.err(fmt::format("keywright mcp: {}\n", text));
  };
  McpBridge bridge({std::move(*place), std::move(*key)}, write_line, complain);
  return bridge.run(STDIN_FILENO);
}

}  // namespace

Command mcp_command() {
  Command command{
      .name = "mcp",
      .summary = "Be an MCP server on standard input and output, for desktop hosts",
      .flags = {{"server", "NAME",
                 "Bridge to this registered MCP server (its id or slug), with a connect key; else "
                 "Keywright's own, with an mcp or access key"},
                {"url", "URL",
                 "Where Keywright is; else KEYWRIGHT_URL, else http://127.0.0.1:8080"},
                {.name = "ca-file",
                 .value = "FILE",
                 .help = "Certificates to trust (PEM); else KEYWRIGHT_CA_FILE, else the system's",
                 .completes = Completes::file},
                color_flag()},
      .run = &run_mcp,
      .examples = {"keywright mcp", "keywright mcp --server github"}};
  command.description =
      "The host starts this program and speaks MCP with it. The key comes from KEYWRIGHT_API_KEY. "
      "Each message is passed on over HTTP, and each answer comes back as a line. Problems are "
      "said on standard error and answered to the host; at the end of the input the program ends, "
      "with status 4 if the key was refused last, and 7 if the server could not be reached.";
  command.chapter = "More commands";
  return command;
}

}  // namespace keywright::cli
