#include "cli/local_commands.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "cli/api_run.h"
#include "cli/text_width.h"
#include "json/codec.h"
#include "server/admin.h"
#include "server/config.h"
#include "server/serve.h"

namespace keywright::cli {

namespace {

constexpr std::string_view kChapter = "This machine";

Flag data_flag() {
  return {.name = "data",
          .value = "DIR",
          .help = "Where everything is kept; else KEYWRIGHT_DATA",
          .completes = Completes::directory};
}

Flag digest_key_flag() {
  return {.name = "digest-key-file",
          .value = "FILE",
          .help = "The digest key; else KEYWRIGHT_DIGEST_KEY_FILE, else digest.key in DIR",
          .completes = Completes::file};
}

Flag plain_json_flag() {
  return {.name = "json", .value = "", .help = "Print JSON", .takes = Takes::nothing};
}

Flag password_flag(std::string help) {
  return {.name = "password-file",
          .value = "FILE",
          .help = std::move(help),
          .completes = Completes::file};
}

Flag store_flag() {
  return {.name = "store",
          .value = "STORE",
          .help = "sqlite, or the postgres:// URL of a store that nodes share"};
}

std::string given_or_environment(Context& context, const Invocation& given, std::string_view flag,
                                 const std::string& variable) {
  if (given.has(flag)) return given.value(flag);
  return context.environment(variable).value_or("");
}

Expected<server::Place> place_of(Context& context, const Invocation& given) {
  const std::string data = given_or_environment(context, given, "data", "KEYWRIGHT_DATA");
  if (data.empty()) {
    return misused(fmt::format("{} needs --data DIR", given.name()),
                   "name the directory where everything is kept, or set KEYWRIGHT_DATA");
  }
  server::Place place{
      data, given_or_environment(context, given, "digest-key-file", "KEYWRIGHT_DIGEST_KEY_FILE")};
  const std::string store = given_or_environment(context, given, "store", "KEYWRIGHT_STORE");
  if (store.empty() || store == "sqlite") return place;
  if (!server::is_store_url(store)) {
    return misused("--store must be sqlite or a valid postgres:// URL",
                   "the same that `keywright serve` is given");
  }
  place.store_url = Secret<std::string>(store);
  return place;
}

Failure operator_failure(const Error& error) {
  Failure failure = to_failure(error);
  if (!error.internal().empty()) failure.details.push_back(error.internal());
  return failure;
}

Outcome serve(Context&, const Invocation& given) {
  std::vector<server::GivenOption> options;
  for (const server::Option& option : server::serve_options()) {
    if (!given.has(option.name)) continue;
    options.push_back({std::string(option.name), given.values(option.name)});
  }
  auto config = server::read_config(options, server::process_environment);
  if (!config) {
    Failure failure = operator_failure(config.error());
    failure.code = ExitCode::usage;
    return failed(std::move(failure));
  }
  if (auto done = server::serve(*config); !done) return failed(operator_failure(done.error()));
  return ExitCode::ok;
}

Expected<std::string> asked(Context& context, const Invocation& given, std::string_view flag,
                            std::string_view question) {
  if (given.has(flag)) return given.value(flag);
  if (context.console.is_interactive()) return context.console.prompt(question);
  return misused(fmt::format("{} needs --{}", given.name(), flag), given.name() + " --help");
}

// What set-up finds wrong with its input, by the name of the flag.
Failure setup_failure(const Error& error) {
  Failure failure = operator_failure(error);
  for (std::string& detail : failure.details) {
    for (std::string_view field : {"organization", "email", "name", "password"}) {
      if (!detail.starts_with(fmt::format("{}:", field))) continue;
      detail = fmt::format("--{}{}", field == "password" ? "password-file" : field,
                           detail.substr(field.size()));
      failure.code = ExitCode::usage;
      break;
    }
  }
  return failure;
}

Outcome setup(Context& context, const Invocation& given) {
  auto place = place_of(context, given);
  if (!place) return failed(std::move(place).error());
  auto organization = asked(context, given, "organization", "Name of the organization: ");
  if (!organization) return failed(std::move(organization).error());
  auto email = asked(context, given, "email", "E-mail of its owner: ");
  if (!email) return failed(std::move(email).error());
  auto password = read_new_password(context, given);
  if (!password) return failed(std::move(password).error());
  auto done = server::set_up_installation(*place, {*organization, *email, given.value("name")},
                                          *password, context.clock, context.random);
  if (!done) return failed(setup_failure(done.error()));
  if (given.has("json")) {
    context.console.out(json::encode(*done) + "\n");
    return ExitCode::ok;
  }
  context.console.out(fmt::format(
      "Set up in {}.\n  organization  {}  {}\n  owner         {}  {}\n"
      "Start it with: keywright serve --data {}\n",
      place->data_directory.string(), done->organization_id.to_string(), printable(*organization),
      done->user_id.to_string(), printable(*email), place->data_directory.string()));
  return ExitCode::ok;
}

Outcome reset_password(Context& context, const Invocation& given) {
  auto place = place_of(context, given);
  if (!place) return failed(std::move(place).error());
  const std::string email = given.value("email");
  if (!given.has("password-file")) {
    const std::string public_url =
        given_or_environment(context, given, "public-url", "KEYWRIGHT_PUBLIC_URL");
    auto link = server::make_reset_link(*place, email, public_url, context.clock, context.random);
    if (!link) return failed(operator_failure(link.error()));
    context.console.err(
        "Open this link within the hour, once the server runs again. It works "
        "once.\n");
    context.console.out(link->reveal() + "\n");
    return ExitCode::ok;
  }
  auto password = read_new_password(context, given);
  if (!password) return failed(std::move(password).error());
  auto done = server::reset_password(*place, email, *password, context.clock, context.random);
  if (!done) return failed(setup_failure(done.error()));
  context.console.err("The password is changed, and every session of this person has ended.\n");
  return ExitCode::ok;
}

Outcome verify_audit(Context& context, const Invocation& given) {
  auto place = place_of(context, given);
  if (!place) return failed(std::move(place).error());
  auto seen = server::verify_audit(*place);
  if (!seen) return failed(operator_failure(seen.error()));
  if (given.has("json")) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("intact").boolean(seen->intact);
    writer.key("events").unsigned_integer(seen->events);
    writer.key("head").string(encode_hex(seen->head));
    writer.key("problem");
    seen->problem.empty() ? writer.null() : writer.string(seen->problem);
    writer.end_object();
    context.console.out(out + "\n");
  } else if (seen->intact) {
    context.console.out(fmt::format("The audit log is intact: {} events, head {}\n", seen->events,
                                    encode_hex(seen->head)));
  }
  if (seen->intact) return ExitCode::ok;
  return failed({ExitCode::failure, fmt::format("the audit log was changed: {}", seen->problem)});
}

// The one file of backup and restore: an argument, or --to and --from.
Expected<std::string> file_of(const Invocation& given, std::string_view flag) {
  if (given.has(flag) == !given.arguments.empty()) {
    return misused(fmt::format("{} needs one FILE", given.name()), given.name() + " --help");
  }
  return given.has(flag) ? given.value(flag) : given.arguments.front();
}

Outcome backup(Context& context, const Invocation& given) {
  auto place = place_of(context, given);
  if (!place) return failed(std::move(place).error());
  auto file = file_of(given, "to");
  if (!file) return failed(std::move(file).error());
  Console& console = context.console;
  int shown = -1;
  auto done = server::backup(*place, *file, [&](int copied, int all) {
    const int percent = all > 0 ? static_cast<int>(100LL * copied / all) : 100;
    if (!console.err_is_terminal() || percent == shown) return;
    shown = percent;
    console.err(fmt::format("\r{} %", percent));
  });
  if (shown >= 0) console.err("\r      \r");
  if (!done) return failed(operator_failure(done.error()));
  if (given.has("json")) {
    std::string out = "{\"file\":";
    json::append_quoted(out, *file);
    console.out(out + "}\n");
  } else {
    console.err(
        fmt::format("Backed up to {}. The digest key is not in it: keep a copy of that "
                    "file somewhere else.\n",
                    *file));
  }
  return ExitCode::ok;
}

void print_restored(Context& context, const Invocation& given, const server::Restored& restored) {
  Console& console = context.console;
  if (given.has("json")) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("keys_revoked").unsigned_integer(restored.keys_revoked);
    writer.key("keys_disabled").unsigned_integer(restored.keys_disabled);
    writer.key("records_deleted").unsigned_integer(restored.records_deleted);
    writer.key("to_review").begin_array();
    for (const std::string& object : restored.to_review) writer.string(object);
    writer.end_array().end_object();
    console.out(out + "\n");
    return;
  }
  console.err(
      fmt::format("Restored. Done again because it happened after the backup: {} keys "
                  "revoked, {} disabled, {} objects deleted.\n",
                  restored.keys_revoked, restored.keys_disabled, restored.records_deleted));
  for (const std::string& object : restored.to_review) {
    console.err(fmt::format("Look at {}: it was narrowed after the backup and is wide again.\n",
                            printable(object)));
  }
}

