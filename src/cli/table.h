// cli/table.h - rows for a person (aligned, cut to the width of the terminal) or for a program
// (tab-separated, without a header).
//
//   Table table({"ID", "NAME"});
//   table.add({id, name});
//   console.out(console.out_is_terminal() ? table.aligned(console.width(), bold) : table.plain());
//
// Columns give way from the widest on, the first one (an id to copy) last; none becomes narrower
// than 8. Cells are made harmless (cli/text_width.h).
//
// Threading: one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace keywright::cli {

using Style = std::function<std::string(std::string_view)>;

class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}

  void add(std::vector<std::string> row);  // as many cells as the header
  bool empty() const { return rows_.empty(); }

  std::string aligned(std::size_t width, const Style& header_style) const;
  std::string plain() const;

 private:
  std::vector<std::size_t> column_widths(std::size_t width) const;

  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace keywright::cli
