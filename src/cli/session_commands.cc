#include "cli/session_commands.h"

#include <fmt/format.h>

#include "cli/answer.h"
#include "cli/api_run.h"
#include "cli/render.h"
#include "cli/session_file.h"
#include "cli/text_width.h"
#include "http/client.h"
#include "json/writer.h"

namespace keywright::cli {

namespace {

// Whether what is sent there can be read on the way.
bool is_open_network(const std::string& address) {
  const auto url = http::parse_url(address);
  if (!url || url->secure || url->host == "localhost") return false;
  const auto ip = IpAddress::parse(url->host);
  return !ip || !ip->is_loopback();
}

Expected<std::string> email_of(Context& context, const Invocation& given) {
  if (given.has("email")) return given.value("email");
  if (context.console.is_interactive()) return context.console.prompt("E-mail: ");
  return misused("keywright login needs --email EMAIL");
}

// For programs: where, and as whom. The messages for people go to standard error.
Outcome say_where(Context& context, const Invocation& given, const std::string& address,
                  const std::string& email) {
  if (!given.has("json")) return ExitCode::ok;
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("server").string(address).key("email").string(email).end_object();
  print_json(context, given, body);
  return after_output(context);
}

Outcome login(Context& context, const Invocation& given) {
  ApiClient api(context, given);
  auto address = api.url();
  if (!address) return failed(std::move(address).error());
  if (is_open_network(*address)) {
    context.console.err(fmt::format(
        "Warning: {} is not encrypted; others on the way can read the password.\n", *address));
  }
  auto email = email_of(context, given);
  if (!email) return failed(std::move(email).error());
  auto password = read_secret(context, given, "password-file", "Password: ");
  if (!password) return failed(std::move(password).error());

  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("email").string(*email);
  writer.key("password").string(password->reveal());
  writer.key("transport").string("bearer").end_object();
  auto answer = api.send_as_nobody("POST", "/session", body);
  wipe_memory(body.data(), body.size());
  if (!answer) {
    Failure failure = std::move(answer).error();
    if (failure.code == ExitCode::not_allowed) failure.next.clear();
    return failed(std::move(failure));
  }
  const auto document = json::Document::parse(answer->body);
  const auto token = document ? document->root().find("token") : std::nullopt;
  if (!token || !token->as_string()) {
    return failed({ExitCode::failure, "the server's answer has no token"});
  }
  const StoredSession session{Secret<std::string>(std::string(*token->as_string())), *email};
  const SessionFiles files(configuration_directory(context.environment));
  if (auto saved = files.save(*address, session); !saved) return failed(std::move(saved).error());
  context.console.err(fmt::format("Signed in at {} as {}.\n", *address, printable(*email)));
  if (api.uses_api_key()) {
    context.console.err("KEYWRIGHT_API_KEY is set and is used instead of this session.\n");
  }
  return say_where(context, given, *address, *email);
}

Outcome logout(Context& context, const Invocation& given) {
  ApiClient api(context, given);
  auto address = api.url();
  if (!address) return failed(std::move(address).error());
  const SessionFiles files(configuration_directory(context.environment));
  auto session = files.load(*address);
  if (session && !*session) {
    context.console.err(fmt::format("Not signed in at {}.\n", *address));
    return say_where(context, given, *address, "");
  }
  // The session ends at the server first; one that has ended already is as good.
  Expected<ApiAnswer> ended = ApiAnswer{};
  if (session) ended = api.end_session((*session)->token);
  if (!ended && ended.error().code == ExitCode::unavailable) {
    Failure failure = std::move(ended).error();
    failure.next = fmt::format("the session still exists; try again, or delete {}",
                               files.path_of(*address).string());
    return failed(std::move(failure));
  }
  if (auto removed = files.remove(*address); !removed) return failed(std::move(removed).error());
  context.console.err(fmt::format("Signed out at {}.\n", *address));
  return say_where(context, given, *address, session && *session ? (*session)->email : "");
}

Outcome whoami(Context& context, const Invocation& given) {
  ApiClient api(context, given);
  auto answer = api.send("GET", api.uses_api_key() ? "/whoami" : "/me");
  if (!answer) return failed(std::move(answer).error());
  auto document = read_answer(answer->body);
  if (!document) return failed(std::move(document).error());
  Console& console = context.console;
  if (given.has("json")) {
    print_json(context, given, answer->body);
    return after_output(context);
  }
  if (given.has("quiet")) {
    console.out(text_member(document->root(), "id") + "\n");
  } else {
    console.out(record(document->root(), member_names(document->root()), view_of(context)));
  }
  return after_output(context);
}

void add_shared_flags(Command& command, bool has_id) {
  command.flags.push_back(json_flag());
  if (has_id) command.flags.push_back(quiet_flag());
  for (Flag& flag : connection_flags()) command.flags.push_back(std::move(flag));
  command.flags.push_back(color_flag());
}

}  // namespace

std::vector<Command> session_commands() {
  Command in{
      .name = "login",
      .summary = "Sign in, and stay signed in for later commands",
      .flags = {{"email", "EMAIL", "Who signs in; asked for if not given"},
                {.name = "password-file",
                 .value = "FILE",
                 .help = "Read the password from FILE, - is standard input; else it is "
                         "asked for",
                 .completes = Completes::file}},
      .run = &login,
      .examples = {"keywright login --server https://keys.example.com --email ada@example.com"}};
  in.description =
      "Begins a session at the server. Its token is kept in a file that only you can read, one for "
      "each server. A session ends after 12 hours without use and after 7 days. For programs, set "
      "KEYWRIGHT_API_KEY instead.";
  Command out{.name = "logout", .summary = "End the session", .run = &logout};
  Command who{.name = "whoami", .summary = "Say as whom commands run", .run = &whoami};
  add_shared_flags(in, false);
  add_shared_flags(out, false);
  add_shared_flags(who, true);
  std::vector<Command> commands;
  for (Command* command : {&in, &out, &who}) {
    command->chapter = "Signing in";
    commands.push_back(std::move(*command));
  }
  return commands;
}

}  // namespace keywright::cli