Outcome restore(Context& context, const Invocation& given) {
  auto place = place_of(context, given);
  if (!place) return failed(std::move(place).error());
  auto file = file_of(given, "from");
  if (!file) return failed(std::move(file).error());
  if (!given.has("yes") && context.console.is_interactive()) {
    context.console.err(fmt::format(
        "What was made in {} since the backup is lost, but for what took access away. The present "
        "store is kept beside it.\n",
        place->data_directory.string()));
    auto wanted = context.console.confirm("Go on?");
    if (!wanted) return failed(std::move(wanted).error());
    if (!*wanted) return failed({ExitCode::failure, "nothing was done"});
  }
  if (context.console.err_is_terminal()) context.console.err("Reading the backup...\n");
  const auto missing_journal = given.has("accept-missing-journal") ? server::MissingJournal::accept
                                                                   : server::MissingJournal::refuse;
  auto done = server::restore(*place, *file, context.clock, context.random, missing_journal);
  if (!done) return failed(operator_failure(done.error()));
  print_restored(context, given, *done);
  return ExitCode::ok;
}

// "postgres" means the store that the environment names, so that no password stands in the list of
// processes.
Outcome migrate(Context& context, const Invocation& given) {
  auto place = place_of(context, given);
  if (!place) return failed(std::move(place).error());
  place->store_url = {};
  std::string to = given.value("to");
  if (to == "postgres") to = context.environment("KEYWRIGHT_STORE").value_or("");
  if (!server::is_store_url(to)) {
    return misused("migrate needs --to postgres://..., or --to postgres and KEYWRIGHT_STORE",
                   given.name() + " --help");
  }
  const auto tell = [&](const server::Moved& so_far) {
    context.console.err(fmt::format(
        "Copied {} keys, {} objects and {} traces so far{}\n", so_far.keys, so_far.records,
        so_far.traces.traces,
        so_far.is_waiting ? ", and following the server's changes. Stop it to finish." : "."));
  };
  auto moved = server::move_to_postgres(*place, Secret<std::string>(to), context.clock,
                                        context.random, tell);
  if (!moved) return failed(operator_failure(moved.error()));
  const server::MovedTraces& traces = moved->traces;
  if (given.has("json")) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("records").unsigned_integer(moved->records);
    writer.key("keys").unsigned_integer(moved->keys);
    writer.key("audit_events").unsigned_integer(moved->events);
    writer.key("traces").unsigned_integer(traces.traces);
    writer.key("spans").unsigned_integer(traces.spans);
    writer.key("forwardings").unsigned_integer(traces.forwardings);
    writer.key("queued").unsigned_integer(traces.queued);
    writer.key("dead_letters").unsigned_integer(traces.dead_letters).end_object();
    context.console.out(out + "\n");
    return ExitCode::ok;
  }
  context.console.err(
      fmt::format("Copied {} keys, {} objects, {} audit events and {} traces with {} spans. "
                  "{} platforms are forwarded: {} messages wait, {} could not be sent. Serve with "
                  "the same digest key and --store from now on.\n",
                  moved->keys, moved->records, moved->events, traces.traces, traces.spans,
                  traces.forwardings, traces.queued, traces.dead_letters));
  return ExitCode::ok;
}

