#include "json/document.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "json/malformed.h"
#include "json/writer.h"

namespace keywright::json {

using simdjson::internal::tape_ref;
using simdjson::internal::tape_type;

namespace {

// A Cursor is a place on the parser's tape.
tape_ref on_tape(const Value::Cursor& cursor) {
  return {reinterpret_cast<const simdjson::dom::document*>(cursor[0]), cursor[1]};
}

Value::Cursor to_cursor(const tape_ref& tape) {
  return {reinterpret_cast<std::uintptr_t>(tape.doc), tape.json_index};
}

Value::Cursor moved_to(const Value::Cursor& cursor, std::size_t index) {
  return {cursor[0], index};
}

// Of a container: the place of its closing bracket.
std::size_t closing_index(const tape_ref& tape) { return tape.after_element() - 1; }

// 2^53: every whole double up to here is one integer and no other.
constexpr double kExactIntegers = 9007199254740992.0;

Error malformed(std::string_view text, const Malformed& problem) {
  std::size_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < problem.offset; ++i) {
    if (text[i] != '\n') continue;
    ++line;
    line_start = i + 1;
  }
  const auto before = text.substr(line_start, problem.offset - line_start);
  return Error(Code::invalid_argument, "malformed_json",
               fmt::format("Malformed JSON at line {}, column {}: {}.", line,
                           count_utf8_characters(before) + 1, problem.what));
}

Error malformed(std::string_view text) {
  if (trim(text).empty()) {
    return Error(Code::invalid_argument, "malformed_json", "The JSON text is empty.");
  }
  if (const auto problem = find_malformed(text)) return malformed(text, *problem);
  return Error(Code::invalid_argument, "malformed_json", "Malformed JSON.");
}

Error duplicated(std::string_view key) {
  constexpr std::size_t kShown = 100;
  std::string detail = "One object has the key ";
  append_quoted(detail, key.substr(0, kShown));
  return Error(Code::invalid_argument, "malformed_json", detail + " twice.")
      .with_internal("duplicate_key");
}

}  // namespace

struct Document::State {
  simdjson::dom::parser parser;
  std::unique_ptr<char[]> buffer;  // the text, with the padding that the parser wants
  std::size_t capacity = 0;
  std::vector<std::pair<std::size_t, std::string_view>> keys;

  bool reserve(std::size_t size);
  simdjson::error_code parse(std::string_view text);

  // What the parser does not look at: duplicate keys, and the depth of empty containers.
  std::optional<Error> find_fault(std::string_view text);
  std::optional<std::string_view> duplicate_key(const tape_ref& object);
};

// Parsers at rest, so that small documents allocate nothing. States that grew are let go.
struct Document::Store {
  static constexpr std::size_t kKept = 4;
  static constexpr std::size_t kInitialCapacity = 4096;
  static constexpr std::size_t kKeptCapacity = 64 * 1024;

  std::array<std::unique_ptr<State>, kKept> states;
  std::size_t count = 0;

  Store() { gone = false; }
  ~Store() { gone = true; }

  std::unique_ptr<State> take() {
    if (gone || count == 0) return std::make_unique<State>();
    return std::move(states[--count]);
  }
  void give_back(std::unique_ptr<State> state) {
    if (gone || count == kKept || state->capacity > kKeptCapacity) return;
    states[count++] = std::move(state);
  }

  static Store& of_this_thread() {
    thread_local Store store;
    return store;
  }
  static thread_local bool gone;  // a Document may outlive the store when a thread ends
};

thread_local bool Document::Store::gone = false;

bool Document::State::reserve(std::size_t size) {
  if (size <= capacity) return true;
  const std::size_t wanted = std::max(size, Store::kInitialCapacity);
  if (parser.allocate(wanted, kMaximumDepth + 1) != simdjson::SUCCESS) return false;
  buffer = std::make_unique_for_overwrite<char[]>(wanted + simdjson::SIMDJSON_PADDING);
  capacity = wanted;
  return true;
}

