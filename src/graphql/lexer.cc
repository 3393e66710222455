#include "graphql/lexer.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace keywright::graphql {
namespace {

bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
bool begins_name(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool continues_name(unsigned char c) { return begins_name(c) || is_digit(c); }

int hex_value(unsigned char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_scalar_value(std::uint32_t code) {
  return code <= 0xD7FF || (code >= 0xE000 && code <= 0x10FFFF);
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

std::uint32_t decode_utf8(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 1 || text.size() < length) return lead;
  std::uint32_t code = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  }
  return code;
}

std::size_t leading_white_space(std::string_view line) {
  const auto found = line.find_first_not_of(" \t");
  return found == std::string_view::npos ? line.size() : found;
}

std::vector<std::string_view> lines_of(std::string_view raw) {
  std::vector<std::string_view> lines;
  for (std::size_t start = 0;;) {
    const auto end = raw.find_first_of("\r\n", start);
    lines.push_back(raw.substr(start, end == std::string_view::npos ? end : end - start));
    if (end == std::string_view::npos) return lines;
    start = end + (raw.substr(end, 2) == "\r\n" ? 2 : 1);
  }
}

// What a block string says: without the indentation that its lines share, and without blank lines
// at both ends.
std::string block_text(std::string_view raw) {
  std::vector<std::string_view> lines = lines_of(raw);
  std::size_t common = std::string_view::npos;
  std::size_t first = lines.size();
  std::size_t last = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t indent = leading_white_space(lines[i]);
    if (indent == lines[i].size()) continue;
    first = std::min(first, i);
    last = i;
    if (i != 0) common = std::min(common, indent);
  }
  std::string text;
  for (std::size_t i = first; i <= last && i < lines.size(); ++i) {
    if (i != first) text += '\n';
    text += i == 0 ? lines[i] : lines[i].substr(std::min(common, lines[i].size()));
  }
  return text;
}

}  // namespace

std::string describe(TokenKind kind) {
  switch (kind) {
    case TokenKind::end: return "<EOF>";
    case TokenKind::bang: return "\"!\"";
    case TokenKind::dollar: return "\"$\"";
    case TokenKind::ampersand: return "\"&\"";
    case TokenKind::open_parenthesis: return "\"(\"";
    case TokenKind::close_parenthesis: return "\")\"";
    case TokenKind::spread: return "\"...\"";
    case TokenKind::colon: return "\":\"";
    case TokenKind::equals: return "\"=\"";
    case TokenKind::at_sign: return "\"@\"";
    case TokenKind::open_bracket: return "\"[\"";
    case TokenKind::close_bracket: return "\"]\"";
    case TokenKind::open_brace: return "\"{\"";
    case TokenKind::pipe: return "\"|\"";
    case TokenKind::close_brace: return "\"}\"";
    case TokenKind::name: return "Name";
    case TokenKind::integer: return "Int";
    case TokenKind::number: return "Float";
    case TokenKind::string: return "String";
    case TokenKind::block_string: return "BlockString";
  }
  return "";
}

std::string describe(const Token& token) {
  if (token.kind < TokenKind::name) return describe(token.kind);
  return fmt::format("{} \"{}\"", describe(token.kind), token.text);
}

bool Lexer::fail(std::uint32_t at, std::string message) {
  if (!fault_) fault_ = Fault{.message = "Syntax Error: " + std::move(message), .at = {at}};
  return false;
}

std::string Lexer::name_of_character(std::size_t at) const {
  if (at >= text_.size()) return "<EOF>";
  const std::uint32_t code = decode_utf8(text_.substr(at));
  if (code == '"') return "'\"'";
  if (code >= 0x20 && code <= 0x7E) return fmt::format("\"{}\"", static_cast<char>(code));
  return fmt::format("U+{:04X}", code);
}

