#include "traces/native.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.h"
#include "json/writer.h"

namespace keywright::traces {
namespace {

using json::Value;
using json::ValueKind;

constexpr std::size_t kStatusMax = 64;

std::optional<std::string_view> text_at(const Value& object,
                                        std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    if (auto value = object.find(name)) return value->as_string();
  }
  return std::nullopt;
}

bool says_error(const Value& span) {
  const auto status = span.find("status");
  if (!status) return false;
  if (const auto text = status->as_string()) return equals_ignoring_case(*text, "error");
  const auto code = status->find("code");
  return code && code->as_int64() == 2;
}

// One walk up from each span; what was walked before is not walked again.
bool has_cycle(const std::unordered_map<std::string_view, std::string_view>& parents) {
  std::unordered_map<std::string_view, std::size_t> walk_of;
  std::size_t walk = 0;
  for (const auto& [start, ignored] : parents) {
    ++walk;
    for (std::string_view at = start;;) {
      const auto [known, fresh] = walk_of.try_emplace(at, walk);
      if (!fresh) {
        if (known->second == walk) return true;
        break;
      }
      const auto parent = parents.find(at);
      if (parent == parents.end()) break;
      at = parent->second;
    }
  }
  return false;
}

Result<void> read_spans(const Value& spans, NativeTrace& trace) {
  if (spans.kind() != ValueKind::array) return fail(invalid_field("spans", "must be an array"));
  std::unordered_set<std::string_view> ids;
  std::unordered_map<std::string_view, std::string_view> parents;
  bool failed = false;
  std::size_t index = 0;
  for (const Value span : spans.items()) {
    const auto at = [&](std::string_view name) { return fmt::format("spans[{}]{}", index, name); };
    if (span.kind() != ValueKind::object) return fail(invalid_field(at(""), "must be an object"));
    if (index >= kSpansPerRequestMax) {
      return fail(Code::too_large, "too_many_spans",
                  fmt::format("A trace has at most {} spans.", kSpansPerRequestMax));
    }
    const auto id = text_at(span, {"span_id", "spanId", "id"});
    if (id) {
      if (id->empty() || id->size() > kExternalIdMax) {
        return fail(invalid_field(at(".span_id"), "must have 1 to 255 characters"));
      }
      if (!ids.insert(*id).second) {
        return fail(invalid_field(at(".span_id"), "is the id of another span of this trace, too"));
      }
    }
    const auto parent = text_at(span, {"parent_span_id", "parentSpanId", "parentId"});
    const bool root = !parent || parent->empty();
    if (!root && id) parents.emplace(*id, *parent);
    if (root && trace.name.empty()) trace.name = text_at(span, {"name"}).value_or("");
    failed = failed || says_error(span);
    ++index;
  }
  if (index == 0) return fail(invalid_field("spans", "must not be empty"));
  if (has_cycle(parents)) {
    return fail(invalid_field("spans", "a span must not be its own ancestor"));
  }
  trace.span_count = static_cast<std::int64_t>(index);
  trace.status = failed ? kStatusError : kStatusSuccess;
  return {};
}

Result<void> read_content(const Value& body, NativeTrace& trace) {
  const auto data = body.find("data");
  const auto spans = body.find("spans");
  if (data.has_value() == spans.has_value()) {
    constexpr std::string_view kOneOf =
        "must be there, or spans, or resourceSpans: exactly one of the three";
    return fail(invalid_field("data", kOneOf));
  }
  if (spans) return read_spans(*spans, trace);
  if (data->kind() != ValueKind::object) return fail(invalid_field("data", "must be an object"));
  trace.status = kStatusUnsaid;
  return {};
}

}  // namespace

bool is_external_id(std::string_view text) {
  return !text.empty() && text.size() <= kExternalIdMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

Result<NativeTrace> read_native(const Value& body) {
  if (body.kind() != ValueKind::object) {
    return fail(Code::invalid_argument, "invalid_request", "The body must be a JSON object.");
  }
  NativeTrace trace;
  KW_CHECK_OK(read_content(body, trace));
  KW_TRY(trace.hints, domain::read_hints(body));
  if (const auto status = body.find("status"); status && !status->is_null()) {
    const auto said = status->as_string();
    if (!said || said->empty() || said->size() > kStatusMax) {
      return fail(invalid_field("status", "must be a text of 1 to 64 characters"));
    }
    trace.status = *said;
  }
  if (const auto id = body.find("externalId"); id && !id->is_null()) {
    const auto said = id->as_string();
    if (!said || !is_external_id(*said)) {
      return fail(invalid_field("externalId", "must be 1 to 255 visible ASCII characters"));
    }
    trace.external_id = *said;
  }
  return trace;
}

Error metadata_too_large(std::string_view name, std::size_t bytes) {
  const std::string problem =
      fmt::format("has {} bytes; at most {} are taken", bytes, kMetadataBytesMax);
  return Error(Code::too_large, "metadata_too_large", fmt::format("{} {}.", name, problem))
      .with_problem(name, problem);
}

Result<void> check_metadata(const Value& body) {
  for (std::string_view name : {"metadata", "externalMetadata"}) {
    const auto metadata = body.find(name);
    if (!metadata) continue;
    std::string text;
    json::Writer writer(text);
    metadata->write(writer);
    if (text.size() > kMetadataBytesMax) return fail(metadata_too_large(name, text.size()));
  }
  return {};
}

crypto::Sha256 digest_of(std::string_view text) { return crypto::sha256(view_bytes(text)); }

std::vector<std::string> spans_of(std::string_view text, std::size_t first, std::size_t count) {
  std::vector<std::string> page;
  const auto document = json::Document::parse(text);
  const auto spans = document ? document->root().find("spans") : std::nullopt;
  if (!spans) return page;
  std::size_t index = 0;
  for (const Value span : spans->items()) {
    if (index++ < first) continue;
    if (page.size() == count) break;
    json::Writer writer(page.emplace_back());
    span.write(writer);
  }
  return page;
}

}  // namespace keywright::traces
