#include "graphql/parser.h"

#include <fmt/format.h>

#include "graphql/lexer.h"

namespace keywright::graphql {
namespace {

using enum TokenKind;

// Every function leaves its node in place and returns whether it could: false once there is a
// fault.
class Parser {
 public:
  Parser(std::string_view text, Arena& arena, std::size_t tokens_max)
      : arena_(arena), lexer_(text, arena, tokens_max) {}

  const std::optional<Fault>& fault() const { return lexer_.fault(); }

  const DocumentNode* read_document() {
    auto* document = arena_.make<DocumentNode>();
    if (!lexer_.advance()) return nullptr;
    do {
      if (!read_definition(*document)) return nullptr;
    } while (token().kind != end);
    return document;
  }

  TypeNode* read_only_type() {
    TypeNode* type = nullptr;
    return lexer_.advance() && read_type(type) && token().kind == end ? type : nullptr;
  }

  ValueNode* read_only_constant() {
    ValueNode* value = nullptr;
    return lexer_.advance() && read_value(value, true) && token().kind == end ? value : nullptr;
  }

 private:
  // A level of nesting, for as long as it lives.
  class Level {
   public:
    explicit Level(std::size_t& depth) : depth_(++depth) {}
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    std::size_t& depth_;
  };

  const Token& token() const { return lexer_.token(); }
  bool is(TokenKind kind) const { return token().kind == kind; }
  bool is_keyword(std::string_view word) const { return is(name) && token().text == word; }
  bool is_string() const { return is(string) || is(block_string); }

  bool unexpected() {
    return lexer_.fail(token().start, fmt::format("Unexpected {}.", describe(token())));
  }

  bool expect(TokenKind kind) {
    if (is(kind)) return lexer_.advance();
    return lexer_.fail(token().start,
                       fmt::format("Expected {}, found {}.", describe(kind), describe(token())));
  }

  bool too_deep() {
    if (depth_ <= kNestingMax) return false;
    lexer_.fail(token().start,
                fmt::format("Document is nested deeper than {} levels.", kNestingMax));
    return true;
  }

  bool read_name(Name& into) {
    into = {token().text, token().start};
    return expect(name);
  }

  bool read_definition(DocumentNode& document) {
    const std::uint32_t start = token().start;
    const bool described = is_string();
    if (described && !lexer_.advance()) return false;
    if (described && is(open_brace)) {
      return lexer_.fail(start,
                         "Unexpected description, descriptions are not supported on shorthand "
                         "queries.");
    }
    if (is(open_brace)) {
      auto* operation = arena_.make<OperationNode>();
      operation->at = start;
      document.operations.append(operation);
      return read_selections(operation->selections);
    }
    if (is_keyword("query")) return read_operation(document, start, OperationKind::query);
    if (is_keyword("mutation")) return read_operation(document, start, OperationKind::mutation);
    if (is_keyword("subscription")) {
      return read_operation(document, start, OperationKind::subscription);
    }
    if (is_keyword("fragment")) return read_fragment(document, start);
    if (described && is(name)) {
      return lexer_.fail(start,
                         "Unexpected description, only GraphQL definitions support descriptions.");
    }
    return unexpected();
  }

  bool read_operation(DocumentNode& document, std::uint32_t start, OperationKind kind) {
    auto* operation = arena_.make<OperationNode>();
    operation->kind = kind;
    operation->at = start;
    document.operations.append(operation);
    if (!lexer_.advance()) return false;
    if (is(name) && !read_name(operation->name)) return false;
    if (is(open_parenthesis) && !read_variables(operation->variables)) return false;
    return read_directives(operation->directives, false) && read_selections(operation->selections);
  }

  bool read_fragment(DocumentNode& document, std::uint32_t start) {
    auto* fragment = arena_.make<FragmentNode>();
    fragment->at = start;
    document.fragments.append(fragment);
    if (!lexer_.advance()) return false;
    if (is_keyword("on")) return unexpected();
    return read_name(fragment->name) && expect_on() && read_named_type(fragment->condition) &&
           read_directives(fragment->directives, false) && read_selections(fragment->selections);
  }

  bool expect_on() {
    if (is_keyword("on")) return lexer_.advance();
    return lexer_.fail(token().start, fmt::format("Expected \"on\", found {}.", describe(token())));
  }

  bool read_variables(List<VariableNode>& into) {
    if (!lexer_.advance()) return false;
    do {
      auto* variable = arena_.make<VariableNode>();
      variable->at = token().start;
      if (is_string() && !lexer_.advance()) return false;
      if (!expect(dollar) || !read_name(variable->name) || !expect(colon)) return false;
      if (!read_type(variable->type)) return false;
      if (is(equals)) {
        if (!lexer_.advance() || !read_value(variable->default_value, true)) return false;
      }
      if (!read_directives(variable->directives, true)) return false;
      into.append(variable);
    } while (!is(close_parenthesis));
    return lexer_.advance();
  }

  bool read_named_type(TypeNode*& into) {
    into = arena_.make<TypeNode>();
    into->at = token().start;
    into->name = token().text;
    return expect(name);
  }

