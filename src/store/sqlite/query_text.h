// store/sqlite/query_text.h - a SELECT that depends on which filters are set.
//
//   QueryText query(Sql("SELECT name FROM keys WHERE 1"));
//   if (filter.kind) query.add(" AND kind = ?", std::int64_t{*filter.kind});
//   ...
//   query.bind_to(bound);              // the values, in the order of their question marks
//
// Threading: a plain value. Lifetime: views given to add() outlive the query they are bound to.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "store/sqlite/sqlite.h"

namespace keywright::store {

class QueryText {
 public:
  using Value = std::variant<std::int64_t, std::string_view, ByteView>;

  explicit QueryText(Sql sql) : sql_(sql) {}

  template <class... Values>
  QueryText& add(Sql sql, Values... values) {
    sql_ += sql;
    (values_.emplace_back(values), ...);
    return *this;
  }

  const SqlText& sql() const { return sql_; }
  void bind_to(Query& query) const {
    for (const Value& value : values_) {
      std::visit([&query](const auto& one) { query.bind(one); }, value);
    }
  }

 private:
  SqlText sql_;
  std::vector<Value> values_;
};

}  // namespace keywright::store
