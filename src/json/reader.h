// json/reader.h - walks a JSON text front to back, once, as strictly as Document reads it, and
// without building anything.
//
//   Reader in(body);                                   // a std::string
//   if (in.here() != '{') return wrong_type();         // what begins here: { [ " t f n - 0-9
//   Members members(in);
//   while (members.next()) {                           // now take the value: exactly one
//     if (members.key() == "name" && in.here() == '"') {
//       use(in.string().raw);                          // as it stands between the quotes
//     } else {
//       in.skip();
//     }
//   }
//   if (!in.finished()) return fail(malformed_json(body));
//
// Everything is looked at, what is skipped, too: RFC 8259, one value, UTF-8, no lone surrogates, 64
// levels, no object with the same key twice, numbers that a double
// holds. The first fault ends the walk: failed() is true, here() is 0, and next() false from then
// on, so it is enough to ask once, at the end. Whoever stops in the middle of an object or list
// goes back to a mark before it, or gives up.
//
// It is for the few places where a tree would cost more than the rest of the request; elsewhere use
// Document, which is as strict and can be asked in any order. The fuzz target holds the two
// together.
//
// Errors: failed(); malformed_json() reads the text again for people.
// Threading: one thread. Lifetime: the text outlives it and what it hands out.
// Cost: one pass, 16 bytes of a string at a time; no allocation but for keys with escapes and for
//   objects with more than 12 of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keywright::json {

class Reader {
 public:
  // What stands between quotes, as it stands there.
  struct Text {
    std::string_view raw;
    bool escaped = false;
  };
  struct Number {
    std::string_view raw;
    bool whole = true;  // no fraction, no exponent

    // As Value has them: 2.0 and 1e3 are integers, up to 2^53.
    std::optional<std::int64_t> as_int64() const;
    std::optional<std::uint64_t> as_uint64() const;
  };
  struct Mark {
    const char* at;
    std::size_t depth;
  };

  explicit Reader(const std::string& text);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  bool failed() const { return failed_; }
  // Whether the one value was read, and nothing follows it.
  bool finished() { return here() == '\0' && at_ == end_ && !failed_; }

  // The first character of what comes next, behind any space; 0 at the end and after a fault.
  char here() {
    while (static_cast<unsigned char>(*at_) <= ' ' && is_space(*at_)) ++at_;
    return *at_;
  }

  Text string();
  Number number();
  bool boolean();
  // Takes a null, if one stands here.
  bool take_null() {
    if (here() != 'n') return false;
    word("null");
    return true;
  }
  void skip();
  // The next value as it is written, looked at like any other.
  std::string_view slice();

  // What the text says; lives as long as this.
  std::string_view view(const Text& text) { return text.escaped ? unescaped(text) : text.raw; }

  // Before the failure of a walk only.
  Mark mark() const { return {at_, depth_}; }
  void go_back(const Mark& mark) {
    at_ = mark.at;
    depth_ = mark.depth;
  }

 private:
  friend class Members;
  friend class Items;

  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  void fail() {
    failed_ = true;
    at_ = end_;  // a zero stands there
  }
  void enter(char bracket);
  void leave() {
    ++at_;
    --depth_;
  }
  void word(std::string_view word);
  std::string_view unescaped(const Text& text);

  const char* at_;
  const char* const end_;
  std::size_t depth_ = 0;
  bool failed_ = false;
  std::deque<std::string> unescaped_;
};

// The members of the object that begins here.
class Members {
 public:
  explicit Members(Reader& in) : in_(in) { in_.enter('{'); }
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  // Goes to the next one; its value has to be taken before the one after it. Where one thinks to
  // know the key, `expected` has it as it is written in compact text, "name": and all, which saves
  // looking for its end.
  bool next(std::string_view expected = {}) {
    const char c = in_.here();
    if (c == '}') return end();
    if (begun_ && c == ',')
      ++in_.at_;
    else if (begun_)
      return fail();
    begun_ = true;
    const std::size_t size = expected.size();
    is_expected_ = size != 0 && static_cast<std::size_t>(in_.end_ - in_.at_) > size &&
                   std::memcmp(in_.at_, expected.data(), size) == 0;
    if (!is_expected_) return take_key();
    in_.at_ += size;
    key_ = expected.substr(1, size - 3);
    return note();
  }
  std::string_view key() const { return key_; }
  // Whether it is the one that was expected. False says nothing: it may have been written
  // otherwise.
  bool is_expected() const { return is_expected_; }

 private:
  static constexpr std::size_t kFew = 12;
  struct Name {
    const char* data;
    std::size_t size;
    std::string_view view() const { return {data, size}; }
  };

  // Sees to it that the key is new.
  bool note() {
    const std::size_t size = key_.size();
    const auto first = static_cast<unsigned char>(size > 0 ? key_.front() : 0);
    const auto last = static_cast<unsigned char>(size > 0 ? key_.back() : 0);
    const std::uint64_t bit = std::uint64_t{1} << ((size * 5 + first + last * 3U) % 64);
    if ((seen_ & bit) != 0 && is_known()) return fail();
    seen_ |= bit;
    if (count_ == kFew) {
      more_.push_back(key_);
    } else {
      few_[count_++] = {key_.data(), key_.size()};
    }
    return true;
  }
  bool take_key();
  bool is_known() const;
  bool end();
  bool fail() {
    in_.fail();
    return false;
  }

  Reader& in_;
  bool begun_ = false;
  bool is_expected_ = false;
  std::string_view key_;
  std::uint64_t seen_ = 0;  // a bit for each key, several may share one
  std::size_t count_ = 0;
  std::array<Name, kFew> few_;
  std::vector<std::string_view> more_;
};

// The items of the list that begins here.
class Items {
 public:
  explicit Items(Reader& in) : in_(in) { in_.enter('['); }
  Items(const Items&) = delete;
  Items& operator=(const Items&) = delete;

  // Goes to the next one, which has to be taken before the one after it.
  bool next();

 private:
  Reader& in_;
  bool begun_ = false;
};

// Why a text at which a Reader failed is no JSON.
Error malformed_json(std::string_view text);

}  // namespace keywright::json
