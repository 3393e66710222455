#include "server/config_file.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <fmt/core.h>

#include "base/text.h"
#include "server/config.h"

namespace keywright::server {

namespace {

// A mistake of form: where, and what would be right.
struct Mistake {
  std::size_t offset;
  std::string message;
};

template <class T>
using Read = tl::expected<T, Mistake>;

struct Value {
  bool is_list = false;
  bool is_string = false;
  std::vector<std::string> texts;  // one, but for a list
};

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

bool is_bare(char c) { return is_ascii_alpha(c) || is_ascii_digit(c) || c == '_' || c == '-'; }

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  const auto put_rest = [&](int shift) { put(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put_rest(12);
    }
    put_rest(6);
  }
  put_rest(0);
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::size_t offset() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  tl::unexpected<Mistake> mistake(std::string message) const {
    return tl::unexpected(Mistake{at_, std::move(message)});
  }

  // Blanks, comments and ends of lines.
  Read<void> skip_to_content() {
    while (!at_end()) {
      skip_blanks();
      if (auto done = skip_comment(); !done) return done;
      if (!take_line_end()) break;
    }
    return {};
  }

  // What may follow a value: a comment and the end of the line.
  Read<void> end_line() {
    skip_blanks();
    if (auto done = skip_comment(); !done) return done;
    if (at_end() || take_line_end()) return {};
    return mistake("the line should end here; text belongs in quotes");
  }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

