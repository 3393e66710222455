// graphql/lexer.h - the words of a GraphQL document, one after the other.
//
//   Lexer lexer(text, arena, kTokensMax);
//   while (lexer.advance() && lexer.token().kind != TokenKind::end) use(lexer.token());
//   if (lexer.fault()) ...
//
// Strict: no number that runs into a name, whole and paired surrogates only. A string may hold any
// character but the end of its line. White space, commas, comments and byte order marks stand
// between words.
//
// Errors: advance() is false, and fault() says what is wrong and where.
// Threading: one thread. Lifetime: token texts point into the document or the arena.
// Cost: a look at each byte; only strings with escapes and block strings are copied.
// Source: GraphQL specification, section 2.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "graphql/arena.h"
#include "graphql/fault.h"

namespace keywright::graphql {

enum class TokenKind : unsigned char {
  end,
  bang,
  dollar,
  ampersand,
  open_parenthesis,
  close_parenthesis,
  spread,
  colon,
  equals,
  at_sign,
  open_bracket,
  close_bracket,
  open_brace,
  pipe,
  close_brace,
  name,
  integer,
  number,
  string,
  block_string,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::uint32_t start = 0;
  std::string_view text;  // of a name or number as written; of a string what it says
};

// For messages: `Name "viewer"`, `"}"`, `<EOF>`.
std::string describe(const Token& token);
std::string describe(TokenKind kind);

class Lexer {
 public:
  Lexer(std::string_view text, Arena& arena, std::size_t tokens_max)
      : text_(text), arena_(arena), tokens_left_(tokens_max), tokens_max_(tokens_max) {}

  const Token& token() const { return token_; }
  bool advance();
  const std::optional<Fault>& fault() const { return fault_; }
  // Always false.
  bool fail(std::uint32_t at, std::string message);

 private:
  void skip_ignored();
  bool read_punctuation(char c);
  bool read_name();
  bool read_number();
  bool read_digits();
  bool read_string();
  bool read_escape(std::string& value);
  bool read_unicode_escape(std::string& value);
  std::optional<std::uint32_t> read_four_digits(std::size_t at) const;
  bool read_block_string();
  bool bad_escape(std::size_t length);
  unsigned char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? static_cast<unsigned char>(text_[at_ + ahead]) : 0;
  }
  bool at_end() const { return at_ >= text_.size(); }
  std::string name_of_character(std::size_t at) const;

  std::string_view text_;
  Arena& arena_;
  std::size_t tokens_left_;
  std::size_t tokens_max_;
  std::size_t at_ = 0;
  Token token_;
  std::optional<Fault> fault_;
};

}  // namespace keywright::graphql
