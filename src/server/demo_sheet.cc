#include "server/demo.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>
#include <unistd.h>

namespace keywright::server {

namespace {

// A key of the demo and a line that shows that it works.
struct Showing {
  std::string_view key;    // "access"
  std::string_view title;  // "access"
  std::string_view what;
  // What stands behind the address in the line; {url}, {token}, {management} and {id:name} are
  // filled in.
  std::string_view command;
};

constexpr std::string_view kWhoami =
    "curl -s {url}/api/v1/whoami -H 'Authorization: Bearer {token}'";

constexpr std::string_view kMcpWhoami =
    "curl -s {url}/api/mcp/v1 -H 'Authorization: Bearer {token}' --json "
    "'{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"whoami\"}}'";

// For kinds that other programs check: asks Keywright, as such a program would.
#define KW_VERIFY(rest)                                                       \
  "curl -s {url}/api/v1/keys/verify -H 'Authorization: Bearer {management}' " \
  "--json '{\"key\":\"{token}\"," rest "}'"

#define KW_TRACE(rest)                                   \
  "curl -s {url}/public/traces -H 'x-api-key: {token}' " \
  "--json '{\"data\":{\"input\":\"Hello\",\"output\":\"Hi\"}" rest "}'"

constexpr Showing kShowings[] = {
    {"personal", "personal", "scripts of one person, with an expiry", kWhoami},
    {"access", "access", "everything its owner may do, one key for every place", kWhoami},
    {"mcp", "mcp", "Keywright's own MCP server", kMcpWhoami},
    {"connect", "connect", "MCP servers behind Keywright; this one reaches two of them",
     "curl -s {url}/api/v1/me -H 'X-API-Key: {token}'"},
    {"ingest_one", "ingest", "sends traces, restricted to one platform, which need not be named",
     KW_TRACE("")},
    {"ingest", "ingest", "sends traces to any platform of its project, named by platformId",
     KW_TRACE(",\"platformId\":\"{id:platform.flowise}\"")},
    {"account", "account", "a scanner's key for every target of the organization",
     "curl -s {url}/targets/ -H 'Authorization: JWT {token}'"},
    {"target_key", "target", "a scanner's key for one target",
     "curl -s {url}/targets/{id:target}/ -H 'Authorization: JWT {token}'"},
    {"customer", "customer", "a key for a customer of yours, checked by your own services",
     KW_VERIFY("\"permissions\":[\"weather.read\"]")},
    {"management", "management", "lets a program of yours check and manage keys", kWhoami},
};

#undef KW_TRACE
#undef KW_VERIFY

constexpr std::string_view kTryRevoke[] = {
    "curl -s -X POST {url}/api/v1/whoami/revoke -H 'Authorization: Bearer {token}'",
    "curl -si {url}/api/v1/whoami -H 'Authorization: Bearer {token}'",
};

struct Style {
  std::string_view bold, dim, reset;
};

Style style() {
  const char* no_color = std::getenv("NO_COLOR");
  const bool plain = ::isatty(STDOUT_FILENO) == 0 || (no_color != nullptr && *no_color != '\0');
  if (plain) return {"", "", ""};
  return {"\033[1m", "\033[2m", "\033[0m"};
}

std::string filled(std::string_view text, const DemoSheet& sheet, std::string_view url,
                   std::string_view key) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    if (open == std::string_view::npos) break;
    out += text.substr(0, open);
    const std::size_t close = text.find('}', open);
    const std::string_view name =
        close == std::string_view::npos ? "" : text.substr(open + 1, close - open - 1);
    std::string_view value;
    if (name == "url") value = url;
    if (name == "token") value = sheet.token(key);
    if (name == "management") value = sheet.token("management");
    if (name.starts_with("id:")) value = sheet.id(std::string(name.substr(3)));
    if (value.empty()) {  // a brace of the JSON itself
      out += '{';
      text.remove_prefix(open + 1);
    } else {
      out += value;
      text.remove_prefix(close + 1);
    }
  }
  return out.append(text);
}

}  // namespace

void print_demo(const DemoSheet& sheet, std::string_view url,
                const std::filesystem::path& data_directory) {
  const Style s = style();
  fmt::print("\n{}Keywright demo{}: {}, kept in {}\n\n", s.bold, s.reset, sheet.organization,
             data_directory.native());
  fmt::print("  Console    {}{}/console/{}\n", s.bold, url, s.reset);
  fmt::print("  Sign in    {}\n", sheet.email);
  fmt::print("  Password   {}{}{}\n", s.bold, sheet.password.reveal(), s.reset);
  fmt::print("             {}also for admin@, member@, viewer@ and auditor@example.com{}\n", s.dim,
             s.reset);
  fmt::print("  API docs   {}/docs\n\n", url);
  fmt::print("{}Keys{}, fresh with every start. Each line can be pasted and works right now:\n",
             s.bold, s.reset);
  for (const Showing& showing : kShowings) {
    fmt::print("\n  {}{:<11}{}{}{}{}\n  {}\n", s.bold, showing.title, s.reset, s.dim, showing.what,
               s.reset, filled(showing.command, sheet, url, showing.key));
  }
  fmt::print(
      "\n{}See a revoked key refused{}: the first line gives the access key up, the second "
      "gets 401.\n\n",
      s.bold, s.reset);
  for (std::string_view line : kTryRevoke) {
    fmt::print("  {}\n", filled(line, sheet, url, "access"));
  }
  fmt::print("\n{}Ctrl-C stops the demo.{}\n\n", s.dim, s.reset);
  std::fflush(stdout);
}

}  // namespace keywright::server
