// graphql/ast.h - a document of operations and fragments, as it was written.
//
//   for (const Operation& operation : document.operations) visit(*operation.selections);
//
// Nodes live in an Arena and hang together in lists: each knows the next. `at` is where a node
// begins, in bytes. What is found out about a node once and asked for often stands in it, too: the
// schema's field, the fragment that a spread names.
//
// Threading: one thread. Lifetime: the arena's, and the document's text.
// Source: GraphQL specification, section 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace keywright::graphql {

struct Type;
struct Field;

// A list of nodes that each have a `next`.
template <class T>
class List {
 public:
  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;
    using iterator_category = std::forward_iterator_tag;

    Iterator() = default;
    explicit Iterator(T* node) : node_(node) {}
    T& operator*() const { return *node_; }
    T* operator->() const { return node_; }
    Iterator& operator++() {
      node_ = node_->next;
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    T* node_ = nullptr;
  };

  Iterator begin() const { return Iterator(first_); }
  Iterator end() const { return Iterator(nullptr); }
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  T* first() const { return first_; }

  void append(T* node) {
    (last_ == nullptr ? first_ : last_->next) = node;
    last_ = node;
    ++size_;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

struct Name {
  std::string_view text;
  std::uint32_t at = 0;
};

enum class ValueKind : unsigned char {
  variable,
  integer,
  number,
  string,
  boolean,
  null,
  enumeration,
  list,
  object,
};

struct ObjectFieldNode;

struct ValueNode {
  ValueKind kind = ValueKind::null;
  bool block = false;  // a block string
  std::uint32_t at = 0;
  std::string_view text = {};  // name, digits, what a string says, "true"
  List<ValueNode> items = {};
  List<ObjectFieldNode> fields = {};
  ValueNode* next = nullptr;
};

struct ObjectFieldNode {
  Name name;
  ValueNode* value = nullptr;
  ObjectFieldNode* next = nullptr;
};

enum class TypeNodeKind : unsigned char { named, list, non_null };

struct TypeNode {
  TypeNodeKind kind = TypeNodeKind::named;
  std::uint32_t at = 0;
  std::string_view name = {};
  TypeNode* of = nullptr;
};

struct ArgumentNode {
  Name name;
  ValueNode* value = nullptr;
  ArgumentNode* next = nullptr;
};

struct DirectiveNode {
  Name name;
  std::uint32_t at = 0;
  List<ArgumentNode> arguments = {};
  DirectiveNode* next = nullptr;
};

enum class SelectionKind : unsigned char { field, spread, inline_fragment };

struct Selection;
struct FragmentNode;

struct SelectionSet {
  std::uint32_t at = 0;
  List<Selection> items = {};
};

struct Selection {
  SelectionKind kind = SelectionKind::field;
  std::uint32_t at = 0;
  Name alias = {};
  Name name = {};                       // of the field or the fragment
  const TypeNode* condition = nullptr;  // of an inline fragment; null: none
  List<ArgumentNode> arguments = {};
  List<DirectiveNode> directives = {};
  SelectionSet* selections = nullptr;
  Selection* next = nullptr;

  // Found out by validation.
  const Type* parent = nullptr;       // in which a field is selected
  const Field* definition = nullptr;  // null: there is none
  const FragmentNode* fragment = nullptr;
  const Type* condition_type = nullptr;

  std::string_view response_name() const { return alias.text.empty() ? name.text : alias.text; }
};

struct VariableNode {
  std::uint32_t at = 0;
  Name name;
  TypeNode* type = nullptr;
  ValueNode* default_value = nullptr;
  List<DirectiveNode> directives = {};
  VariableNode* next = nullptr;
  const Type* resolved = nullptr;  // found out by validation; null: no such type
};

enum class OperationKind : unsigned char { query, mutation, subscription };

struct OperationNode {
  OperationKind kind = OperationKind::query;
  std::uint32_t at = 0;
  Name name = {};
  List<VariableNode> variables = {};
  List<DirectiveNode> directives = {};
  SelectionSet* selections = nullptr;
  OperationNode* next = nullptr;
};

struct FragmentNode {
  std::uint32_t at = 0;
  Name name = {};
  TypeNode* condition = nullptr;
  List<DirectiveNode> directives = {};
  SelectionSet* selections = nullptr;
  FragmentNode* next = nullptr;
  const Type* condition_type = nullptr;  // found out by validation
};

struct DocumentNode {
  List<OperationNode> operations;
  List<FragmentNode> fragments;

  // The last one of this name; null if there is none.
  FragmentNode* fragment(std::string_view name) const {
    FragmentNode* found = nullptr;
    for (FragmentNode& fragment : fragments) {
      if (fragment.name.text == name) found = &fragment;
    }
    return found;
  }
};

}  // namespace keywright::graphql
