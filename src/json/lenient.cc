#include "json/lenient.h"

#include <string>

#include "json/surrogates.h"

namespace keywright::json {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string mended(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::string copy(text);
  mend_surrogates(copy);
  bool in_string = false;
  for (std::size_t at = 0; at < copy.size(); ++at) {
    const char c = copy[at];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++at;
    if (in_string && static_cast<unsigned char>(c) < 0x20) copy[at] = ' ';
  }
  return copy;
}

}  // namespace

Result<Document> parse_leniently(std::string_view text) {
  auto document = Document::parse(text);
  if (document) return document;
  return Document::parse(mended(text));
}

}  // namespace keywright::json
