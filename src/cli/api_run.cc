#include "cli/api_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "cli/answer.h"
#include "cli/json_text.h"
#include "cli/render.h"
#include "cli/table.h"
#include "cli/text_width.h"
#include "json/writer.h"

namespace keywright::cli {

namespace {

constexpr std::size_t kDefaultLimit = 50;
constexpr std::size_t kLargestPage = 200;

// "project Billing (0190...)"
std::string shown_object(const ApiCommand& command, const json::Value& object) {
  std::string label = text_member(object, "name");
  if (label.empty()) label = text_member(object, "email");
  const std::string id = text_member(object, "id");
  if (label.empty()) return fmt::format("{} {}", command.noun, id);
  return fmt::format("{} {} ({})", command.noun, label, id);
}

// "users.reset_link" -> "Done"; the common ones have a word.
std::string_view past_tense(std::string_view operation) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"create", "Created"}, {"update", "Changed"},
      {"delete", "Deleted"}, {"rotate", "Rotated"},
      {"revoke", "Revoked"}, {"disable", "Disabled"},
      {"enable", "Enabled"}, {"finish_rotation", "Ended the old secrets of"}};
  const std::string_view verb = operation.substr(operation.rfind('.') + 1);
  for (const auto& [word, past] : kWords) {
    if (word == verb) return past;
  }
  return "Done:";
}

std::vector<std::string> response_fields(const json::Type& type) {
  std::vector<std::string> names;
  for (const json::Field& field : type.fields) {
    if (field.is_in(json::Form::response, true)) names.emplace_back(field.name);
  }
  return names;
}

Expected<std::size_t> limit_of(const Invocation& given) {
  if (given.has("all")) {
    if (given.has("limit")) return misused("--all and --limit exclude each other");
    return static_cast<std::size_t>(-1);
  }
  if (!given.has("limit")) return kDefaultLimit;
  const std::string text = given.value("limit");
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size() || limit == 0) {
    return misused("--limit: must be a whole number from 1");
  }
  return limit;
}

// On a terminal somebody is asked first, and shown what it is about.
Expected<bool> is_wanted(const ApiCommand& command, ApiClient& api, Context& context,
                         const Invocation& given, const std::string& path) {
  const bool asks = given.command->find_flag("yes") != nullptr && !given.has("yes");
  if (!asks || !context.console.is_interactive() || given.has("overlap-seconds")) return true;
  std::string item(path);
  if (command.operation->method != "DELETE") item.resize(item.rfind('/'));
  std::string object = fmt::format("{} {}", command.noun, given.arguments.front());
  auto answer = api.send("GET", item);
  if (!answer && answer.error().code == ExitCode::not_found) {
    return failed(std::move(answer).error());
  }
  if (answer) {
    if (auto document = json::Document::parse(answer->body)) {
      object = shown_object(command, document->root());
    }
  }
  std::string warning = command.warning;
  if (warning.empty()) warning = fmt::format("{}.", command.operation->summary);
  context.console.err(fmt::format("{}: {}\n", object, warning));
  return context.console.confirm("Go on?");
}

// What there is to say about an answer besides its fields.
std::string effect_of(const json::Value& object) {
  const auto effect = object.find("effective_on");
  if (!effect || effect->kind() != json::ValueKind::object) return {};
  const auto number = [&](std::string_view name) {
    const auto value = effect->find(name);
    return value ? value->as_int64().value_or(0) : 0;
  };
  const auto nodes = number("nodes");
  return fmt::format(" In effect on {} node{} after {} ms.", nodes, nodes == 1 ? "" : "s",
                     number("waited_ms"));
}

Outcome print_without_body(const ApiCommand& command, Context& context, const Invocation& given) {
  if (!given.has("quiet")) {
    const std::string id = given.arguments.empty() ? "" : printable(given.arguments.front());
    context.console.err(
        fmt::format("{} {} {}\n", past_tense(command.operation->name), command.noun, id));
  }
  return ExitCode::ok;
}

// A secret alone on standard output (or in a file); the rest for people on standard error.
Outcome print_secret(const ApiCommand& command, Context& context, const Invocation& given,
                     SecretOutput& output, const std::string& body, const json::Value& object,
                     std::string_view field) {
  const std::string secret(object.find(field)->as_string().value_or(""));
  if (auto done =
          output.write(given.has("json") && !output.to_file() ? "" : secret,
                       fmt::format("{} of {}", title(field), shown_object(command, object)));
      !done) {
    return failed(std::move(done).error());
  }
  if (given.has("json")) {
    print_json(context, given, output.to_file() ? without_field(body, field) : body);
  }
  if (!given.has("quiet") && !given.has("json")) {
    context.console.err(fmt::format("{} {}.\n", past_tense(command.operation->name),
                                    shown_object(command, object)));
    context.console.err(output.to_file() ? fmt::format("Written to {}.\n", given.value("out"))
                                         : "This is the only time it is shown.\n");
  }
  if (context.console.output_failed()) {
    return failed({ExitCode::failure,
                   "the secret could not be written and is shown only once",
                   {},
                   "rotate the key to get another one"});
  }
  return ExitCode::ok;
}

