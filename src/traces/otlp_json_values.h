// traces/otlp_json_values.h - takes the values of OTLP/JSON from a Reader and writes them to a
// span's text. Of this room only.
//
//   ValueWriter values(in, out);
//   const bool good = values.object(kNames, [&](std::size_t field) {     // in any order
//     return field == kName ? values.text(kNames[field]) : values.integer(kNames[field]);
//   });
//
// Each takes one value that is not null and writes it with its key; it gives false as soon as the
// value is of the wrong type, or the text no JSON (Reader::failed()). Then the walk ends in the
// middle and what was written is to be taken back. Strings and numbers stay as they are written; a
// null is as good as nothing, and members without a name here are passed over.
//
// Threading: one thread. Lifetime: reader and text outlive it. Cost: some 20 instructions a value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "json/reader.h"
#include "traces/otlp_group.h"
#include "traces/span_text.h"

namespace keywright::traces {

// The text or whole number that an attribute holds.
class Noted {
 public:
  void hold_string(json::Reader::Text text) { string_ = text; }
  void hold_number(json::Reader::Text text) { digits_ = text; }
  void hold_number(json::Reader::Number number) { number_ = number; }

  // "" for anything else.
  std::string text(json::Reader& in) const;

 private:
  std::optional<json::Reader::Text> string_;
  std::optional<json::Reader::Text> digits_;
  std::optional<json::Reader::Number> number_;
};

// Which of the names a key is; as many as there are if it is none. Senders write members in about
// the order of OTLP, so the search for the next one begins behind the last.
template <std::size_t kCount>
std::size_t field_of(const std::array<SpanKey, kCount>& names, std::string_view key,
                     std::size_t next) {
  for (std::size_t i = 0; i < kCount; ++i, next = (next + 1) % kCount) {
    if (names[next].bare() == key) return next;
  }
  return kCount;
}

class ValueWriter {
 public:
  ValueWriter(json::Reader& in, SpanText& out) : in_(in), out_(out) {}

  // `each` takes the value of the member that has the name of this number.
  template <std::size_t kCount, class Each>
  bool object(const std::array<SpanKey, kCount>& names, Each&& each) {
    if (in_.here() != '{') return false;
    out_.open('{');
    json::Members members(in_);
    std::size_t next = 0;
    while (members.next(names[next].text().substr(1))) {
      const std::size_t field = members.is_expected() ? next : field_of(names, members.key(), next);
      if (field == kCount) {
        in_.skip();
        continue;
      }
      next = (field + 1) % kCount;
      if (!in_.take_null() && !each(field)) return false;
    }
    out_.close('}');
    return !in_.failed();
  }

  // A list of objects.
  template <class Each>
  bool objects(SpanKey key, Each&& each) {
    if (in_.here() != '[') return false;
    out_.key(key).open('[');
    json::Items items(in_);
    while (items.next()) {
      if (in_.here() != '{' || !each()) return false;
    }
    out_.close(']');
    return !in_.failed();
  }

  // The name of an object that follows.
  void begin(SpanKey key) { out_.key(key); }

  bool text(SpanKey key, json::Reader::Text* text = nullptr);
  bool integer(SpanKey key, std::int64_t* value = nullptr);
  // 64 bits: a JSON number or decimal text.
  bool time(SpanKey key, std::int64_t* stored = nullptr);
  bool id(SpanKey key, TraceIdText& id);
  bool id(SpanKey key, SpanIdText& id);
  // Ids that may be empty.
  bool optional_trace_id(SpanKey key);
  bool optional_span_id(SpanKey key, bool* present = nullptr);

  bool attributes() {
    return attributes([](json::Reader::Text, const Noted&) {});
  }
  // `note` is told the name of each, and what it holds.
  template <class Note>
  bool attributes(Note&& note) {
    return objects(",\"attributes\":", [&] {
      Noted noted;
      json::Reader::Text name;
      if (!key_value(0, &name, &noted)) return false;
      note(name, noted);
      return true;
    });
  }

 private:
  bool at_number();
  template <std::size_t kDigits>
  bool required(SpanKey key, std::array<char, kDigits>& id);
  template <std::size_t kDigits>
  bool optional(SpanKey key, bool* present);
  bool key_value(int depth, json::Reader::Text* name = nullptr, Noted* noted = nullptr);
  bool any_value(int depth, Noted* noted = nullptr);
  bool string(SpanKey key, Noted* noted);
  bool whole(SpanKey key, Noted* noted);
  bool flag(SpanKey key);
  bool real(SpanKey key);
  bool list(SpanKey key, bool of_pairs, int depth);

  json::Reader& in_;
  SpanText& out_;
};

}  // namespace keywright::traces
