#include "mcp/answer_scan.h"

#include <algorithm>
#include <utility>

namespace keywright::mcp {

void AnswerScan::feed(std::string_view piece) {
  if (verdict_ != AnswerVerdict::good) return;
  for (std::size_t at = 0; at < piece.size();) {
    if (in_text_) {
      at = skip_text(piece, at);
    } else {
      take(piece[at]);
      ++at;
    }
  }
}

// Most of a long answer is text.
std::size_t AnswerScan::skip_text(std::string_view piece, std::size_t at) {
  if (std::exchange(escaped_, false)) return at + 1;
  std::size_t end = at;
  while (end < piece.size() && piece[end] != '"' && piece[end] != '\\') ++end;
  for (std::size_t i = at; i < end && text_size_ <= kLongestKey; ++i, ++text_size_) {
    if (text_size_ < kLongestKey) text_[text_size_] = piece[i];
  }
  if (end == piece.size()) return end;
  in_text_ = piece[end] != '"';
  escaped_ = in_text_;
  if (escaped_) text_size_ = kLongestKey + 1;  // none of the keys is written with escapes
  return end + 1;
}

AnswerScan::Key AnswerScan::last_text() const {
  const std::string_view text(text_.data(), std::min(text_size_, kLongestKey));
  if (text_size_ > kLongestKey) return Key::other;
  if (text == "error") return Key::error;
  if (text == "result") return Key::result;
  return text == "isError" ? Key::is_error : Key::other;
}

// Outside of objects there is nothing to read: an event stream has its own words between them.
void AnswerScan::take(char c) {
  switch (c) {
    case '"':
      in_text_ = depth_ > 0;
      text_size_ = 0;
      break;
    case ':':
      if (depth_ <= 2) key_ = last_text();
      break;
    case ',': key_ = Key::other; break;
    case '{':
      if (depth_ == 1 && key_ == Key::error) verdict_ = AnswerVerdict::rpc_error;
      in_result_ = depth_ == 1 ? key_ == Key::result : in_result_ && depth_ > 1;
      ++depth_;
      break;
    case '[':
      if (depth_ == 0) break;
      if (depth_ == 1) in_result_ = false;
      ++depth_;
      break;
    case '}':
    case ']':
      if (depth_ > 0) --depth_;
      break;
    case 't':  // of true
      if (depth_ == 2 && in_result_ && key_ == Key::is_error) verdict_ = AnswerVerdict::tool_error;
      break;
    default: break;
  }
}

}  // namespace keywright::mcp
