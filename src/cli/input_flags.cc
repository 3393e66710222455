#include "cli/input_flags.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/input_values.h"
#include "cli/parse.h"

namespace keywright::cli {

namespace {

using json::Field;
using json::Place;
using json::Shape;

// Paging is the list command's own.
bool is_paging(const Field& field) { return field.name == "limit" || field.name == "cursor"; }

bool is_sent(const Field& field) { return field.is_in(json::Form::request, true); }

std::vector<std::string> words_of(const Field& field) {
  const json::Type& type = inner_type(field.type());
  std::vector<std::string> words;
  if (type.shape == Shape::enumeration) {
    for (const json::EnumName& name : type.names) words.emplace_back(name.name);
  }
  return words;
}

// The doc as help shows it: without backticks and the full stop; null as people write it.
std::string help_text(const Field& field) {
  std::string text(field.doc);
  std::erase(text, '`');
  if (text.ends_with('.')) text.pop_back();
  const std::size_t null = text.find("null:");
  const bool is_text = inner_type(field.type()).shape == Shape::string;
  if (null != std::string::npos) text.replace(null, 4, is_text ? "empty" : "none");
  if (!field.keywords.empty()) text += fmt::format(" ({})", field.keywords);
  if (is_from_file(field)) text += "; read from FILE, - is standard input";
  return text;
}

Flag flag_of(const Field& field) {
  Flag flag{flag_name(field), value_word(field), help_text(field)};
  flag.required = field.required;
  flag.choices = words_of(field);
  if (!flag.choices.empty() && field.type().shape != Shape::enumeration && !field.not_null) {
    // Null has a word as well where the field may be null in a change.
    if (field.type().shape == Shape::patch) flag.choices.emplace_back("none");
  }
  if (flag.value.empty()) {
    flag.takes = Takes::optional_value;
    flag.value = "false";
  }
  if (flag.value == "FILE") flag.completes = Completes::file;
  const Shape shape = inner_type(field.type()).shape;
  flag.repeatable = !is_from_file(field) && (shape == Shape::list || shape == Shape::map ||
                                             shape == Shape::raw || flag.value == "all|ID,...");
  return flag;
}

bool holds(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string flag_name(const json::Field& field) {
  std::string name(field.name);
  if (field.place == Place::path && name.ends_with("_id")) name.resize(name.size() - 3);
  std::replace(name.begin(), name.end(), '_', '-');
  return is_from_file(field) ? name + "-file" : name;
}

std::vector<Flag> input_flags(const ApiOperation& operation,
                              const std::vector<std::string_view>& without) {
  std::vector<Flag> flags;
  std::vector<Flag> optional;
  for (const Field& field : operation.input->fields) {
    if (!is_sent(field) || holds(without, field.name)) continue;
    if (field.place == Place::query && is_paging(field)) continue;
    (field.required ? flags : optional).push_back(flag_of(field));
  }
  flags.insert(flags.end(), optional.begin(), optional.end());
  return flags;
}

Expected<std::string> request_body(const ApiOperation& operation, const Invocation& given,
                                   const Reading& reading) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  for (const Field& field : operation.input->fields) {
    const std::string name = flag_name(field);
    if (!is_sent(field) || field.place != Place::body || !given.has(name)) continue;
    writer.key(field.name);
    auto written = write_value(field, given.values(name), reading, "--" + name, writer);
    if (!written) return failed(std::move(written).error());
  }
  writer.end_object();
  return body == "{}" ? "" : body;
}

Expected<std::string> request_query(const ApiOperation& operation, const Invocation& given,
                                    const Reading& reading) {
  std::string query;
  for (const Field& field : operation.input->fields) {
    const std::string name = flag_name(field);
    if (field.place != Place::query || is_paging(field) || !given.has(name)) continue;
    std::string text;
    json::Writer writer(text);
    auto written = write_value(field, given.values(name), reading, "--" + name, writer);
    if (!written) return failed(std::move(written).error());
    // A query carries the text itself; a list its items with commas between them.
    std::string value;
    for (const std::string& item : given.values(name)) value += (value.empty() ? "" : ",") + item;
    if (text.starts_with('"') && inner_type(field.type()).shape == Shape::text) {
      value = text.substr(1, text.size() - 2);
    }
    query += fmt::format("{}{}={}", query.empty() ? '?' : '&', field.name, percent_encoded(value));
  }
  return query;
}

std::vector<std::string_view> path_parameters(std::string_view path) {
  std::vector<std::string_view> names;
  for (std::size_t at = 0; (at = path.find('{', at)) != std::string_view::npos;) {
    const std::size_t end = path.find('}', at);
    names.push_back(path.substr(at + 1, end - at - 1));
    at = end;
  }
  return names;
}

Expected<std::string> request_path(const ApiOperation& operation, const Invocation& given) {
  std::string path(operation.path);
  std::size_t next_argument = 0;
  for (const std::string_view parameter : path_parameters(operation.path)) {
    const Field* field = operation.input->find(parameter);
    const std::string name = field == nullptr ? std::string(parameter) : flag_name(*field);
    std::string value = given.value(name);
    if (!given.has(name)) {
      if (next_argument >= given.arguments.size()) {
        return misused(fmt::format("{} needs --{}", given.name(), name));
      }
      value = given.arguments[next_argument++];
    }
    if (value.empty() || value == "." || value == "..") {
      return misused(fmt::format("'{}' is not an id", value));
    }
    const std::string placeholder = fmt::format("{{{}}}", parameter);
    path.replace(path.find(placeholder), placeholder.size(), percent_encoded(value));
  }
  return path;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kUnreserved = "-._~";
  std::string out;
  for (char c : text) {
    if (is_ascii_alpha(c) || is_ascii_digit(c) || kUnreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace keywright::cli
