#include "json/malformed.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "json/document.h"

namespace keywright::json {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<Malformed> run() {
    if (text_.starts_with("\xEF\xBB\xBF")) return Malformed{0, "a byte order mark is not allowed"};
    skip_space();
    if (at_ == text_.size()) return Malformed{at_, "expected a value"};
    value();
    while (!problem_ && depth_ > 0) next_in_container();
    if (!problem_) {
      skip_space();
      if (at_ < text_.size()) problem("nothing may follow the value");
    }
    return problem_;
  }

 private:
  bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool at_digit() const { return at_ < text_.size() && is_ascii_digit(text_[at_]); }
  void skip_space() {
    while (at(' ') || at('\t') || at('\n') || at('\r')) ++at_;
  }
  void problem(std::string_view what) {
    if (!problem_) problem_ = Malformed{at_, what};
  }

  // One scalar, or the opening bracket of a container; an empty container is read in full.
  void value() {
    skip_space();
    if (at('{') || at('[')) return open();
    if (at('"')) return string();
    if (at('-') || at_digit()) return number();
    for (const std::string_view word : {"true", "false", "null"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      if (at_ < text_.size() && !is_boundary(text_[at_])) problem("expected a value");
      return;
    }
    problem("expected a value");
  }

  static bool is_boundary(char c) {
    return std::string_view(" \t\r\n,:]}[{\"").find(c) != std::string_view::npos;
  }

  void open() {
    if (depth_ == kMaximumDepth) return problem("nested more than 64 levels deep");
    const bool object = text_[at_] == '{';
    brackets_[depth_++] = object ? '}' : ']';
    ++at_;
    skip_space();
    if (at(brackets_[depth_ - 1])) {
      ++at_;
      --depth_;
    } else if (object) {
      member();
    } else {
      value();
    }
  }

  void member() {
    skip_space();
    if (!at('"')) return problem("expected a key in quotes");
    string();
    if (problem_) return;
    skip_space();
    if (!at(':')) return problem("expected ':' after the key");
    ++at_;
    value();
  }

  void next_in_container() {
    const char close = brackets_[depth_ - 1];
    skip_space();
    if (at(close)) {
      ++at_;
      --depth_;
    } else if (at(',')) {
      ++at_;
      close == '}' ? member() : value();
    } else {
      problem(close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    }
  }

  void string() {
    for (++at_; !problem_;) {
      if (at_ == text_.size()) return problem("the string is not closed");
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return;
      }
      if (c == '\\') {
        escape();
      } else if (c < 0x20) {
        problem("a control character in a string must be escaped");
      } else if (c < 0x80) {
        ++at_;
      } else if (const auto length = utf8_sequence_length(text_.substr(at_)); length != 0) {
        at_ += length;
      } else {
        problem("not UTF-8");
      }
    }
  }

  void escape() {
    const std::size_t start = at_++;
    if (at_ < text_.size() && std::string_view("\"\\/bfnrt").find(text_[at_]) != text_.npos) {
      ++at_;
      return;
    }
    std::optional<unsigned> unit = at('u') ? hex_unit() : std::nullopt;
    if (unit && *unit >= 0xD800 && *unit < 0xDC00) {
      const bool more = text_.substr(at_).starts_with("\\u");
      if (more) ++at_;
      const auto low = more ? hex_unit() : std::nullopt;
      if (!low || *low < 0xDC00 || *low > 0xDFFF) unit.reset();
    } else if (unit && *unit >= 0xDC00 && *unit <= 0xDFFF) {
      unit.reset();
    }
    if (!unit) {
      at_ = start;
      problem("not an escape sequence");
    }
  }

  // Four hexadecimal digits after the 'u' that stands here.
  std::optional<unsigned> hex_unit() {
    ++at_;
    unsigned unit = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto end = digits.data() + digits.size();
    if (digits.size() < 4 || std::from_chars(digits.data(), end, unit, 16).ptr != end) return {};
    at_ += 4;
    return unit;
  }

  void number() {
    const std::size_t start = at_;
    if (at('-')) ++at_;
    const bool zero = at('0');
    if (!digits()) return;
    if (zero && at_ - start > (text_[start] == '-' ? 2u : 1u)) {
      at_ = start;
      return problem("a number has no leading zeros");
    }
    if (at('.')) {
      ++at_;
      if (!digits()) return;
    }
    if (at('e') || at('E')) {
      ++at_;
      if (at('+') || at('-')) ++at_;
      if (!digits()) return;
    }
    if (at_ < text_.size() && !is_boundary(text_[at_])) return problem("expected a number");
    if (!std::isfinite(
            std::strtod(std::string(text_.substr(start, at_ - start)).c_str(), nullptr))) {
      at_ = start;
      problem("the number does not fit: it is larger than any double");
    }
  }

  bool digits() {
    if (!at_digit()) problem("expected a digit");
    while (at_digit()) ++at_;
    return !problem_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::array<char, kMaximumDepth> brackets_{};
  std::size_t depth_ = 0;
  std::optional<Malformed> problem_;
};

std::size_t behind_string(std::string_view text, std::size_t quote) {
  std::size_t at = quote + 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

bool is_large_integer(std::string_view number) {
  const std::size_t sign = number.front() == '-' ? 1 : 0;
  if (number.find_first_not_of("0123456789", sign) != std::string_view::npos) return false;
  const auto end = number.data() + number.size();
  std::int64_t with_sign = 0;
  std::uint64_t natural = 0;
  return std::from_chars(number.data(), end, with_sign).ec == std::errc::result_out_of_range &&
         std::from_chars(number.data(), end, natural).ec != std::errc();
}

}  // namespace

std::optional<Malformed> find_malformed(std::string_view text) { return Scanner(text).run(); }

std::string with_large_integers_as_doubles(std::string_view text) {
  std::string rewritten;
  std::size_t at = 0;
  std::size_t kept = 0;
  while ((at = text.find_first_of("\"-0123456789", at)) != std::string_view::npos) {
    if (text[at] == '"') {
      at = behind_string(text, at);
      continue;
    }
    const std::size_t end = std::min(text.find_first_not_of("-+.eE0123456789", at), text.size());
    if (is_large_integer(text.substr(at, end - at))) {
      rewritten.append(text.substr(kept, end - kept)).append(".0");
      kept = end;
    }
    at = end;
  }
  return rewritten.append(text.substr(kept));
}

}  // namespace keywright::json