  Read<std::string> read_key() {
    if (peek() == '"' || peek() == '\'') return read_string();
    const std::size_t begin = at_;
    while (!at_end() && is_bare(text_[at_])) ++at_;
    if (at_ == begin) {
      return mistake(peek() == '[' ? "settings are not in tables: write them without [...]"
                                   : "a line should be: setting = value");
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  Read<void> take_equals() {
    skip_blanks();
    if (peek() != '=') return mistake("a '=' should follow the name of the setting");
    ++at_;
    skip_blanks();
    return {};
  }

  Read<Value> read_value() {
    if (peek() == '[') return read_list();
    Value value;
    value.is_string = peek() == '"' || peek() == '\'';
    auto text = value.is_string ? read_string() : read_word();
    if (!text) return tl::unexpected(text.error());
    value.texts.push_back(std::move(*text));
    return value;
  }

 private:
  Read<void> skip_comment() {
    if (peek() != '#') return {};
    while (!at_end() && peek() != '\n' && !text_.substr(at_).starts_with("\r\n")) {
      if (is_control(peek())) return mistake("a control character has no place here");
      ++at_;
    }
    return {};
  }

  bool take_line_end() {
    const std::size_t length = text_.substr(at_).starts_with("\r\n") ? 2 : peek() == '\n' ? 1 : 0;
    at_ += length;
    return length != 0;
  }

  Read<Value> read_list() {
    Value list;
    list.is_list = true;
    ++at_;
    while (true) {
      if (auto done = skip_to_content(); !done) return tl::unexpected(done.error());
      if (peek() == ']') break;
      if (peek() != '"' && peek() != '\'') return mistake("a list holds strings in quotes");
      auto text = read_string();
      if (!text) return tl::unexpected(text.error());
      list.texts.push_back(std::move(*text));
      if (auto done = skip_to_content(); !done) return tl::unexpected(done.error());
      if (peek() == ']') break;
      if (peek() != ',') return mistake("a ',' or the closing ']' of the list should follow");
      ++at_;
    }
    ++at_;
    return list;
  }

  Read<std::string> read_string() {
    const char quote = peek();
    if (text_.substr(at_).starts_with(quote == '"' ? "\"\"\"" : "'''")) {
      return mistake("a string has one line here: use one quote, not three");
    }
    ++at_;
    std::string out;
    while (peek() != quote || at_end()) {
      if (at_end() || is_control(peek())) {
        return mistake("the closing quote of a string is missing on its line");
      }
      if (quote == '"' && peek() == '\\') {
        if (auto done = read_escape(out); !done) return tl::unexpected(done.error());
      } else {
        out += text_[at_++];
      }
    }
    ++at_;
    return out;
  }

  Read<void> read_escape(std::string& out) {
    constexpr std::string_view kLetters = "btnfr\"\\";
    constexpr std::string_view kMeanings = "\b\t\n\f\r\"\\";
    const char letter = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    const std::size_t known = kLetters.find(letter);
    if (known != std::string_view::npos) {
      out += kMeanings[known];
      at_ += 2;
      return {};
    }
    const std::size_t digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    const std::string_view hex = text_.substr(std::min(at_ + 2, text_.size()), digits);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    const bool read = error == std::errc() && end == hex.data() + hex.size();
    const bool scalar = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    if (digits == 0 || hex.size() != digits || !read || !scalar) {
      return mistake("this is no escape: write \\\\ for a backslash, or use single quotes");
    }
    append_utf8(out, code);
    at_ += 2 + digits;
    return {};
  }

  // A number or a switch, as its text.
  Read<std::string> read_word() {
    const std::size_t begin = at_;
    while (!at_end() && (is_bare(text_[at_]) || text_[at_] == '+' || text_[at_] == '.')) ++at_;
    std::string word(text_.substr(begin, at_ - begin));
    if (word == "true" || word == "false") return word;
    std::string digits;
    for (char c : word) {
      if (c != '_') digits += c;
    }
    const bool number =
        !digits.empty() && std::all_of(digits.begin(), digits.end(), is_ascii_digit);
    if (number && word.front() != '_' && word.back() != '_') return digits;
    at_ = begin;
    return mistake("a value is \"text in quotes\", a whole number, true, false or a list");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

const Option* option_of(std::string_view key) {
  std::string name(key);
  std::replace(name.begin(), name.end(), '_', '-');
  const Option* option = find_option(name);
  return option != nullptr && option->in_file ? option : nullptr;
}

// A file may hold anything; a message shows a short, printable piece of it.
std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 60;
  std::string out;
  for (char c : text.substr(0, kShownMax)) {
    out += static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e ? '?' : c;
  }
  return text.size() > kShownMax ? out + "..." : out;
}

std::string known_keys() {
  std::string out;
  for (const Option& option : serve_options()) {
    if (!option.in_file) continue;
    if (!out.empty()) out += ", ";
    out += option.file_key();
  }
  return out;
}

class FileParser {
 public:
  FileParser(std::string_view text, std::string_view name)
      : text_(text), name_(name), reader_(text) {}

  Result<std::vector<FileOption>> parse() {
    if (auto done = parse_lines(); !done) {
      problems_.push_back({place(done.error().offset), done.error().message});
    }
    if (problems_.empty()) return std::move(options_);
    Error error(Code::invalid_argument, "invalid_configuration",
                "The configuration file cannot be used.");
    for (const FieldProblem& problem : problems_) {
      error = std::move(error).with_problem(problem.field, problem.message);
    }
    return fail(std::move(error));
  }

 private:
  Read<void> parse_lines() {
    while (true) {
      if (auto done = reader_.skip_to_content(); !done) return done;
      if (reader_.at_end()) return {};
      const std::size_t key_at = reader_.offset();
      auto key = reader_.read_key();
      if (!key) return tl::unexpected(key.error());
      if (auto done = reader_.take_equals(); !done) return done;
      const std::size_t value_at = reader_.offset();
      auto value = reader_.read_value();
      if (!value) return tl::unexpected(value.error());
      if (auto done = reader_.end_line(); !done) return done;
      take(*key, key_at, std::move(*value), value_at);
    }
  }

  void take(const std::string& key, std::size_t key_at, Value value, std::size_t value_at) {
    const Option* option = option_of(key);
    if (option == nullptr) {
      problems_.push_back(
          {place(key_at) + ": " + shown(key), "is no setting; the settings are " + known_keys()});
      return;
    }
    FileOption given{std::string(option->name), std::move(value.texts),
                     place(key_at) + ": " + option->file_key()};
    const auto same = [&](const FileOption& other) { return other.name == given.name; };
    if (std::any_of(options_.begin(), options_.end(), same)) {
      problems_.push_back({given.place, "is given twice"});
    } else if (value.is_list && option->type != OptionType::list) {
      problems_.push_back(
          {place(value_at) + ": " + option->file_key(), "must be one value, not a list"});
    } else if (option->type == OptionType::list && !value.is_list && !value.is_string) {
      problems_.push_back(
          {place(value_at) + ": " + option->file_key(), "must be a string or a list of strings"});
    } else {
      options_.push_back(std::move(given));
    }
  }

  std::string place(std::size_t offset) const {
    const std::string_view before = text_.substr(0, offset);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 = 0
    const std::size_t column = count_utf8_characters(before.substr(line_begin)) + 1;
    return fmt::format("{}:{}:{}", name_, line, column);
  }

  std::string_view text_;
  std::string_view name_;
  Reader reader_;
  std::vector<FileOption> options_;
  std::vector<FieldProblem> problems_;
};

}  // namespace

Result<std::vector<FileOption>> parse_config_file(std::string_view text, std::string_view name) {
  const std::string_view body = text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;
  if (!is_valid_utf8(body)) {
    return fail(Error(Code::invalid_argument, "invalid_configuration",
                      "The configuration file cannot be used.")
                    .with_problem(name, "is not UTF-8 text"));
  }
  return FileParser(body, name).parse();
}

}  // namespace keywright::server
