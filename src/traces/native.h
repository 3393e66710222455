// traces/native.h - reads the body of a native trace.
//
//   KW_TRY(Document document, Document::parse(body));
//   KW_TRY(NativeTrace trace, read_native(document.root()));
//
// The body holds exactly one of `data` (an object) and `spans` (objects, each id once, no span its
// own ancestor); besides it platformId, metadata, externalMetadata, externalId and status. What
// else stands there is kept, not looked at. A span's id may be called span_id, spanId or id, its
// parent parent_span_id, parentSpanId or parentId.
//
// Errors: invalid_argument/invalid_request, naming the fields; too_large/too_many_spans,
// /metadata_too_large.
// Threading: pure. Cost: one pass over the spans.
#pragma once

#include <string_view>

#include "base/result.h"
#include "json/document.h"
#include "traces/received.h"

namespace keywright::traces {

// The status of a trace whose sender says nothing of it.
inline constexpr std::string_view kStatusUnsaid = "accepted";
inline constexpr std::string_view kStatusSuccess = "success";
inline constexpr std::string_view kStatusError = "error";

Result<NativeTrace> read_native(const json::Value& body);

// Refuses metadata and externalMetadata that are longer than kMetadataBytesMax. Writes them out to
// know: not needed for a body that is no longer than that as a whole.
Result<void> check_metadata(const json::Value& body);
Error metadata_too_large(std::string_view name, std::size_t bytes);

// Tells whether the same body comes again.
crypto::Sha256 digest_of(std::string_view text);

// The spans of a native body, as JSON texts; none if it has none.
std::vector<std::string> spans_of(std::string_view text, std::size_t first, std::size_t count);

// 1 to 255 visible ASCII characters.
bool is_external_id(std::string_view text);

}  // namespace keywright::traces
