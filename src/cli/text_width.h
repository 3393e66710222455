// cli/text_width.h - text from other people on a terminal: made harmless, measured and cut.
//
//   printable("bad\x1b[2Jname")       // "bad?[2Jname": no control characters, no direction marks
//   display_width("日本")             // 4 columns
//   fit("a long description", 8)      // "a long …"
//
// Names and descriptions are written by whoever may create an object; shown as they are they could
// move the cursor, colour the screen or turn text around. Invalid UTF-8 becomes '?'.
//
// Threading: pure. Cost: linear.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace keywright::cli {

std::string printable(std::string_view text);

// Columns that printable text takes: 2 for wide East Asian characters and emoji, 0 for combining
// ones.
std::size_t display_width(std::string_view text);

// At most `columns` wide; what was cut is shown by an ellipsis.
std::string fit(std::string_view text, std::size_t columns);

// Filled with spaces on the right to `columns`.
std::string pad(std::string_view text, std::size_t columns);

// Broken between words so that no line is longer than `columns`, unless a word is.
std::string wrap(std::string_view text, std::size_t columns, std::string_view indent = {});

}  // namespace keywright::cli