Outcome print_changed(const ApiCommand& command, Context& context, const Invocation& given,
                      const std::string& body, const json::Value& object) {
  Console& console = context.console;
  const bool is_created = command.operation->name.ends_with(".create");
  const std::string id = text_member(object, "id");
  if (given.has("json")) {
    print_json(context, given, body);
  } else if (given.has("quiet")) {
    console.out(id + "\n");
  } else {
    console.err(fmt::format("{} {}.{}\n", past_tense(command.operation->name),
                            shown_object(command, object), effect_of(object)));
    const bool has_id = object.find("id").has_value();
    if (is_created && !(has_id && console.out_is_terminal())) {
      console.out(id + "\n");
    } else if (!has_id || console.out_is_terminal()) {
      console.out(record(object, response_fields(*command.operation->output), view_of(context)));
    }
  }
  return after_output(context);
}

}  // namespace

Reading reading_of(Context& context) {
  return {[&context](const std::string& path) { return read_file_or_input(context, path); },
          context.clock.now()};
}

void print_json(Context& context, const Invocation& given, const std::string& json) {
  std::string text = json;
  std::vector<std::string> fields;
  const std::string list = given.value("json");
  for (std::string_view names = list; !names.empty();) {
    const std::size_t end = std::min(names.find(','), names.size());
    if (end > 0) fields.emplace_back(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  if (!fields.empty()) text = select_fields(text, fields);
  if (context.console.out_is_terminal()) text = pretty(text);
  context.console.out(text + "\n");
}

Failure with_flag_names(Failure failure, const ApiOperation& operation) {
  bool names_flag = false;
  for (std::string& detail : failure.details) {
    const std::string name = detail.substr(0, detail.find_first_of(".[:"));
    const json::Field* field = operation.input->find(name);
    if (field == nullptr || field->read_only) continue;
    if (field->place == json::Place::path && name == "id") continue;
    detail.replace(0, name.size(), "--" + flag_name(*field));
    names_flag = true;
  }
  if (names_flag && failure.code == ExitCode::failure) failure.code = ExitCode::usage;
  return failure;
}

Expected<Answered> ask(ApiClient& api, const ApiOperation& operation, std::string_view address,
                       const std::string& body) {
  auto answer = api.send(operation.method, address, body);
  if (!answer) return failed(with_flag_names(std::move(answer).error(), operation));
  auto document = read_answer(answer->body);
  if (!document) return failed(std::move(document).error());
  return Answered{std::move(answer->body), std::move(*document)};
}

Expected<Answered> fetch(const ApiCommand& command, Context& context, const Invocation& given) {
  auto path = request_path(*command.operation, given);
  if (!path) return failed(std::move(path).error());
  auto query = request_query(*command.operation, given, reading_of(context));
  if (!query) return failed(std::move(query).error());
  ApiClient api(context, given);
  return ask(api, *command.operation, *path + *query);
}

Expected<Pages> for_each_item(ApiClient& api, const ApiOperation& operation,
                              const std::string& path, const std::string& query, std::size_t most,
                              const std::function<Expected<void>(const json::Value&)>& take) {
  Pages pages;
  std::string cursor;
  while (pages.items < most) {
    std::string address = path + query;
    if (is_paged(operation)) {
      address += fmt::format("{}limit={}", query.empty() ? "?" : "&",
                             std::min(most - pages.items, kLargestPage));
    }
    if (!cursor.empty()) address += "&cursor=" + percent_encoded(cursor);
    auto answer = api.send("GET", address);
    if (!answer) return failed(std::move(answer).error());
    auto document = json::Document::parse(answer->body);
    const auto items = document ? document->root().find("items") : std::nullopt;
    if (!items) return failed({ExitCode::failure, "the server's answer is not a list"});
    for (const json::Value& item : items->items()) {
      if (auto taken = take(item); !taken) return failed(std::move(taken).error());
      ++pages.items;
    }
    const auto next = document->root().find("next_cursor");
    const auto text = next ? next->as_string() : std::nullopt;
    pages.more = text.has_value() && !text->empty();
    // A search may find nothing on a page, and have a next one.
    if (!pages.more || *text == cursor) return pages;
    cursor = std::string(*text);
  }
  return pages;
}

SecretOutput::~SecretOutput() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  if (!written_) unlink(given_.value("out").c_str());
}

Expected<void> SecretOutput::prepare() {
  if (!to_file()) return {};
  constexpr mode_t kOwnerOnly = 0600;
  const std::string path = given_.value("out");
  descriptor_ = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly);
  if (descriptor_ >= 0) return {};
  if (errno == EEXIST) {
    return failed(
        {ExitCode::conflict, fmt::format("--out: {} exists and is not overwritten", path)});
  }
  return failed({ExitCode::failure, fmt::format("--out: {}: {}", path, std::strerror(errno))});
}

