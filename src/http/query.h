// http/query.h - the query string, taken apart strictly.
//
//   KW_TRY(http::Query query, http::Query::parse(request.query));
//   if (const std::string* limit = query.find("limit")) ...
//
// Names and values are percent-decoded once and '+' is a space, as forms send them. Refused: a
// malformed escape, text that is not UTF-8, control characters, more than kMaxPairs pairs, and a
// name that comes twice, because two readers could disagree on which one counts.
//
// Errors: invalid_argument, reason "invalid_request", the problem naming the parameter.
// Threading: plain values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace keywright::http {

class Query {
 public:
  static constexpr std::size_t kMaxPairs = 64;
  using Pair = std::pair<std::string, std::string>;

  static Result<Query> parse(std::string_view text);

  const std::string* find(std::string_view name) const;
  std::vector<Pair>::const_iterator begin() const { return pairs_.begin(); }
  std::vector<Pair>::const_iterator end() const { return pairs_.end(); }
  std::size_t size() const { return pairs_.size(); }

 private:
  std::vector<Pair> pairs_;
};

// `text` with everything but unreserved characters (RFC 3986) as %XX; for building paths and
// queries.
std::string percent_encode(std::string_view text);

}  // namespace keywright::http
