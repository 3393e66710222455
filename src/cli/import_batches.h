// cli/import_batches.h - a file of JSON lines, cut into requests that the server takes.
//
//   ImportLines lines = read_import_lines(text);
//   for (const ImportBatch& batch : make_batches(lines)) post(batch.body);
//
// A request carries at most 1000 lines and stays below the server's limit of 1 MiB for a body.
// Empty lines are skipped; a line that is no JSON object is kept with the reason.
//
// Threading: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keywright::cli {

struct ImportLines {
  std::vector<std::string> texts;                              // as they were
  std::vector<std::size_t> numbers;                            // of the line in the file, from 1
  std::vector<std::pair<std::size_t, std::string>> malformed;  // index into texts, reason
};

struct ImportBatch {
  std::string body;                // {"items":[...]}
  std::vector<std::size_t> lines;  // indexes into ImportLines::texts, in the order of the items
};

ImportLines read_import_lines(std::string_view text);
std::vector<ImportBatch> make_batches(const ImportLines& lines);

}  // namespace keywright::cli
