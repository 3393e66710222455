#include "ingest/batch.h"
#include "ingest/face.h"
#include "ingest/visit.h"
#include "json/document.h"
#include "json/writer.h"
#include "traces/received.h"

namespace keywright::ingest {
namespace {

void write_texts(json::Writer& writer, std::initializer_list<std::string_view> texts) {
  writer.begin_array();
  for (std::string_view text : texts) writer.string(text);
  writer.end_array();
}

void write_size(json::Writer& writer, std::string_view name, std::size_t size) {
  writer.key(name).integer(static_cast<std::int64_t>(size));
}

void write_limits_of_key(json::Writer& writer, const app::Directory& directory,
                         const domain::KeyRecord& key, Time now) {
  writer.key("limits").begin_array();
  const auto& limits = key.policy->limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const domain::LimitAnswer left = directory.meter().peek(key, i, now, 0);
    writer.begin_object().key("name").string(limits[i].name);
    writer.key("limit").integer(limits[i].limit);
    writer.key("windowSeconds").integer(limits[i].window_seconds);
    writer.key("remaining").integer(left.remaining);
    writer.key("resetSeconds").integer(left.reset_seconds).end_object();
  }
  writer.end_array().key("creditsRemaining");
  if (key.policy->has_credits) {
    writer.integer(directory.meter().peek_credits(key, now));
  } else {
    writer.null();
  }
}

}  // namespace

// What a sender may send, so that it can cut its batches to size.
Result<void> Face::limits(http::Exchange& exchange, Visit& visit) const {
  KW_CHECK_OK(admit_again(visit));
  const domain::KeyRecord* key = app_.directory.keys().find(visit.caller.digest);
  if (key == nullptr) return fail(app::unauthenticated());
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("success").boolean(true).key("data").begin_object();
  write_size(writer, "bodyBytes", kBodyMax);
  write_size(writer, "metadataBytes", traces::kMetadataBytesMax);
  write_size(writer, "externalIdCharacters", traces::kExternalIdMax);
  write_size(writer, "jsonDepth", json::kMaximumDepth);
  write_size(writer, "spansPerRequest", traces::kSpansPerRequestMax);
  write_size(writer, "spansPerTrace", static_cast<std::size_t>(traces::kSpansPerTraceMax));
  write_size(writer, "tracesPerBatch", kBatchItemsMax);
  writer.key("contentTypes");
  write_texts(writer, {"application/json", "application/x-protobuf", "application/octet-stream"});
  writer.key("contentEncodings");
  write_texts(writer, {"identity", "gzip"});
  write_limits_of_key(writer, app_.directory, *key, app_.clock.now());
  writer.end_object().end_object();
  write_json(exchange.response, 200, std::move(body));
  return {};
}

}  // namespace keywright::ingest
