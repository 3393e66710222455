#include "json/raw.h"

#include "json/document.h"
#include "json/writer.h"

namespace keywright::json {

Result<Raw> Raw::parse(std::string_view text) {
  KW_TRY(Document document, Document::parse(text));
  std::string compact;
  compact.reserve(text.size());
  Writer writer(compact);
  document.root().write(writer);
  return trusted(std::move(compact));
}

}  // namespace keywright::json