Command migrate_command() {
  Command command{.name = "migrate",
                  .summary = "Copy the store from SQLite into PostgreSQL",
                  .flags = {data_flag(),
                            {.name = "from",
                             .value = "STORE",
                             .help = "What it is now: sqlite",
                             .choices = {"sqlite"}},
                            {"to", "STORE",
                             "An empty database, postgres://...; or postgres, with its URL in "
                             "KEYWRIGHT_STORE"},
                            digest_key_flag(),
                            plain_json_flag()},
                  .run = &migrate};
  command.description =
      "While the server serves: copies, follows what changes, and says when there is nothing left "
      "to do but to stop the server, which finishes the copy in moments; or while it is stopped. "
      "Counts and the chain of the audit log are compared at the end. The data directory stays as "
      "it is, so there is a way back. Traces come along, and what waits to be forwarded; limits "
      "under way and sessions' last uses do not.";
  command.examples = {"keywright migrate --data /var/lib/keywright --from sqlite --to postgres"};
  return command;
}

Command serve_command() {
  Command command{.name = "serve", .summary = "Serve a data directory over HTTP", .run = &serve};
  command.description =
      "Each setting is a flag, a variable KEYWRIGHT_<NAME> in the environment and a line in the "
      "file that --config names; a flag wins over the environment, the environment over the "
      "file.\n\n"
      "Without set-up, a link that is good once for 15 minutes is printed, which opens it in the "
      "browser.\n\n"
      "SIGTERM ends it in good order; SIGHUP reads the certificate again.";
  for (const server::Option& option : server::serve_options()) {
    Flag flag{std::string(option.name), std::string(option.value), std::string(option.help)};
    flag.repeatable = option.type == server::OptionType::list;
    if (option.type == server::OptionType::flag) flag.takes = Takes::nothing;
    if (option.value == "FILE") flag.completes = Completes::file;
    if (option.value == "DIR") flag.completes = Completes::directory;
    command.flags.push_back(std::move(flag));
  }
  command.examples = {"keywright serve --data /var/lib/keywright --listen 127.0.0.1:8080",
                      "keywright serve --demo"};
  return command;
}