void Lexer::skip_ignored() {
  while (!at_end()) {
    const unsigned char c = peek();
    if (c == ' ' || c == '\t' || c == ',' || c == '\n' || c == '\r') {
      ++at_;
    } else if (c == 0xEF && peek(1) == 0xBB && peek(2) == 0xBF) {
      at_ += 3;
    } else if (c == '#') {
      at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
    } else {
      return;
    }
  }
}

bool Lexer::advance() {
  if (fault_) return false;
  skip_ignored();
  token_.start = static_cast<std::uint32_t>(at_);
  token_.text = {};
  if (at_end()) {
    token_.kind = TokenKind::end;
    return true;
  }
  if (tokens_left_-- == 0) {
    tokens_left_ = 0;
    return fail(token_.start, fmt::format("Document contains more than {} tokens. Parsing aborted.",
                                          tokens_max_));
  }
  const unsigned char c = peek();
  if (begins_name(c)) return read_name();
  if (is_digit(c) || c == '-') return read_number();
  if (c == '"') {
    return peek(1) == '"' && peek(2) == '"' ? read_block_string() : read_string();
  }
  return read_punctuation(static_cast<char>(c));
}

bool Lexer::read_punctuation(char c) {
  switch (c) {
    case '!': token_.kind = TokenKind::bang; break;
    case '$': token_.kind = TokenKind::dollar; break;
    case '&': token_.kind = TokenKind::ampersand; break;
    case '(': token_.kind = TokenKind::open_parenthesis; break;
    case ')': token_.kind = TokenKind::close_parenthesis; break;
    case ':': token_.kind = TokenKind::colon; break;
    case '=': token_.kind = TokenKind::equals; break;
    case '@': token_.kind = TokenKind::at_sign; break;
    case '[': token_.kind = TokenKind::open_bracket; break;
    case ']': token_.kind = TokenKind::close_bracket; break;
    case '{': token_.kind = TokenKind::open_brace; break;
    case '|': token_.kind = TokenKind::pipe; break;
    case '}': token_.kind = TokenKind::close_brace; break;
    case '.':
      if (peek(1) == '.' && peek(2) == '.') {
        token_.kind = TokenKind::spread;
        at_ += 3;
        return true;
      }
      [[fallthrough]];
    default:
      if (c == '\'') {
        return fail(token_.start,
                    "Unexpected single quote character ('), did you mean to use a double quote "
                    "(\")?");
      }
      return fail(token_.start, fmt::format("Unexpected character: {}.", name_of_character(at_)));
  }
  ++at_;
  return true;
}

bool Lexer::read_name() {
  const std::size_t start = at_;
  while (continues_name(peek())) ++at_;
  token_.kind = TokenKind::name;
  token_.text = text_.substr(start, at_ - start);
  return true;
}

bool Lexer::read_digits() {
  if (!is_digit(peek())) {
    return fail(static_cast<std::uint32_t>(at_),
                fmt::format("Invalid number, expected digit but got: {}.", name_of_character(at_)));
  }
  while (is_digit(peek())) ++at_;
  return true;
}

bool Lexer::read_number() {
  const std::size_t start = at_;
  token_.kind = TokenKind::integer;
  if (peek() == '-') ++at_;
  if (peek() == '0') {
    ++at_;
    if (is_digit(peek())) {
      return fail(
          static_cast<std::uint32_t>(at_),
          fmt::format("Invalid number, unexpected digit after 0: {}.", name_of_character(at_)));
    }
  } else if (!read_digits()) {
    return false;
  }
  if (peek() == '.') {
    token_.kind = TokenKind::number;
    ++at_;
    if (!read_digits()) return false;
  }
  if (peek() == 'e' || peek() == 'E') {
    token_.kind = TokenKind::number;
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (!read_digits()) return false;
  }
  if (peek() == '.' || begins_name(peek())) {
    return fail(static_cast<std::uint32_t>(at_),
                fmt::format("Invalid number, expected digit but got: {}.", name_of_character(at_)));
  }
  token_.text = text_.substr(start, at_ - start);
  return true;
}

