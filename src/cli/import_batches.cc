#include "cli/import_batches.h"

#include <algorithm>

#include "base/text.h"
#include "json/raw.h"

namespace keywright::cli {

namespace {

constexpr std::size_t kMostItems = 1000;
constexpr std::size_t kMostBytes = 1000 * 1024;  // with room for the rest below 1 MiB

}  // namespace

ImportLines read_import_lines(std::string_view text) {
  ImportLines lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const auto parsed = json::Raw::parse(line);
    if (!parsed) {
      lines.malformed.emplace_back(lines.texts.size(), parsed.error().detail());
    } else if (!parsed->is_object()) {
      lines.malformed.emplace_back(lines.texts.size(), "must be a JSON object");
    } else if (line.size() > kMostBytes) {
      lines.malformed.emplace_back(lines.texts.size(), "is longer than a request may be");
    }
    lines.texts.emplace_back(line);
    lines.numbers.push_back(number);
  }
  return lines;
}

std::vector<ImportBatch> make_batches(const ImportLines& lines) {
  std::vector<ImportBatch> batches;
  std::size_t next_malformed = 0;
  for (std::size_t i = 0; i < lines.texts.size(); ++i) {
    if (next_malformed < lines.malformed.size() && lines.malformed[next_malformed].first == i) {
      ++next_malformed;
      continue;
    }
    const std::string& text = lines.texts[i];
    if (batches.empty() || batches.back().lines.size() >= kMostItems ||
        batches.back().body.size() + text.size() > kMostBytes) {
      batches.push_back({"{\"items\":[", {}});
    }
    ImportBatch& batch = batches.back();
    if (!batch.lines.empty()) batch.body += ',';
    batch.body += text;
    batch.lines.push_back(i);
  }
  for (ImportBatch& batch : batches) batch.body += "]}";
  return batches;
}

}  // namespace keywright::cli