  bool read_type(TypeNode*& into) {
    const Level level(depth_);
    if (too_deep()) return false;
    if (is(open_bracket)) {
      into = arena_.make<TypeNode>();
      into->kind = TypeNodeKind::list;
      into->at = token().start;
      if (!lexer_.advance() || !read_type(into->of) || !expect(close_bracket)) return false;
    } else if (!read_named_type(into)) {
      return false;
    }
    if (!is(bang)) return true;
    auto* non_null = arena_.make<TypeNode>();
    non_null->kind = TypeNodeKind::non_null;
    non_null->at = into->at;
    non_null->of = into;
    into = non_null;
    return lexer_.advance();
  }

  bool read_directives(List<DirectiveNode>& into, bool constant) {
    while (is(at_sign)) {
      auto* directive = arena_.make<DirectiveNode>();
      directive->at = token().start;
      if (!lexer_.advance() || !read_name(directive->name)) return false;
      if (!read_arguments(directive->arguments, constant)) return false;
      into.append(directive);
    }
    return true;
  }

  bool read_arguments(List<ArgumentNode>& into, bool constant) {
    if (!is(open_parenthesis)) return true;
    if (!lexer_.advance()) return false;
    do {
      auto* argument = arena_.make<ArgumentNode>();
      if (!read_name(argument->name) || !expect(colon)) return false;
      if (!read_value(argument->value, constant)) return false;
      into.append(argument);
    } while (!is(close_parenthesis));
    return lexer_.advance();
  }

  bool read_selections(SelectionSet*& into) {
    const Level level(depth_);
    if (too_deep()) return false;
    into = arena_.make<SelectionSet>();
    into->at = token().start;
    if (!expect(open_brace)) return false;
    do {
      auto* selection = arena_.make<Selection>();
      selection->at = token().start;
      if (!(is(spread) ? read_spread(*selection) : read_field(*selection))) return false;
      into->items.append(selection);
    } while (!is(close_brace));
    return lexer_.advance();
  }

  bool read_field(Selection& field) {
    if (!read_name(field.name)) return false;
    if (is(colon)) {
      field.alias = field.name;
      if (!lexer_.advance() || !read_name(field.name)) return false;
    }
    if (!read_arguments(field.arguments, false) || !read_directives(field.directives, false)) {
      return false;
    }
    return !is(open_brace) || read_selections(field.selections);
  }

  // `...Name`, `... on Type {`, `... @directive {` or `... {`.
  bool read_spread(Selection& selection) {
    if (!lexer_.advance()) return false;
    if (is(name) && token().text != "on") {
      selection.kind = SelectionKind::spread;
      return read_name(selection.name) && read_directives(selection.directives, false);
    }
    selection.kind = SelectionKind::inline_fragment;
    if (is(name)) {
      TypeNode* condition = nullptr;
      if (!lexer_.advance() || !read_named_type(condition)) return false;
      selection.condition = condition;
    }
    return read_directives(selection.directives, false) && read_selections(selection.selections);
  }

  bool read_value(ValueNode*& into, bool constant) {
    const Level level(depth_);
    if (too_deep()) return false;
    into = arena_.make<ValueNode>();
    into->at = token().start;
    into->text = token().text;
    switch (token().kind) {
      case open_bracket: return read_list(*into, constant);
      case open_brace: return read_object(*into, constant);
      case dollar: return read_variable(*into, constant);
      case integer: into->kind = ValueKind::integer; break;
      case number: into->kind = ValueKind::number; break;
      case string: into->kind = ValueKind::string; break;
      case block_string:
        into->kind = ValueKind::string;
        into->block = true;
        break;
      case name:
        into->kind = into->text == "null"                            ? ValueKind::null
                     : into->text == "true" || into->text == "false" ? ValueKind::boolean
                                                                     : ValueKind::enumeration;
        break;
      default: return unexpected();
    }
    return lexer_.advance();
  }

  bool read_variable(ValueNode& into, bool constant) {
    if (!lexer_.advance()) return false;
    if (constant) {
      if (!is(name)) return unexpected();
      return lexer_.fail(
          into.at, fmt::format("Unexpected variable \"${}\" in constant value.", token().text));
    }
    into.kind = ValueKind::variable;
    into.text = token().text;
    return expect(name);
  }

  bool read_list(ValueNode& into, bool constant) {
    into.kind = ValueKind::list;
    if (!lexer_.advance()) return false;
    while (!is(close_bracket)) {
      ValueNode* item = nullptr;
      if (!read_value(item, constant)) return false;
      into.items.append(item);
    }
    return lexer_.advance();
  }

  bool read_object(ValueNode& into, bool constant) {
    into.kind = ValueKind::object;
    if (!lexer_.advance()) return false;
    while (!is(close_brace)) {
      auto* field = arena_.make<ObjectFieldNode>();
      if (!read_name(field->name) || !expect(colon) || !read_value(field->value, constant)) {
        return false;
      }
      into.fields.append(field);
    }
    return lexer_.advance();
  }

  Arena& arena_;
  Lexer lexer_;
  std::size_t depth_ = 0;
};

}  // namespace

Parsed parse(std::string_view text, Arena& arena, std::size_t tokens_max) {
  Parser parser(text, arena, tokens_max);
  Parsed parsed;
  parsed.document = parser.read_document();
  parsed.fault = parser.fault();
  return parsed;
}

const TypeNode* parse_type(std::string_view text, Arena& arena) {
  return Parser(text, arena, kTokensMax).read_only_type();
}

const ValueNode* parse_constant(std::string_view text, Arena& arena) {
  return Parser(text, arena, kTokensMax).read_only_constant();
}

}  // namespace keywright::graphql
