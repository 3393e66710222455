#include "json/malformed.h"

#include <array>
#include <charconv>
#include <cmath>
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
    bool whole = true;
    if (at('-')) ++at_;
    const bool zero = at('0');
    if (!digits()) return;
    if (zero && at_ - start > (text_[start] == '-' ? 2u : 1u)) {
      at_ = start;
      return problem("a number has no leading zeros");
    }
    if (at('.')) {
      whole = false;
      ++at_;
      if (!digits()) return;
    }
    if (at('e') || at('E')) {
      whole = false;
      ++at_;
      if (at('+') || at('-')) ++at_;
      if (!digits()) return;
    }
    if (at_ < text_.size() && !is_boundary(text_[at_])) return problem("expected a number");
    if (!fits(text_.substr(start, at_ - start), whole)) {
      at_ = start;
      problem("the number does not fit: integers have 64 bits, others are doubles");
    }
  }

  bool digits() {
    if (!at_digit()) problem("expected a digit");
    while (at_digit()) ++at_;
    return !problem_;
  }

  static bool fits(std::string_view number, bool whole) {
    if (!whole) return std::isfinite(std::strtod(std::string(number).c_str(), nullptr));
    const auto end = number.data() + number.size();
    std::int64_t signed_value = 0;
    std::uint64_t unsigned_value = 0;
    return std::from_chars(number.data(), end, signed_value).ec == std::errc() ||
           (number.front() != '-' &&
            std::from_chars(number.data(), end, unsigned_value).ec == std::errc());
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::array<char, kMaximumDepth> brackets_{};
  std::size_t depth_ = 0;
  std::optional<Malformed> problem_;
};

}  // namespace

std::optional<Malformed> find_malformed(std::string_view text) { return Scanner(text).run(); }

}  // namespace keywright::json
