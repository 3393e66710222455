#include "ingest/storing.h"

#include "base/time.h"
#include "traces/native.h"

namespace keywright::ingest {
namespace {

using traces::Fate;
using traces::TraceWrite;

// How often other servers of this kind have sent it on before.
std::int64_t hops_of(const http::Request& request) {
  const std::string_view text = request.headers.find("X-Keywright-Hops").value_or("");
  const bool is_digit = text.size() == 1 && text.front() >= '0' && text.front() <= '9';
  if (text.empty()) return 0;
  return is_digit ? text.front() - '0' : traces::kHopsMax;
}

}  // namespace

TraceWrite write_to(const domain::Route& route, const Sender& sender,
                    const http::Request& request) {
  TraceWrite write;
  write.hops = hops_of(request);
  write.project = sender.project;
  write.platform = route.platform->id;
  write.key_id = sender.key_id;
  write.routed_by = name_of(route.by);
  write.warnings = route.warnings;
  return write;
}

TraceWrite native_write(const domain::Route& route, const Sender& sender,
                        const http::Request& request, traces::NativeTrace& trace,
                        std::string_view text, std::string external_id) {
  TraceWrite write = write_to(route, sender, request);
  write.external_id = std::move(external_id);
  write.name = std::move(trace.name);
  write.status = std::move(trace.status);
  write.span_count = trace.span_count;
  write.size_bytes = static_cast<std::int64_t>(text.size());
  if (!write.external_id.empty()) write.digest = traces::digest_of(text);
  return write;
}

Told told_of(const TraceWrite& write) {
  return {write.platform.to_string(), write.external_id, write.routed_by, write.warnings};
}

std::string_view message_of(Fate fate) {
  switch (fate) {
    case Fate::created: return "Trace created";
    case Fate::updated: return "Trace updated";
    case Fate::unchanged: return "Trace unchanged";
  }
  return "";
}

void write_stored(json::Writer& writer, const traces::StoredTrace& stored, const Told& told) {
  writer.begin_object().key("id").string(stored.id.to_string());
  writer.key("platformId").string(told.platform_id);
  if (!told.external_id.empty()) writer.key("externalId").string(told.external_id);
  writer.key("status").string(stored.status);
  if (stored.fate == Fate::unchanged) writer.key("unchanged").boolean(true);
  writer.key("createdAt").string(format_rfc3339(stored.created_at));
  writer.key("updatedAt").string(format_rfc3339(stored.updated_at));
  writer.key("routing").begin_object().key("by").string(told.routed_by);
  writer.key("warnings").begin_array();
  for (const std::string& warning : told.warnings) writer.string(warning);
  writer.end_array().end_object();
  writer.end_object();
}

}  // namespace keywright::ingest
