#include "cli/key_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/file.h"
#include "cli/answer.h"
#include "cli/api_run.h"
#include "cli/import_batches.h"
#include "cli/json_text.h"
#include "cli/render.h"
#include "cli/text_width.h"
#include "json/writer.h"

namespace keywright::cli {

namespace {

void remove_flag(Command& command, std::string_view name) {
  std::erase_if(command.flags, [&](const Flag& flag) { return flag.name == name; });
}

// The body of a verify request: the given flags and the token from wherever it may come.
Expected<Secret<std::string>> verify_body(const ApiCommand& command, Context& context,
                                          const Invocation& given) {
  const bool from_input = !given.arguments.empty();
  if (from_input && given.arguments.front() != "-") {
    return misused(
        "a key is not taken from the command line, where every user of this machine "
        "could read it; treat this one as leaked",
        "keywright keys verify - < FILE, or keywright keys verify --key-file FILE");
  }
  if (from_input && given.has("key-file")) return misused("- and --key-file exclude each other");
  Invocation filled = given;
  if (from_input) filled.flags["key-file"] = {"-"};
  auto key = read_secret(context, filled, "key-file", "Key: ");
  if (!key) return key;
  Reading reading = reading_of(context);
  reading.file = [&](const std::string& path) -> Expected<std::string> {
    if (path != "\n") return read_file_or_input(context, path);
    return key->reveal();
  };
  filled.flags["key-file"] = {"\n"};  // no file has this name: the key that was read above
  auto body = request_body(*command.operation, filled, reading);
  if (!body) return failed(std::move(body).error());
  return Secret<std::string>(std::move(*body));
}

struct ImportResult {
  std::size_t imported = 0;
  std::vector<std::string> ids;
  std::vector<std::size_t> refused_lines;  // indexes into the lines
  std::vector<std::string> reasons;        // beside them
  std::optional<Failure> stopped;          // a request failed; nothing after it was sent

  void refuse(std::size_t line, std::string reason) {
    refused_lines.push_back(line);
    reasons.push_back(std::move(reason));
  }
};

void take_batch_answer(const ImportBatch& batch, const std::string& body, ImportResult& result) {
  const auto document = json::Document::parse(body);
  const auto items = document ? document->root().find("items") : std::nullopt;
  if (!items) {
    for (std::size_t line : batch.lines) result.refuse(line, "the server's answer is not a list");
    return;
  }
  for (const json::Value& item : items->items()) {
    const auto index = item.find("index");
    const auto at = index ? index->as_uint64() : std::nullopt;
    if (!at || *at >= batch.lines.size()) continue;
    const auto error = item.find("error");
    if (!error || error->is_null()) {
      ++result.imported;
      result.ids.push_back(text_member(item, "id"));
      continue;
    }
    std::string reason = text_member(*error, "detail");
    if (reason.empty()) reason = text_member(*error, "code");
    result.refuse(batch.lines[*at], std::move(reason));
  }
}

Expected<void> write_rejects(const std::string& path, const ImportLines& lines,
                             const ImportResult& result) {
  std::string text;
  for (std::size_t line : result.refused_lines) text += lines.texts[line] + "\n";
  constexpr mode_t kOwnerOnly = 0600;
  auto written = atomic_write_file(path, text, kOwnerOnly);
  if (!written) return failed(to_failure(written.error()));
  return {};
}

void show_progress(Context& context, std::size_t done, std::size_t all) {
  if (!context.console.err_is_terminal()) return;
  context.console.err(fmt::format("\r{} of {} lines", done, all));
  if (done == all) context.console.err("\n");
}

ImportResult send_batches(const ApiCommand& command, Context& context, const Invocation& given,
                          const ImportLines& lines) {
  ImportResult result;
  for (const auto& [line, reason] : lines.malformed) result.refuse(line, reason);
  const std::vector<ImportBatch> batches = make_batches(lines);
  ApiClient api(context, given);
  std::size_t done = result.refused_lines.size();
  for (const ImportBatch& batch : batches) {
    if (result.stopped) {
      for (std::size_t line : batch.lines) result.refuse(line, "was not sent");
      continue;
    }
    auto answer = api.send("POST", command.operation->path, batch.body);
    if (!answer) {
      for (std::size_t line : batch.lines) result.refuse(line, answer.error().message);
      result.stopped = std::move(answer).error();
      continue;
    }
    take_batch_answer(batch, answer->body, result);
    done += batch.lines.size();
    show_progress(context, done, lines.texts.size());
  }
  return result;
}

void print_import(Context& context, const Invocation& given, const ImportLines& lines,
                  const ImportResult& result) {
  if (given.has("json")) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("imported").unsigned_integer(result.imported);
    writer.key("refused").begin_array();
    for (std::size_t i = 0; i < result.reasons.size(); ++i) {
      writer.begin_object().key("line").unsigned_integer(lines.numbers[result.refused_lines[i]]);
      writer.key("detail").string(result.reasons[i]).end_object();
    }
    writer.end_array().end_object();
    print_json(context, given, out);
    return;
  }
  if (given.has("quiet")) {
    for (const std::string& id : result.ids) context.console.out(id + "\n");
  }
  constexpr std::size_t kShownReasons = 20;
  for (std::size_t i = 0; i < std::min(result.reasons.size(), kShownReasons); ++i) {
    context.console.err(
        fmt::format("line {}: {}\n", lines.numbers[result.refused_lines[i]], result.reasons[i]));
  }
  if (result.reasons.size() > kShownReasons) {
    context.console.err(fmt::format("... and {} more\n", result.reasons.size() - kShownReasons));
  }
  context.console.err(
      fmt::format("Imported {} of {} keys.\n", result.imported, lines.texts.size()));
}

}  // namespace