Command setup_command() {
  Command command{.name = "setup",
                  .summary = "Make the first organization and its owner",
                  .flags = {data_flag(),
                            store_flag(),
                            {"organization", "NAME", "Name of the organization"},
                            {"email", "EMAIL", "What its owner signs in with"},
                            {"name", "NAME", "Name of the owner"},
                            password_flag("Read the password from FILE, - is standard input; else "
                                          "it is asked for"),
                            digest_key_flag(),
                            plain_json_flag()},
                  .run = &setup};
  command.description =
      "Makes the store and the digest key where they are missing. Keep a copy of the digest key: "
      "without it no key in the store works. Refused where an organization exists already.";
  command.examples = {
      "keywright setup --data /var/lib/keywright --organization Acme --email ada@example.com"};
  return command;
}

Command backup_command() {
  Command command{.name = "backup",
                  .summary = "Copy the store to a file, also while it serves",
                  .arguments = {{.name = "FILE",
                                 .help = "A file that does not exist yet",
                                 .required = false,
                                 .completes = Completes::file}},
                  .flags = {data_flag(),
                            store_flag(),
                            {.name = "to",
                             .value = "FILE",
                             .help = "The same as the argument",
                             .completes = Completes::file},
                            digest_key_flag(),
                            plain_json_flag()},
                  .run = &backup};
  command.description = "The copy is consistent. The digest key is not in it.";
  command.examples = {"keywright backup --data /var/lib/keywright /backups/keywright.db"};
  return command;
}

Command restore_command() {
  Command command{.name = "restore",
                  .summary = "Put a backup in place of the store",
                  .arguments = {{.name = "FILE",
                                 .help = "A file that backup made",
                                 .required = false,
                                 .completes = Completes::file}},
                  .flags = {data_flag(),
                            store_flag(),
                            {.name = "from",
                             .value = "FILE",
                             .help = "The same as the argument",
                             .completes = Completes::file},
                            digest_key_flag(),
                            {.name = "accept-missing-journal",
                             .value = "",
                             .help = "Let keys work that were revoked after the backup, if "
                                     "there is no journal",
                             .takes = Takes::nothing},
                            yes_flag(),
                            plain_json_flag()},
                  .run = &restore};
  command.description =
      "While the server is stopped. Keys that were revoked or disabled and objects that were "
      "deleted since the backup stay so. The store that was there stays beside it.";
  command.examples = {"keywright restore --data /var/lib/keywright /backups/keywright.db"};
  return command;
}

}  // namespace

std::vector<Command> local_commands() {
  std::vector<Command> commands;
  commands.push_back(serve_command());
  commands.push_back(setup_command());
  commands.push_back(backup_command());
  commands.push_back(restore_command());
  commands.push_back(migrate_command());
  for (Command& command : commands) command.chapter = kChapter;
  return commands;
}

Command reset_password_command() {
  Command command{.name = "reset-password",
                  .summary = "Let somebody in again who is locked out",
                  .flags = {data_flag(),
                            store_flag(),
                            {"email", "EMAIL", "Whose; else the oldest owner's"},
                            password_flag("Set the password in FILE, - is standard input; else a "
                                          "link is printed"),
                            {"public-url", "URL", "How the server is reached, for the link"},
                            digest_key_flag()},
                  .run = &reset_password};
  command.description =
      "On the data directory itself, while the server is stopped. Prints a link that is good once "
      "for an hour, or sets the password; with that every session of the person ends.";
  return command;
}

Command verify_audit_command() {
  Command command{.name = "verify",
                  .summary = "Check that nobody changed the audit log, also while it serves",
                  .flags = {data_flag(), store_flag(), digest_key_flag(), plain_json_flag()},
                  .run = &verify_audit};
  command.description =
      "Computes the hash chain anew. Compare the head with one that was written down elsewhere to "
      "be sure that the end was not cut off.";
  return command;
}

}  // namespace keywright::cli
