#include "cli/api_commands.h"

#include <algorithm>
#include <array>

#include "cli/api_run.h"
#include "cli/input_flags.h"
#include "cli/key_commands.h"
#include "cli/usage_command.h"

namespace keywright::cli {

namespace {

struct Group {
  std::string_view name;
  std::string_view noun;
  std::string_view chapter;
  std::string_view summary;
};

constexpr std::string_view kKeys = "Keys";
constexpr std::string_view kPeople = "People";
constexpr std::string_view kResources = "What keys open";

constexpr std::array kGroups{
    Group{"keys", "key", kKeys, "Create, check, rotate and revoke keys"},
    Group{"keyspaces", "keyspace", kKeys, "Prefixes for your customers' keys"},
    Group{"audit", "audit event", kKeys, "Who did what, in an order that cannot be altered"},
    Group{"users", "user", kPeople, "People and service accounts"},
    Group{"organizations", "organization", kPeople, "Organizations you belong to"},
    Group{"sessions", "session", kPeople, "Where you are signed in"},
    Group{"projects", "project", kResources, "Projects, which collect traces"},
    Group{"platforms", "platform", kResources, "Platforms of a project, which send traces"},
    Group{"traces", "trace", kResources, "Traces that platforms sent"},
    Group{"forwarding", "forwarding", kResources, "Where traces of a platform are sent on to"},
    Group{"targets", "target", kResources, "Targets to scan"},
    Group{"mcp-servers", "MCP server", kResources, "MCP servers behind /mcp-connect"},
    Group{"registries", "registry", kResources, "Sets of MCP servers, given to people"},
    Group{"services", "service", kResources, "HTTP services behind /services"},
};

using Run = Outcome (*)(const ApiCommand&, Context&, const Invocation&);

struct Line {
  std::string_view command;
  std::string_view operation;
  std::string_view columns = {};
  std::string_view warning = {};
  Run run = nullptr;                          // instead of what follows from the method
  void (*adapt)(Command& command) = nullptr;  // what the description cannot say
};

constexpr std::string_view kRevokeWarning =
    "Every integration that uses this key stops at once. There is no way back.";
constexpr std::string_view kRotateWarning =
    "The old secret stops working at once; --overlap-seconds 1h keeps it for another hour.";

constexpr std::string_view kFinishWarning =
    "Every integration that still has an old secret stops at once.";

// clang-format off
constexpr std::array kLines{
    Line{"keys list", "keys.list", "id name kind mask status last_used_at expires_at"},
    Line{"keys create", "keys.create"},
    Line{"keys get", "keys.get"},
    Line{"keys access", "keys.access"},
    Line{"keys usage", "keys.usage", {}, {}, &run_usage},
    Line{"keys edit", "keys.update"},
    Line{"keys rotate", "keys.rotate", {}, kRotateWarning},
    Line{"keys finish-rotation", "keys.finish_rotation", {}, kFinishWarning},
    Line{"keys revoke", "keys.revoke", {}, kRevokeWarning},
    Line{"keys disable", "keys.disable"},
    Line{"keys enable", "keys.enable"},
    Line{"keys delete", "keys.delete", {}, kRevokeWarning},
    Line{"keys verify", "keys.verify", {}, {}, &run_verify, &adapt_verify},
    Line{"keys import", "keys.import", {}, {}, &run_import, &adapt_import},
    Line{"keyspaces list", "keyspaces.list", "id name prefix created_at"},
    Line{"keyspaces create", "keyspaces.create"},
    Line{"keyspaces get", "keyspaces.get"},
    Line{"keyspaces edit", "keyspaces.update"},
    Line{"keyspaces delete", "keyspaces.delete"},
    Line{"audit list", "audit_events.list", "time actor action object outcome reason address"},
    Line{"audit check", "audit_events.verify", {}, {}, &run_audit_check, &adapt_audit_check},
    Line{"audit export", "audit_events.list", {}, {}, &run_audit_export, &adapt_audit_export},
    Line{"users list", "users.list", "id email name role active created_at"},
    Line{"users create", "users.create"},
    Line{"users get", "users.get"},
    Line{"users edit", "users.update"},
    Line{"users delete", "users.delete"},
    Line{"users reset-link", "users.reset_link"},
    Line{"organizations list", "organizations.list", "id name role created_at"},
    Line{"organizations get", "organizations.get"},
    Line{"organizations create", "organizations.create"},
    Line{"organizations edit", "organizations.update"},
    Line{"organizations delete", "organizations.delete"},
    Line{"sessions list", "sessions.list", "id current address user_agent created_at last_used_at"},
    Line{"sessions delete", "sessions.delete"},
    Line{"projects list", "projects.list", "id name created_at"},
    Line{"projects create", "projects.create"},
    Line{"projects get", "projects.get"},
    Line{"projects edit", "projects.update"},
    Line{"projects delete", "projects.delete"},
    Line{"projects unrouted", "projects.unrouted", "time key_id reason message external_id"},
    Line{"projects route-test", "projects.route_test"},
    Line{"platforms list", "platforms.list", "id name type external_id service_name"},
    Line{"platforms create", "platforms.create"},
    Line{"platforms get", "platforms.get"},
    Line{"platforms edit", "platforms.update"},
    Line{"platforms delete", "platforms.delete"},
    Line{"traces list", "traces.list", "id platform_id status name span_count created_at"},
    Line{"traces get", "traces.get"},
    Line{"traces delete", "traces.delete"},
    Line{"forwarding get", "forwarding.get"},
    Line{"forwarding set", "forwarding.set"},
    Line{"forwarding test", "forwarding.test"},
    Line{"forwarding rotate-secret", "forwarding.rotate_secret"},
    Line{"forwarding dead-letters", "forwarding.dead_letters",
         "id trace_id status error attempts failed_at"},
    Line{"forwarding redrive", "forwarding.redrive"},
    Line{"forwarding delete", "forwarding.delete"},
    Line{"targets list", "targets.list", "id name url created_at"},
    Line{"targets create", "targets.create"},
    Line{"targets get", "targets.get"},
    Line{"targets edit", "targets.update"},
    Line{"targets delete", "targets.delete"},
    Line{"mcp-servers list", "mcp_servers.list", "id name slug url enabled"},
    Line{"mcp-servers create", "mcp_servers.create"},
    Line{"mcp-servers get", "mcp_servers.get"},
    Line{"mcp-servers edit", "mcp_servers.update"},
    Line{"mcp-servers probe", "mcp_servers.probe"},
    Line{"mcp-servers delete", "mcp_servers.delete"},
    Line{"registries list", "registries.list", "id name everyone mcp_server_ids"},
    Line{"registries create", "registries.create"},
    Line{"registries get", "registries.get"},
    Line{"registries edit", "registries.update"},
    Line{"registries delete", "registries.delete"},
    Line{"services list", "services.list", "id name slug upstream_url"},
    Line{"services create", "services.create"},
    Line{"services get", "services.get"},
    Line{"services edit", "services.update"},
    Line{"services delete", "services.delete"},
};
// clang-format on

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

const ApiOperation* find_in(const std::vector<ApiOperation>& operations, std::string_view name) {
  const auto found =
      std::find_if(operations.begin(), operations.end(),
                   [&](const ApiOperation& operation) { return operation.name == name; });
  return found == operations.end() ? nullptr : &*found;
}

// The fields that fit in a cell, for lists without columns of their own.
std::vector<std::string> plain_fields(const json::Type& type) {
  std::vector<std::string> names;
  for (const json::Field& field : type.fields) {
    const json::Shape shape = inner_type(field.type()).shape;
    const bool is_plain = shape != json::Shape::object && shape != json::Shape::list &&
                          shape != json::Shape::map && shape != json::Shape::raw;
    if (is_plain && field.is_in(json::Form::response, true)) names.emplace_back(field.name);
  }
  return names;
}

void add_arguments(const ApiOperation& operation, Command& command,
                   std::vector<std::string_view>& taken) {
  for (std::string_view parameter : path_parameters(operation.path)) {
    if (parameter != "id") continue;
    const json::Field* field = operation.input->find(parameter);
    std::string help(field == nullptr ? std::string_view("Its id") : field->doc);
    if (help.ends_with('.')) help.pop_back();
    command.arguments.push_back({"ID", std::move(help)});
    taken.push_back(parameter);
  }
}

std::vector<Flag> list_flags() {
  return {{"limit", "N", "Show at most N, 50 if not given"},
          {.name = "all", .value = "", .help = "Show all of them", .takes = Takes::nothing}};
}

Run run_of(const Line& line, const ApiOperation& operation) {
  if (line.run != nullptr) return line.run;
  if (operation.method != "GET") return &run_change;
  return item_type(operation) != nullptr ? &run_list : &run_get;
}

Command command_of(const Line& line, const Group& group, const ApiOperation& operation) {
  Command command;
  command.name = words(line.command).back();
  command.summary = operation.summary;
  command.description = operation.description;
  std::vector<std::string_view> taken;
  add_arguments(operation, command, taken);
  command.flags = input_flags(operation, taken);
  const Run run = run_of(line, operation);
  if (run == &run_list && is_paged(operation)) {
    for (Flag& flag : list_flags()) command.flags.push_back(std::move(flag));
  }
  if (run == &run_change && (operation.destructive || !line.warning.empty()))
    command.flags.push_back(yes_flag());
  if (run == &run_change && shown_secret(operation) != nullptr) {
    command.flags.push_back({.name = "out",
                             .value = "FILE",
                             .help = "Write the secret to a new file that only you can read",
                             .completes = Completes::file});
  }
  command.flags.push_back(json_flag());
  command.flags.push_back(quiet_flag());
  const bool url_is_free = command.find_flag("url") == nullptr;
  for (Flag& flag : connection_flags(url_is_free)) command.flags.push_back(std::move(flag));
  command.flags.push_back(color_flag());
  ApiCommand api{&operation, std::string(group.noun), words(line.columns),
                 std::string(line.warning)};
  if (api.columns.empty() && item_type(operation) != nullptr) {
    api.columns = plain_fields(*item_type(operation));
  }
  command.run = [api = std::move(api), run](Context& context, const Invocation& given) {
    return run(api, context, given);
  };
  if (line.adapt != nullptr) line.adapt(command);
  return command;
}

}  // namespace

std::vector<Flag> connection_flags(bool url_is_free) {
  std::vector<Flag> flags{
      {"server", "URL", "The server; else KEYWRIGHT_URL, else http://127.0.0.1:8080"},
      {.name = "ca-file",
       .value = "FILE",
       .help = "Certificates to trust (PEM); else KEYWRIGHT_CA_FILE, else the system's",
       .completes = Completes::file},
      {"timeout", "SECONDS", "Give up after this long, 30 if not given"}};
  if (url_is_free) flags.front().also = "url";
  for (Flag& flag : flags) flag.chapter = "Server";
  return flags;
}

Flag json_flag() {
  return {.name = "json",
          .value = "FIELDS",
          .help = "Print JSON: everything, or only these fields",
          .takes = Takes::optional_value,
          .chapter = "Output"};
}

Flag quiet_flag() {
  return {.name = "quiet",
          .value = "",
          .help = "Print ids only",
          .letter = 'q',
          .takes = Takes::nothing,
          .chapter = "Output"};
}

Flag yes_flag() {
  return {.name = "yes", .value = "", .help = "Do not ask", .letter = 'y', .takes = Takes::nothing};
}

Flag color_flag() {
  return {.name = "color",
          .value = "WHEN",
          .help = "auto, always or never",
          .choices = {"auto", "always", "never"},
          .chapter = "Output"};
}

std::vector<Command> api_command_groups(const std::vector<ApiOperation>& operations) {
  std::vector<Command> groups;
  for (const Group& group : kGroups) {
    Command made{.name = std::string(group.name), .summary = std::string(group.summary)};
    made.chapter = group.chapter;
    for (const Line& line : kLines) {
      if (words(line.command).front() != group.name) continue;
      const ApiOperation* operation = find_in(operations, line.operation);
      if (operation != nullptr) made.commands.push_back(command_of(line, group, *operation));
    }
    if (!made.commands.empty()) groups.push_back(std::move(made));
  }
  return groups;
}

std::vector<std::string> missing_operations(const std::vector<ApiOperation>& operations) {
  std::vector<std::string> missing;
  for (const Line& line : kLines) {
    if (find_in(operations, line.operation) == nullptr) missing.emplace_back(line.operation);
  }
  return missing;
}

}  // namespace keywright::cli