simdjson::error_code Document::State::parse(std::string_view text) {
  if (!reserve(text.size())) return simdjson::MEMALLOC;
  if (!text.empty()) std::memcpy(buffer.get(), text.data(), text.size());
  return parser.parse(buffer.get(), text.size(), false).error();
}

std::optional<Error> Document::State::find_fault(std::string_view text) {
  const auto* document = &parser.doc;
  const std::size_t end = tape_ref(document, 1).after_element();
  std::size_t depth = 0;
  for (std::size_t index = 1; index < end; ++index) {
    const tape_ref tape(document, index);
    switch (tape.tape_ref_type()) {
      case tape_type::START_OBJECT:
        if (const auto key = duplicate_key(tape)) return duplicated(*key);
        [[fallthrough]];
      case tape_type::START_ARRAY:
        if (++depth > kMaximumDepth) return malformed(text);
        break;
      case tape_type::END_OBJECT:
      case tape_type::END_ARRAY: --depth; break;
      case tape_type::INT64:
      case tape_type::UINT64:
      case tape_type::DOUBLE:
        ++index;  // the number itself
        break;
      default: break;
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> Document::State::duplicate_key(const tape_ref& object) {
  constexpr std::size_t kFew = 12;
  std::array<std::string_view, kFew> few;
  std::size_t count = 0;
  const std::size_t end = closing_index(object);
  tape_ref key(object.doc, object.json_index + 1);
  for (; key.json_index < end && count < kFew; ++count) {
    const std::string_view name = key.get_string_view();
    for (std::size_t i = 0; i < count; ++i) {
      if (few[i].size() == name.size() && few[i] == name) return name;
    }
    few[count] = name;
    key.json_index = tape_ref(key.doc, key.json_index + 1).after_element();
  }
  if (key.json_index >= end) return std::nullopt;

  // Sorted by hash rather than by text, which is slow where many keys begin alike.
  const std::hash<std::string_view> hash;
  keys.clear();
  for (const std::string_view name : few) keys.emplace_back(hash(name), name);
  for (; key.json_index < end;
       key.json_index = tape_ref(key.doc, key.json_index + 1).after_element()) {
    const std::string_view name = key.get_string_view();
    keys.emplace_back(hash(name), name);
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return std::nullopt;
  return twice->second;
}

void Document::Release::operator()(State* state) const noexcept {
  std::unique_ptr<State> owned(state);
  if (!Store::gone) Store::of_this_thread().give_back(std::move(owned));
}

Document::Document(std::unique_ptr<State, Release> state) : state_(std::move(state)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Result<Document> Document::parse(std::string_view text) {
  std::unique_ptr<State, Release> state(Store::gone ? new State
                                                    : Store::of_this_thread().take().release());
  auto error = state->parse(text);
  if (error == simdjson::NUMBER_ERROR) error = state->parse(with_large_integers_as_doubles(text));
  if (error == simdjson::MEMALLOC) {
    return fail(Code::unavailable, "out_of_memory", "There is not enough memory to read the text.");
  }
  if (error != simdjson::SUCCESS) return fail(malformed(text));
  if (auto fault = state->find_fault(text)) return fail(std::move(*fault));
  return Document(std::move(state));
}

Value Document::root() const { return Value(to_cursor(tape_ref(&state_->parser.doc, 1))); }

ValueKind Value::kind() const {
  switch (on_tape(cursor_).tape_ref_type()) {
    case tape_type::START_ARRAY: return ValueKind::array;
    case tape_type::START_OBJECT: return ValueKind::object;
    case tape_type::STRING: return ValueKind::string;
    case tape_type::INT64:
    case tape_type::UINT64: return ValueKind::integer;
    case tape_type::DOUBLE: return ValueKind::number;
    case tape_type::TRUE_VALUE:
    case tape_type::FALSE_VALUE: return ValueKind::boolean;
    default: return ValueKind::null;
  }
}

std::optional<bool> Value::as_bool() const {
  const tape_ref tape = on_tape(cursor_);
  if (tape.is_true()) return true;
  if (tape.is_false()) return false;
  return std::nullopt;
}

std::optional<std::int64_t> Value::as_int64() const {
  const tape_ref tape = on_tape(cursor_);
  if (tape.is_int64()) return tape.next_tape_value<std::int64_t>();
  if (!tape.is_double()) return std::nullopt;  // an unsigned one on the tape is beyond 2^63
  const double number = tape.next_tape_value<double>();
  if (std::trunc(number) != number || std::fabs(number) > kExactIntegers) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<std::uint64_t> Value::as_uint64() const {
  const tape_ref tape = on_tape(cursor_);
  if (tape.is_uint64()) return tape.next_tape_value<std::uint64_t>();
  const auto value = as_int64();
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<double> Value::as_double() const {
  const tape_ref tape = on_tape(cursor_);
  if (tape.is_double()) return tape.next_tape_value<double>();
  if (tape.is_int64()) return static_cast<double>(tape.next_tape_value<std::int64_t>());
  if (tape.is_uint64()) return static_cast<double>(tape.next_tape_value<std::uint64_t>());
  return std::nullopt;
}

std::optional<std::string_view> Value::as_string() const {
  const tape_ref tape = on_tape(cursor_);
  if (tape.tape_ref_type() != tape_type::STRING) return std::nullopt;
  return tape.get_string_view();
}

std::optional<Value> Value::find(std::string_view key) const {
  for (const Member member : members()) {
    if (member.key == key) return member.value;
  }
  return std::nullopt;
}

Value::Range<Value> Value::items() const {
  const tape_ref tape = on_tape(cursor_);
  if (tape.tape_ref_type() != tape_type::START_ARRAY) return {cursor_, cursor_};
  return {moved_to(cursor_, cursor_[1] + 1), moved_to(cursor_, closing_index(tape))};
}

Value::Range<Member> Value::members() const {
  const tape_ref tape = on_tape(cursor_);
  if (tape.tape_ref_type() != tape_type::START_OBJECT) return {cursor_, cursor_};
  return {moved_to(cursor_, cursor_[1] + 1), moved_to(cursor_, closing_index(tape))};
}

std::size_t Value::size() const {
  std::size_t count = 0;
  for ([[maybe_unused]] const Value item : items()) ++count;
  for ([[maybe_unused]] const Member member : members()) ++count;
  return count;
}

void Value::write(Writer& writer) const {
  const tape_ref tape = on_tape(cursor_);
  switch (tape.tape_ref_type()) {
    case tape_type::START_ARRAY:
      writer.begin_array();
      for (const Value item : items()) item.write(writer);
      writer.end_array();
      return;
    case tape_type::START_OBJECT:
      writer.begin_object();
      for (const Member member : members()) {
        writer.key(member.key);
        member.value.write(writer);
      }
      writer.end_object();
      return;
    case tape_type::STRING: writer.string(tape.get_string_view()); return;
    case tape_type::INT64: writer.integer(tape.next_tape_value<std::int64_t>()); return;
    case tape_type::UINT64: writer.unsigned_integer(tape.next_tape_value<std::uint64_t>()); return;
    case tape_type::DOUBLE: writer.number(tape.next_tape_value<double>()); return;
    case tape_type::TRUE_VALUE: writer.boolean(true); return;
    case tape_type::FALSE_VALUE: writer.boolean(false); return;
    default: writer.null(); return;
  }
}

template <>
Value Value::Range<Value>::Iterator::operator*() const {
  return Value(cursor_);
}

template <>
Value::Range<Value>::Iterator& Value::Range<Value>::Iterator::operator++() {
  cursor_[1] = on_tape(cursor_).after_element();
  return *this;
}

template <>
Member Value::Range<Member>::Iterator::operator*() const {
  return {on_tape(cursor_).get_string_view(), Value(moved_to(cursor_, cursor_[1] + 1))};
}

template <>
Value::Range<Member>::Iterator& Value::Range<Member>::Iterator::operator++() {
  cursor_[1] = on_tape(moved_to(cursor_, cursor_[1] + 1)).after_element();
  return *this;
}

}  // namespace keywright::json
