#include "cli/table.h"

#include <algorithm>
#include <numeric>

#include "cli/text_width.h"

namespace keywright::cli {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;

}  // namespace

void Table::add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = printable(cell);
  row.resize(header_.size());
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::column_widths(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < header_.size(); ++column) {
    std::size_t widest = display_width(header_[column]);
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[column]));
    widths.push_back(widest);
  }
  const std::size_t gaps = kGap * (widths.empty() ? 0 : widths.size() - 1);
  while (std::accumulate(widths.begin(), widths.end(), gaps) > width) {
    auto widest =
        widths.size() < 2 ? widths.end() : std::max_element(widths.begin() + 1, widths.end());
    if (widest == widths.end() || *widest <= kNarrowest) break;
    --*widest;
  }
  return widths;
}

std::string Table::aligned(std::size_t width, const Style& header_style) const {
  const std::vector<std::size_t> widths = column_widths(width);
  std::string out;
  const auto append_row = [&](const std::vector<std::string>& row, const Style* style) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      const bool is_last = column + 1 == row.size();
      std::string cell = fit(row[column], widths[column]);
      if (!is_last) cell = pad(cell, widths[column] + kGap);
      out += style == nullptr ? cell : (*style)(cell);
    }
    while (style == nullptr && out.ends_with(' ')) out.pop_back();
    out += '\n';
  };
  append_row(header_, &header_style);
  for (const auto& row : rows_) append_row(row, nullptr);
  return out;
}

std::string Table::plain() const {
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      if (column > 0) out += '\t';
      out += row[column];
    }
    out += '\n';
  }
  return out;
}

}  // namespace keywright::cli
