#include "cli/input_values.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "base/secret.h"
#include "base/text.h"
#include "json/document.h"
#include "json/raw.h"

namespace keywright::cli {

namespace {

using json::Field;
using json::Shape;
using json::Type;
using json::Writer;

bool is_nullable(const Field& field) {
  const Shape shape = field.type().shape;
  return !field.not_null && (shape == Shape::optional || shape == Shape::patch);
}

bool is_time(const Type& type) {
  return type.shape == Shape::text && type.text->format == "date-time";
}

bool is_integer(const Type& type) {
  return type.shape == Shape::int32 || type.shape == Shape::int64 || type.shape == Shape::uint32 ||
         type.shape == Shape::uint64;
}

bool is_scalar(const Type& type) {
  return type.shape != Shape::list && type.shape != Shape::map && type.shape != Shape::object &&
         type.shape != Shape::raw;
}

bool has_exactly(const Type& type, std::string_view first, std::string_view second) {
  return type.shape == Shape::object && type.find(first) != nullptr && type.find(second) != nullptr;
}

tl::unexpected<Failure> wrong(const std::string& place, std::string_view must) {
  return misused(fmt::format("{}: {}", place, must));
}

std::vector<std::string> split_commas(const std::vector<std::string>& values) {
  std::vector<std::string> out;
  for (const std::string& value : values) {
    std::string_view rest = value;
    while (true) {
      const std::size_t comma = rest.find(',');
      const std::string_view item = trim(rest.substr(0, comma));
      if (!item.empty()) out.emplace_back(item);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return out;
}

Expected<void> write_time(const std::string& text, const Reading& reading, const std::string& place,
                          Writer& writer) {
  const std::string_view body = text.starts_with('+') ? std::string_view(text).substr(1) : text;
  if (const auto seconds = parse_duration_seconds(body)) {
    writer.string(format_rfc3339(reading.now + std::chrono::seconds(*seconds)));
    return {};
  }
  constexpr std::size_t kDateLength = 10;
  const auto at = parse_rfc3339(text.size() == kDateLength ? text + "T00:00:00Z" : text);
  if (!at) {
    return wrong(place,
                 "must be a time such as 2027-01-31T12:00:00Z, a date (midnight UTC), or a "
                 "time from now such as 90d, 12h or 2w");
  }
  writer.string(format_rfc3339(*at));
  return {};
}

Expected<void> write_integer(const Field& field, const std::string& text, const std::string& place,
                             Writer& writer) {
  if (field.name.ends_with("_seconds")) {
    if (const auto seconds = parse_duration_seconds(text)) {
      writer.integer(*seconds);
      return {};
    }
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return wrong(place, field.name.ends_with("_seconds")
                            ? "must be a number of seconds, or 45s, 30m, 12h, 7d, 2w"
                            : "must be a whole number");
  }
  if (number < field.minimum)
    return wrong(place, fmt::format("must be at least {}", field.minimum));
  if (number > field.maximum) return wrong(place, fmt::format("must be at most {}", field.maximum));
  writer.integer(number);
  return {};
}

Expected<void> write_scalar(const Field& field, const Type& type, const std::string& text,
                            const Reading& reading, const std::string& place, Writer& writer) {
  if (is_time(type)) return write_time(text, reading, place, writer);
  if (is_integer(type)) return write_integer(field, text, place, writer);
  if (type.shape == Shape::boolean) {
    if (!text.empty() && text != "true" && text != "false") {
      return wrong(place, "must be true or false");
    }
    writer.boolean(text != "false");
    return {};
  }
  if (type.shape == Shape::number) {
    auto number = json::Raw::parse(text);
    if (!number || number->is_null() || number->is_object() || number->is_array()) {
      return wrong(place, "must be a number");
    }
    writer.raw(number->view());
    return {};
  }
  writer.string(text);
  return {};
}

// JSON as it stands, or from @FILE.
Expected<json::Raw> read_json(const std::string& text, const Reading& reading,
                              const std::string& place) {
  std::string body = text;
  if (text.starts_with('@')) {
    auto file = reading.file(text.substr(1));
    if (!file) return failed(std::move(file).error());
    body = std::move(*file);
  }
  auto parsed = json::Raw::parse(body);
  if (!parsed) {
    return wrong(place,
                 fmt::format("must be JSON, or @FILE with JSON ({})", parsed.error().detail()));
  }
  return std::move(*parsed);
}

// `{all, ids}` from `all` or ids; `{type, id}` from TYPE:ID.
Expected<bool> write_shorthand(const Type& type, const std::vector<std::string>& values,
                               const std::string& place, Writer& writer) {
  const std::string& first = values.front();
  if (first.starts_with('{') || first.starts_with('@')) return false;
  if (has_exactly(type, "all", "ids")) {
    const std::vector<std::string> ids = split_commas(values);
    writer.begin_object();
    if (ids.size() == 1 && ids.front() == "all") {
      writer.key("all").boolean(true);
    } else {
      writer.key("ids").begin_array();
      for (const std::string& id : ids) writer.string(id);
      writer.end_array();
    }
    writer.end_object();
    return true;
  }
  if (has_exactly(type, "type", "id")) {
    const std::size_t colon = first.find(':');
    if (colon == std::string::npos) return wrong(place, "must be TYPE:ID, such as user:0190...");
    writer.begin_object().key("type").string(first.substr(0, colon));
    writer.key("id").string(first.substr(colon + 1)).end_object();
    return true;
  }
  return false;
}

// key=value, repeated, as an object of strings.
Expected<void> write_pairs(const std::vector<std::string>& values, const std::string& place,
                           Writer& writer) {
  writer.begin_object();
  for (const std::string& pair : values) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return wrong(place, "must be a JSON object, @FILE with one, or KEY=VALUE");
    }
    writer.key(pair.substr(0, equals)).string(pair.substr(equals + 1));
  }
  writer.end_object();
  return {};
}

Expected<void> write_list(const Field& field, const Type& element,
                          const std::vector<std::string>& values, const Reading& reading,
                          const std::string& place, Writer& writer) {
  if (is_scalar(element)) {
    writer.begin_array();
    for (const std::string& item : split_commas(values)) {
      if (auto done = write_scalar(field, element, item, reading, place, writer); !done)
        return done;
    }
    writer.end_array();
    return {};
  }
  writer.begin_array();
  for (const std::string& value : values) {
    auto item = read_json(value, reading, place);
    if (!item) return failed(std::move(item).error());
    if (!item->is_array()) {
      writer.raw(item->view());
      continue;
    }
    auto document = json::Document::parse(item->view());
    for (const json::Value& inner : document->root().items()) inner.write(writer);
  }
  writer.end_array();
  return {};
}

// A secret text, without the line end that editors add; or headers, as JSON or as `Name: value`
// lines.
Expected<void> write_from_file(const Type& type, const std::string& path, const Reading& reading,
                               const std::string& place, Writer& writer) {
  auto file = reading.file(path);
  if (!file) return failed(std::move(file).error());
  const Secret<std::string> text(std::move(*file));
  std::string_view body = text.reveal();
  if (type.shape != Shape::map) {
    while (body.ends_with('\n') || body.ends_with('\r')) body.remove_suffix(1);
    writer.string(body);
    return {};
  }
  if (trim(body).starts_with('{')) {
    const auto parsed = json::Raw::parse(body);
    if (!parsed) return wrong(place, parsed.error().detail());
    writer.raw(parsed->view());
    return {};
  }
  writer.begin_object();
  for (std::string_view rest = body; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) {
      return wrong(place, "the file must hold a JSON object, or lines such as \"Name: value\"");
    }
    writer.key(line.substr(0, colon)).string(trim(line.substr(colon + 1)));
  }
  writer.end_object();
  return {};
}

}  // namespace

