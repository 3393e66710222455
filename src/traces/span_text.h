// traces/span_text.h - where the JSON of spans is put together. Of this room only.
//
//   SpanText text(body.size());                     // about how much it will be
//   text.open('{');
//   text.key(",\"name\":").string(name);            // the comma counts where one is needed
//   text.key(",\"kind\":").number(kind);
//   text.close('}');
//   use(text.view());
//
// What json::Writer does, for one buffer that holds all spans of a request, and for names that are
// literals: they are copied with their quotes and looked at by nobody. Any bytes may be given to
// string(); what is not UTF-8 becomes U+FFFD.
//
// Threading: one thread. Cost: about 15 instructions a piece, and one for each 8 bytes of text.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace keywright::traces {

void key_is_not_written_like_this();

// The name of a member as it is written, with the comma before it: ,"name":
class SpanKey {
 public:
  consteval SpanKey(const char* text) : text_(text) {  // NOLINT: a literal is a key
    if (!text_.starts_with(",\"") || !text_.ends_with("\":")) key_is_not_written_like_this();
  }
  constexpr std::string_view text() const { return text_; }
  constexpr std::string_view bare() const { return text_.substr(2, text_.size() - 4); }

 private:
  std::string_view text_;
};

class SpanText {
 public:
  explicit SpanText(std::size_t expected)
      : capacity_(expected + kLeast), text_(std::make_unique_for_overwrite<char[]>(capacity_)) {}

  std::size_t size() const { return size_; }
  // Takes back what was written since size() was this.
  void cut(std::size_t size) {
    size_ = size;
    comma_ = false;
  }
  std::string_view view() const { return {text_.get(), size_}; }
  // What view() shows.
  std::unique_ptr<char[]> take() && { return std::move(text_); }

  SpanText& open(char bracket) {
    char* at = room(2);
    if (comma_) *at++ = ',';
    *at++ = bracket;
    comma_ = false;
    return advance(at);
  }
  SpanText& close(char bracket) {
    char* at = room(1);
    *at++ = bracket;
    comma_ = true;
    return advance(at);
  }

  SpanText& key(SpanKey key) {
    const std::string_view text = comma_ ? key.text() : key.text().substr(1);
    comma_ = false;
    return advance(put(room(text.size()), text));
  }

  SpanText& string(std::string_view text);
  // Nothing in it needs an escape.
  SpanText& plain(std::string_view text) {
    char* at = room(text.size() + 3);
    if (comma_) *at++ = ',';
    *at++ = '"';
    at = put(at, text);
    *at++ = '"';
    comma_ = true;
    return advance(at);
  }
  SpanText& number(std::int64_t value);
  SpanText& number(std::uint64_t value);
  // In quotes, as OTLP has numbers of 64 bits.
  SpanText& quoted(std::int64_t value);
  SpanText& quoted(std::uint64_t value);
  // One value that is JSON already.
  SpanText& raw(std::string_view json) {
    char* at = room(json.size() + 1);
    if (comma_) *at++ = ',';
    comma_ = true;
    return advance(put(at, json));
  }

 private:
  static constexpr std::size_t kLeast = 256;

  static char* put(char* at, std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }
  char* room(std::size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return text_.get() + size_;
  }
  SpanText& advance(const char* end) {
    size_ = static_cast<std::size_t>(end - text_.get());
    return *this;
  }
  void grow(std::size_t size);
  void open_quote();

  std::size_t capacity_;
  std::unique_ptr<char[]> text_;
  std::size_t size_ = 0;
  bool comma_ = false;  // something stands before the next key or value
};

}  // namespace keywright::traces
