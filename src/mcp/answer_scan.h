// mcp/answer_scan.h - does an answer that goes by say that the call failed?
//
//   AnswerScan scan;
//   scan.feed(piece);                        // as the bytes come: JSON, or a stream of events
//   scan.verdict()                           // rpc_error: {"error":{...}}; tool_error: a result
//                                            // with "isError":true
//
// Nothing is read that would have to be kept: levels are counted and keys of the outer two are
// looked at, so that a relay learns the outcome of a call without a parse and without holding
// anything back. What is no JSON, or writes those keys with escapes, is taken for a success: this
// is for counting, never for deciding.
//
// Threading: one thread. Cost: one pass over the bytes, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace keywright::mcp {

enum class AnswerVerdict : unsigned char { good, rpc_error, tool_error };

class AnswerScan {
 public:
  void feed(std::string_view piece);
  AnswerVerdict verdict() const { return verdict_; }

 private:
  static constexpr std::size_t kLongestKey = 7;  // "isError"
  enum class Key : unsigned char { other, error, result, is_error };

  std::size_t skip_text(std::string_view piece, std::size_t at);
  void take(char c);
  Key last_text() const;

  AnswerVerdict verdict_ = AnswerVerdict::good;
  std::size_t depth_ = 0;
  bool in_text_ = false;
  bool escaped_ = false;
  bool in_result_ = false;  // the object of "result"
  Key key_ = Key::other;    // of the value that comes next
  std::size_t text_size_ = 0;
  std::array<char, kLongestKey> text_{};  // the beginning of the last string
};

}  // namespace keywright::mcp
