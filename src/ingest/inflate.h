// ingest/inflate.h - gunzips a body piece by piece, up to a limit.
//
//   Inflater inflater;
//   KW_CHECK_OK(inflater.feed(piece, out, limit));      // appends what the piece gave
//   KW_CHECK_OK(inflater.finish());                     // nothing is missing
//
// Output is bounded by `limit` whatever the input says, so a decompression bomb costs the limit and
// no more. Several gzip members after one another are one body (RFC 1952); bytes after the last
// member are refused.
//
// Errors: too_large/body_too_large; invalid_argument/malformed_body.
// Threading: one thread. Cost: about 5 ns a byte of output; 40 KB of state.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keywright::ingest {

class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<void> feed(std::string_view piece, std::string& out, std::size_t limit);
  Result<void> finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keywright::ingest
