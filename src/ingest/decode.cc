#include "ingest/decode.h"

#include <algorithm>

#include "json/document.h"
#include "json/surrogates.h"
#include "traces/native.h"
#include "traces/otlp.h"

namespace keywright::ingest {
namespace {

constexpr std::size_t kShownAtStart = 5;
constexpr std::size_t kShownAtEnd = 4;

// A hint: senders of OTLP begin with nothing else.
bool begins_as_otlp(std::string_view body) {
  for (const std::string_view piece : {"{", "\"resourceSpans\""}) {
    body.remove_prefix(std::min(body.find_first_not_of(" \t\r\n"), body.size()));
    if (!body.starts_with(piece)) return false;
    body.remove_prefix(piece.size());
  }
  return true;
}

Result<Decoded> decode_otlp(const std::string& body, bool& is_otlp) {
  is_otlp = true;
  KW_TRY(traces::OtlpJson read, traces::read_otlp_json(body));
  if (read.is_native) {
    is_otlp = false;
    return fail(invalid_field("resourceSpans",
                              read.has_spans
                                  ? "must not stand beside data or spans"
                                  : "must be there: this address takes OTLP. Send data or spans to "
                                    "/public/traces"));
  }
  Decoded decoded;
  decoded.otlp = std::move(read.request);
  return decoded;
}

Result<Decoded> decode_json(std::string& body, Door door, bool& is_otlp) {
  Decoded decoded;
  if (door == Door::batch) {
    KW_TRY(decoded.batch, read_batch(body));
    return decoded;
  }
  if (door == Door::otlp || begins_as_otlp(body)) return decode_otlp(body, is_otlp);
  KW_TRY(const json::Document document, json::Document::parse(body));
  if (document.root().find("resourceSpans")) return decode_otlp(body, is_otlp);
  KW_TRY(decoded.native, traces::read_native(document.root()));
  if (body.size() > traces::kMetadataBytesMax) {
    KW_CHECK_OK(traces::check_metadata(document.root()));
  }
  decoded.body = std::move(body);
  return decoded;
}

bool has_replacement(const domain::RoutingHints& hints) {
  const auto has = [](const std::vector<std::string>& texts) {
    return std::any_of(texts.begin(), texts.end(), [](const std::string& text) {
      return text.find("\xEF\xBF\xBD") != std::string::npos;
    });
  };
  return has(hints.platform_ids) || has(hints.chatflow_ids) || has(hints.workflow_ids) ||
         has(hints.service_names);
}

// Refuses what would be routed by what was mended: in a batch that item, else all of it.
Result<Decoded> without_mended_routes(Decoded decoded, const Error& malformed) {
  if (decoded.native && has_replacement(decoded.native->hints)) return fail(malformed);
  if (decoded.otlp) {
    for (const traces::OtlpTrace& trace : decoded.otlp->traces) {
      if (has_replacement(trace.hints)) return fail(malformed);
    }
  }
  if (decoded.batch) {
    for (BatchItem& item : *decoded.batch) {
      if (item.trace && has_replacement(item.trace->hints)) item.trace = fail(malformed);
    }
  }
  return decoded;
}

}  // namespace

Result<Decoded> decode(std::string body, Form form, Door door, bool* is_otlp) {
  if (form == Form::protobuf) {
    Decoded decoded;
    KW_TRY(decoded.otlp, traces::read_otlp_protobuf(body));
    return decoded;
  }
  bool otlp = false;
  auto decoded = decode_json(body, door, otlp);
  const bool malformed = !decoded && decoded.error().reason() == "malformed_json";
  if (malformed && json::mend_surrogates(body)) {
    auto mended = decode_json(body, door, otlp);
    if (mended) mended = without_mended_routes(std::move(*mended), decoded.error());
    decoded = std::move(mended);
  }
  if (is_otlp != nullptr) *is_otlp = otlp;
  return decoded;
}

void prepare(Decoded& decoded) {
  if (decoded.native) decoded.packed_body = traces::pack(decoded.body);
  if (decoded.batch) {
    for (BatchItem& item : *decoded.batch) {
      if (item.trace) item.packed_body = traces::pack(item.body);
    }
  }
  if (!decoded.otlp) return;
  for (const traces::OtlpTrace& trace : decoded.otlp->traces) {
    decoded.packed_spans.push_back(traces::pack_spans(*decoded.otlp, trace));
  }
}

traces::Packed packed_body(Decoded& decoded) {
  return decoded.packed_body ? std::move(*decoded.packed_body) : traces::pack(decoded.body);
}

std::vector<traces::SpanWrite> packed_spans(Decoded& decoded, std::size_t trace) {
  if (!decoded.packed_spans.empty()) return std::move(decoded.packed_spans[trace]);
  return traces::pack_spans(*decoded.otlp, decoded.otlp->traces[trace]);
}

void blot_out(std::string& body, std::string_view token) {
  if (token.size() <= kShownAtStart + kShownAtEnd) return;
  for (std::size_t at = body.find(token); at != std::string::npos;
       at = body.find(token, at + token.size())) {
    std::fill_n(body.begin() + static_cast<std::ptrdiff_t>(at + kShownAtStart),
                token.size() - kShownAtStart - kShownAtEnd, '*');
  }
}

}  // namespace keywright::ingest
