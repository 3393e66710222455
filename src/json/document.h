// json/document.h - reads a JSON text that nobody vouches for.
//
//   KW_TRY(Document document, Document::parse(body));
//   if (auto name = document.root().find("name")) use(name->as_string());
//   for (Value item : document.root().items()) ...
//   for (Member member : document.root().members()) use(member.key, member.value);
//
// Strict: RFC 8259, one value, valid UTF-8, no lone surrogates, at most 64 levels deep, and no
// object with the same key twice (compared after unescaping: no other reader may decide differently
// which one counts). Integers of up to 64 bits are exact, other numbers the nearest double.
//
// Errors: Code::invalid_argument, reason "malformed_json", with line and column where they help.
// Threading: one thread at a time; a Document may move to another thread.
// Lifetime: Values and the strings they hand out live as long as their Document, moved or not.
// Cost: parser and buffers come from a small per-thread store: a small document allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace keywright::json {

class Writer;
struct Member;

inline constexpr std::size_t kMaximumDepth = 64;

enum class ValueKind : unsigned char { null, boolean, integer, number, string, array, object };

// One value in a Document: two words, copied freely.
class Value {
 public:
  using Cursor = std::array<std::uintptr_t, 2>;  // the document, and the place in it
  template <class Item>
  class Range;

  explicit Value(Cursor cursor) : cursor_(cursor) {}

  ValueKind kind() const;
  bool is_null() const { return kind() == ValueKind::null; }

  // nullopt where the value is of another kind or does not fit. An integer answers as_double() too,
  // and a whole number such as 2.0 or 1e3, up to 2^53, answers as an integer.
  std::optional<bool> as_bool() const;
  std::optional<std::int64_t> as_int64() const;
  std::optional<std::uint64_t> as_uint64() const;
  std::optional<double> as_double() const;
  std::optional<std::string_view> as_string() const;

  // Of an object; nullopt if there is no such key or this is no object.
  std::optional<Value> find(std::string_view key) const;

  // Empty for any other kind.
  Range<Value> items() const;     // of an array
  Range<Member> members() const;  // of an object, in the order of the text
  std::size_t size() const;       // of an array or object

  // The value as compact text.
  void write(Writer& writer) const;

 private:
  Cursor cursor_;
};

struct Member {
  std::string_view key;  // unescaped
  Value value;
};

template <class Item>
class Value::Range {
 public:
  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    explicit Iterator(Cursor cursor) : cursor_(cursor) {}
    Item operator*() const;
    Iterator& operator++();
    // Only those of one range are compared.
    bool operator==(const Iterator& other) const { return cursor_[1] == other.cursor_[1]; }

   private:
    Cursor cursor_;
  };

  Range(Cursor first, Cursor last) : first_(first), last_(last) {}
  Iterator begin() const { return Iterator(first_); }
  Iterator end() const { return Iterator(last_); }

 private:
  Cursor first_;
  Cursor last_;
};

template <>
Value Value::Range<Value>::Iterator::operator*() const;
template <>
Value::Range<Value>::Iterator& Value::Range<Value>::Iterator::operator++();
template <>
Member Value::Range<Member>::Iterator::operator*() const;
template <>
Value::Range<Member>::Iterator& Value::Range<Member>::Iterator::operator++();

class Document {
 public:
  static Result<Document> parse(std::string_view text);

  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  Value root() const;

 private:
  struct State;
  struct Store;
  struct Release {
    void operator()(State* state) const noexcept;
  };
  explicit Document(std::unique_ptr<State, Release> state);

  std::unique_ptr<State, Release> state_;
};

}  // namespace keywright::json