Expected<void> SecretOutput::write(const std::string& secret, const std::string& label) {
  if (secret.empty()) return {};
  if (to_file()) {
    const std::string line = secret + "\n";
    written_ =
        ::write(descriptor_, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
        fsync(descriptor_) == 0;
    if (written_) return {};
    return failed({ExitCode::failure,
                   fmt::format("--out: {} cannot be written, and the secret is shown only once",
                               given_.value("out")),
                   {},
                   "rotate the key to get another one"});
  }
  Console& console = context_.console;
  if (!console.out_is_terminal()) {
    console.out(secret + "\n");
    return {};
  }
  // No frame around it: a secret that is longer than the line must be copied in one piece.
  const std::string rule = console.out_styled(
      std::string(std::min<std::size_t>(console.width(), std::max(secret.size(), label.size()) + 2),
                  '-'),
      "2");
  console.out(
      fmt::format("{}\n {}\n\n {}\n{}\n", rule, console.out_styled(label, "1"), secret, rule));
  return {};
}

Outcome run_list(const ApiCommand& command, Context& context, const Invocation& given) {
  auto limit = limit_of(given);
  if (!limit) return failed(std::move(limit).error());
  auto path = request_path(*command.operation, given);
  if (!path) return failed(std::move(path).error());
  auto query = request_query(*command.operation, given, reading_of(context));
  if (!query) return failed(std::move(query).error());

  Console& console = context.console;
  const View view = view_of(context);
  std::vector<std::string> header;
  for (const std::string& column : command.columns) header.push_back(title(column));
  Table table(header);
  std::string json = "{\"items\":[";
  bool first = true;
  ApiClient api(context, given);
  auto pages =
      for_each_item(api, *command.operation, *path, *query, *limit, [&](const json::Value& item) {
        if (given.has("json")) {
          if (!first) json += ',';
          json::Writer writer(json);
          item.write(writer);
        } else if (given.has("quiet")) {
          console.out(text_member(item, "id") + "\n");
        } else {
          std::vector<std::string> row;
          for (const std::string& column : command.columns) {
            const auto value = item.find(column);
            row.push_back(value ? cell(*value, column, view) : "");
          }
          table.add(std::move(row));
        }
        first = false;
        return Expected<void>();
      });
  if (!pages) return failed(with_flag_names(std::move(pages).error(), *command.operation));
  if (given.has("json")) {
    print_json(context, given, json + "],\"next_cursor\":null}");
  } else if (!given.has("quiet")) {
    if (!view.for_people) {
      console.out(table.plain());
    } else if (table.empty()) {
      console.err(fmt::format("There are no {}.\n", given.path[given.path.size() - 2]->name));
    } else {
      console.out(table.aligned(view.width, view.label));
    }
  }
  if (pages->more) {
    console.err(fmt::format("Showing the newest {}; --all shows everything.\n", pages->items));
  }
  return after_output(context);
}

Outcome run_get(const ApiCommand& command, Context& context, const Invocation& given) {
  auto answer = fetch(command, context, given);
  if (!answer) return failed(std::move(answer).error());
  const json::Value object = answer->document.root();
  if (given.has("json")) {
    print_json(context, given, answer->body);
  } else if (given.has("quiet")) {
    context.console.out(text_member(object, "id") + "\n");
  } else {
    context.console.out(
        record(object, response_fields(*command.operation->output), view_of(context)));
  }
  return after_output(context);
}

Outcome run_change(const ApiCommand& command, Context& context, const Invocation& given) {
  const ApiOperation& operation = *command.operation;
  auto path = request_path(operation, given);
  if (!path) return failed(std::move(path).error());
  auto query = request_query(operation, given, reading_of(context));
  if (!query) return failed(std::move(query).error());
  auto body = request_body(operation, given, reading_of(context));
  if (!body) return failed(std::move(body).error());
  if (operation.method == "PATCH" && body->empty()) {
    return misused(fmt::format("{}: nothing to change was given", given.name()),
                   given.name() + " --help");
  }
  ApiClient api(context, given);
  auto wanted = is_wanted(command, api, context, given, *path);
  if (!wanted) return failed(std::move(wanted).error());
  if (!*wanted) return failed({ExitCode::failure, "nothing was done"});

  SecretOutput output(context, given);
  if (auto ready = output.prepare(); !ready) return failed(std::move(ready).error());
  auto answer = api.send(operation.method, *path + *query, *body);
  if (!answer) return failed(with_flag_names(std::move(answer).error(), operation));
  if (answer->body.empty()) return print_without_body(command, context, given);
  auto document = read_answer(answer->body);
  if (!document) return failed(std::move(document).error());
  const json::Value object = document->root();
  if (const json::Field* secret = shown_secret(operation)) {
    const auto value = object.find(secret->name);
    if (value && value->as_string()) {
      return print_secret(command, context, given, output, answer->body, object, secret->name);
    }
  }
  return print_changed(command, context, given, answer->body, object);
}

}  // namespace keywright::cli