bool Lexer::read_string() {
  token_.kind = TokenKind::string;
  ++at_;
  std::size_t run = at_;
  std::string value;
  bool escaped = false;
  while (!at_end() && peek() != '\n' && peek() != '\r') {
    const unsigned char c = peek();
    if (c == '"') {
      const std::string_view rest = text_.substr(run, at_ - run);
      token_.text = escaped ? arena_.keep(value.append(rest)) : rest;
      ++at_;
      return true;
    }
    if (c == '\\') {
      value.append(text_, run, at_ - run);
      escaped = true;
      if (!read_escape(value)) return false;
      run = at_;
    } else {
      ++at_;
    }
  }
  return fail(static_cast<std::uint32_t>(at_), "Unterminated string.");
}

bool Lexer::bad_escape(std::size_t length) {
  return fail(static_cast<std::uint32_t>(at_),
              fmt::format("Invalid Unicode escape sequence: \"{}\".", text_.substr(at_, length)));
}

// At the backslash; beyond the escape afterwards.
bool Lexer::read_escape(std::string& value) {
  switch (peek(1)) {
    case '"': value += '"'; break;
    case '\\': value += '\\'; break;
    case '/': value += '/'; break;
    case 'b': value += '\b'; break;
    case 'f': value += '\f'; break;
    case 'n': value += '\n'; break;
    case 'r': value += '\r'; break;
    case 't': value += '\t'; break;
    case 'u': return read_unicode_escape(value);
    default:
      return fail(static_cast<std::uint32_t>(at_),
                  fmt::format("Invalid character escape sequence: \"{}\".", text_.substr(at_, 2)));
  }
  at_ += 2;
  return true;
}

std::optional<std::uint32_t> Lexer::read_four_digits(std::size_t at) const {
  std::uint32_t code = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = i < text_.size() ? hex_value(static_cast<unsigned char>(text_[i])) : -1;
    if (digit < 0) return std::nullopt;
    code = code << 4 | static_cast<std::uint32_t>(digit);
  }
  return code;
}

// A backslash, u, and either four digits, twice four for a surrogate pair, or digits in braces.
bool Lexer::read_unicode_escape(std::string& value) {
  if (peek(2) == '{') {
    std::uint32_t code = 0;
    std::size_t size = 3;
    while (size < 12) {
      const unsigned char c = peek(size++);
      if (c == '}' && size >= 5 && is_scalar_value(code)) {
        append_utf8(value, code);
        at_ += size;
        return true;
      }
      if (c == '}' || hex_value(c) < 0 || code > 0xFFFFFFF) break;
      code = code << 4 | static_cast<std::uint32_t>(hex_value(c));
    }
    return bad_escape(size);
  }
  const auto code = read_four_digits(at_ + 2);
  if (code && is_scalar_value(*code)) {
    append_utf8(value, *code);
    at_ += 6;
    return true;
  }
  const bool leads = code && *code >= 0xD800 && *code <= 0xDBFF;
  if (leads && peek(6) == '\\' && peek(7) == 'u') {
    const auto trail = read_four_digits(at_ + 8);
    if (trail && *trail >= 0xDC00 && *trail <= 0xDFFF) {
      append_utf8(value, 0x10000 + ((*code - 0xD800) << 10 | (*trail - 0xDC00)));
      at_ += 12;
      return true;
    }
  }
  return bad_escape(6);
}

bool Lexer::read_block_string() {
  token_.kind = TokenKind::block_string;
  at_ += 3;
  std::string raw;
  while (!at_end()) {
    if (text_.substr(at_, 3) == R"(""")") {
      at_ += 3;
      token_.text = arena_.keep(block_text(raw));
      return true;
    }
    if (text_.substr(at_, 4) == R"(\""")") {
      raw += R"(""")";
      at_ += 4;
      continue;
    }
    raw += static_cast<char>(peek());
    ++at_;
  }
  return fail(static_cast<std::uint32_t>(at_), "Unterminated string.");
}

}  // namespace keywright::graphql