void adapt_verify(Command& command) {
  for (Flag& flag : command.flags) {
    if (flag.name == "key-file") flag.required = false;
    if (flag.name == "quiet") flag.help = "Print the result's code only";
  }
  command.arguments.push_back(
      {.name = "-", .help = "Read the key from standard input", .required = false});
  command.description =
      "Says whether a key would be accepted, and if not, why. The exit code is 0 if it would and 8 "
      "if it would not.\n\n"
      "The key is read from standard input, from a file, or asked for; it cannot be given on the "
      "command line.";
  command.examples = {"keywright keys verify - < key.txt",
                      "keywright keys verify --key-file key.txt --permissions reports.read"};
}

Outcome run_verify(const ApiCommand& command, Context& context, const Invocation& given) {
  auto body = verify_body(command, context, given);
  if (!body) return failed(std::move(body).error());
  ApiClient api(context, given);
  auto answer = ask(api, *command.operation, command.operation->path, body->reveal());
  if (!answer) return failed(std::move(answer).error());
  const json::Value object = answer->document.root();
  const auto valid = object.find("valid");
  const bool is_valid = valid && valid->as_bool().value_or(false);
  Console& console = context.console;
  if (given.has("json")) {
    print_json(context, given, answer->body);
  } else if (given.has("quiet")) {
    console.out(text_member(object, "code") + "\n");
  } else {
    if (console.out_is_terminal()) {
      const std::string code = text_member(object, "code");
      console.out(is_valid ? console.out_styled("The key is valid.", "32") + "\n"
                           : console.out_styled("The key is not valid: " + code, "31") + "\n");
    }
    console.out(record(object, member_names(object), view_of(context)));
  }
  return is_valid ? ExitCode::ok : ExitCode::key_not_valid;
}

void adapt_import(Command& command) {
  command.summary = "Import keys whose secrets somebody else has hashed";
  command.description =
      "FILE holds one JSON object on each line, with kind, name, owner, algorithm (sha256, bcrypt "
      "or argon2id), hash and what else the key needs. Lines go to the server a thousand at a "
      "time.\n\n"
      "Lines that are refused are written to a file of their own, as they were, so that they can "
      "be mended and imported again; the exit code is then 9.";
  remove_flag(command, "items");
  std::vector<Flag> own{{.name = "file",
                         .value = "FILE",
                         .help = "JSON lines; - is standard input",
                         .required = true,
                         .completes = Completes::file},
                        {.name = "rejects",
                         .value = "FILE",
                         .help = "Where refused lines go, FILE.rejected if not given",
                         .completes = Completes::file}};
  command.flags.insert(command.flags.begin(), own.begin(), own.end());
  command.examples = {"keywright keys import --file keys.jsonl"};
}

Outcome run_import(const ApiCommand& command, Context& context, const Invocation& given) {
  const std::string path = given.value("file");
  auto text = read_file_or_input(context, path);
  if (!text) return failed(std::move(text).error());
  const ImportLines lines = read_import_lines(*text);
  if (lines.texts.empty()) return misused("--file: there is nothing in it");
  const ImportResult result = send_batches(command, context, given, lines);
  if (result.imported == 0 && result.stopped) return failed(*result.stopped);

  print_import(context, given, lines, result);
  if (result.refused_lines.empty()) return ExitCode::ok;
  const std::string rejects =
      given.value("rejects", path == "-" ? "keys.rejected" : path + ".rejected");
  if (auto written = write_rejects(rejects, lines, result); !written) {
    return failed(std::move(written).error());
  }
  Failure failure{
      result.imported > 0 ? ExitCode::partial : ExitCode::failure,
      fmt::format("{} lines were refused; they are in {}", result.refused_lines.size(), rejects)};
  if (result.stopped) failure.details.push_back(result.stopped->message);
  return failed(std::move(failure));
}