bool is_from_file(const json::Field& field) {
  const Type& type = inner_type(field.type());
  return type.shape == Shape::secret || (field.secret && type.shape == Shape::string) ||
         (field.write_only && type.shape == Shape::map);
}

std::optional<std::int64_t> parse_duration_seconds(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's': unit = 1; break;
    case 'm': unit = 60; break;
    case 'h': unit = 3600; break;
    case 'd': unit = 86400; break;
    case 'w': unit = 7 * 86400; break;
    default: return std::nullopt;
  }
  std::int64_t count = 0;
  const char* end = text.data() + text.size() - 1;
  const auto [stopped, error] = std::from_chars(text.data(), end, count);
  constexpr std::int64_t kMost = 100LL * 365 * 86400;
  if (error != std::errc() || stopped != end || count < 0 || count > kMost / unit) {
    return std::nullopt;
  }
  return count * unit;
}

std::string value_word(const json::Field& field) {
  const Type& type = inner_type(field.type());
  if (is_from_file(field)) return "FILE";
  if (field.name.ends_with("_seconds")) return "DURATION";
  if (is_time(type)) return "TIME";
  if (is_integer(type) || type.shape == Shape::number) return "N";
  switch (type.shape) {
    case Shape::boolean: return "";
    case Shape::list:
      if (!is_scalar(inner_type(type.element()))) return "JSON";
      return field.name.ends_with("_ids") ? "ID,..." : "ITEM,...";
    case Shape::object:
      if (has_exactly(type, "all", "ids")) return "all|ID,...";
      return has_exactly(type, "type", "id") ? "TYPE:ID" : "JSON";
    case Shape::map:
    case Shape::raw: return "JSON|KEY=VALUE";
    default: break;
  }
  if (field.name == "id" || field.name.ends_with("_id")) return "ID";
  if (field.name.ends_with("url")) return "URL";
  if (field.name == "name" || field.name == "email" || field.name == "role") {
    std::string word(field.name);
    for (char& c : word) c = static_cast<char>(c - 'a' + 'A');
    return word;
  }
  return type.shape == Shape::enumeration || !field.keywords.empty() ? "WORD" : "TEXT";
}

Expected<void> write_value(const json::Field& field, const std::vector<std::string>& values,
                           const Reading& reading, const std::string& place, json::Writer& writer) {
  const Type& type = inner_type(field.type());
  const std::string& first = values.front();
  const bool plain_text = type.shape == Shape::string;
  if (is_nullable(field) && !plain_text &&
      (first == "none" || (is_time(type) && first == "never"))) {
    writer.null();
    return {};
  }
  if (plain_text && first.empty() && is_nullable(field)) {
    writer.null();
    return {};
  }
  if (is_from_file(field)) return write_from_file(type, first, reading, place, writer);
  if (is_scalar(type)) return write_scalar(field, type, first, reading, place, writer);
  if (type.shape == Shape::list) {
    return write_list(field, inner_type(type.element()), values, reading, place, writer);
  }
  auto shorthand = write_shorthand(type, values, place, writer);
  if (!shorthand) return failed(std::move(shorthand).error());
  if (*shorthand) return {};
  const bool open = type.shape == Shape::map || type.shape == Shape::raw;
  const bool is_json = first.starts_with('{') || first.starts_with('[') || first.starts_with('@');
  if (open && !is_json && first.find('=') != std::string::npos) {
    return write_pairs(values, place, writer);
  }
  auto raw = read_json(first, reading, place);
  if (!raw) return failed(std::move(raw).error());
  writer.raw(raw->view());
  return {};
}

}  // namespace keywright::cli
