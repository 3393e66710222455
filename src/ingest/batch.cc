#include "ingest/batch.h"

#include <string_view>

#include <fmt/format.h>

#include "json/document.h"
#include "json/reader.h"
#include "traces/native.h"

namespace keywright::ingest {
namespace {

using json::Value;

constexpr std::size_t kItemIdMax = 255;

// Its id is told even if the rest of it is refused.
Result<std::optional<std::string>> id_of(const Value& item) {
  const auto id = item.find("id");
  if (!id || id->is_null()) return std::nullopt;
  const auto text = id->as_string();
  if (!text || text->empty() || text->size() > kItemIdMax) {
    return fail(invalid_field("id", "must be a text of 1 to 255 bytes"));
  }
  return std::string(*text);
}

Result<traces::NativeTrace> read_trace(const Value& item, std::size_t size) {
  if (item.find("resourceSpans")) {
    return fail(invalid_field("resourceSpans", "does not go into a batch; send it to /v1/traces"));
  }
  if (size > traces::kMetadataBytesMax) KW_CHECK_OK(traces::check_metadata(item));
  return traces::read_native(item);
}

BatchItem read_item(std::string_view text) {
  BatchItem item;
  item.body = text;
  const auto document = json::Document::parse(text);
  if (!document) {
    item.trace = fail(document.error());
    return item;
  }
  auto id = id_of(document->root());
  if (!id) {
    item.trace = fail(std::move(id).error());
    return item;
  }
  item.id = std::move(*id);
  item.trace = read_trace(document->root(), text.size());
  return item;
}

}  // namespace

Result<std::vector<BatchItem>> read_batch(const std::string& body) {
  std::vector<std::string_view> texts;
  json::Reader in(body);
  if (in.here() == '{') {
    json::Members members(in);
    while (members.next()) {
      if (members.key() != "traces" || in.here() != '[') {
        in.skip();
        continue;
      }
      json::Items items(in);
      while (items.next()) texts.push_back(in.slice());
    }
  } else {
    in.skip();
  }
  if (!in.finished()) return fail(json::malformed_json(body));
  if (texts.empty()) {
    return fail(invalid_field(
        "traces", fmt::format("must be there: a list of 1 to {} traces", kBatchItemsMax)));
  }
  if (texts.size() > kBatchItemsMax) {
    const std::string problem =
        fmt::format("holds {} traces; a batch has at most {}", texts.size(), kBatchItemsMax);
    return fail(Error(Code::too_large, "too_many_traces", fmt::format("traces {}.", problem))
                    .with_problem("traces", problem));
  }
  std::vector<BatchItem> items;
  items.reserve(texts.size());
  for (const std::string_view text : texts) items.push_back(read_item(text));
  return items;
}

}  // namespace keywright::ingest