void adapt_audit_export(Command& command) {
  command.summary = "Write every audit event as JSON lines";
  command.description =
      "One JSON object on each line, newest first, of everything that the filters let through.";
  for (std::string_view name : {"json", "quiet", "limit", "all"}) remove_flag(command, name);
  command.flags.insert(command.flags.begin(),
                       {.name = "out",
                        .value = "FILE",
                        .help = "Write a new file instead of standard output",
                        .completes = Completes::file});
  command.examples = {"keywright audit export --from 2026-01-01 --out audit.jsonl"};
}

Outcome run_audit_export(const ApiCommand& command, Context& context, const Invocation& given) {
  auto query = request_query(*command.operation, given, reading_of(context));
  if (!query) return failed(std::move(query).error());
  int descriptor = -1;
  const std::string path = given.value("out");
  if (given.has("out")) {
    constexpr mode_t kOwnerOnly = 0600;
    descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly);
    if (descriptor < 0) {
      const ExitCode code = errno == EEXIST ? ExitCode::conflict : ExitCode::failure;
      return failed({code, fmt::format("--out: {}: {}", path, std::strerror(errno))});
    }
  }
  const auto put = [&](const std::string& line) -> bool {
    if (descriptor < 0) {
      context.console.out(line);
      return !context.console.output_failed();
    }
    return ::write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  };
  ApiClient api(context, given);
  auto pages = for_each_item(api, *command.operation, std::string(command.operation->path), *query,
                             std::numeric_limits<std::size_t>::max(),
                             [&](const json::Value& item) -> Expected<void> {
                               std::string line;
                               json::Writer writer(line);
                               item.write(writer);
                               if (put(line + "\n")) return {};
                               return failed({ExitCode::failure, "the events cannot be written"});
                             });
  if (descriptor >= 0 && (fsync(descriptor) != 0 || close(descriptor) != 0) && pages) {
    return failed({ExitCode::failure, fmt::format("--out: {} cannot be written", path)});
  }
  if (!pages) {
    if (descriptor >= 0) unlink(path.c_str());
    return failed(with_flag_names(std::move(pages).error(), *command.operation));
  }
  if (given.has("out")) {
    context.console.err(fmt::format("Wrote {} events to {}.\n", pages->items, path));
  }
  return ExitCode::ok;
}

void adapt_audit_check(Command& command) {
  command.summary = "Check on the server that nobody changed the audit log";
  command.description =
      "Has the server follow the hashes from event to event, to the last one. `keywright audit "
      "verify` does the same where the data are, without a server.";
  for (std::string_view name : {"cursor", "quiet"}) remove_flag(command, name);
  command.examples = {"keywright audit check"};
}

Outcome run_audit_check(const ApiCommand& command, Context& context, const Invocation& given) {
  ApiClient api(context, given);
  Invocation asked = given;
  for (;;) {
    auto body = request_body(*command.operation, asked, reading_of(context));
    if (!body) return failed(std::move(body).error());
    auto answer = ask(api, *command.operation, command.operation->path, *body);
    if (!answer) return failed(std::move(answer).error());
    const json::Value chain = answer->document.root();
    const std::string cursor = text_member(chain, "next_cursor");
    const std::int64_t verified = number_member(chain, "verified");
    if (!cursor.empty()) {
      asked.flags["cursor"] = {cursor};
      if (context.console.err_is_terminal()) {
        context.console.err(
            fmt::format("{} of {} events\n", verified, number_member(chain, "events")));
      }
      continue;
    }
    if (given.has("json")) print_json(context, given, answer->body);
    const auto intact = chain.find("intact");
    if (!intact || !intact->as_bool().value_or(false)) {
      return failed({ExitCode::failure,
                     fmt::format("the audit log was changed: {}", text_member(chain, "problem"))});
    }
    if (!given.has("json")) {
      context.console.out(fmt::format("The audit log is intact: {} events\n", verified));
    }
    return ExitCode::ok;
  }
}

}  // namespace keywright::cli
