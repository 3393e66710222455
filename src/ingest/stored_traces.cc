#include "ingest/stored_traces.h"

namespace keywright::ingest {
namespace {

std::optional<std::string> optional_text(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

// Fills the fields that a summary and a whole trace have in common.
template <class T>
T described(const traces::TraceRow& row) {
  T trace;
  trace.id = row.id.to_string();
  trace.project_id = row.project;
  trace.platform_id = row.platform;
  trace.external_id = optional_text(row.external_id);
  trace.source = row.source == traces::Source::native ? "native" : "otlp";
  trace.name = optional_text(row.name);
  trace.status = row.status;
  trace.span_count = row.span_count;
  trace.size_bytes = row.size_bytes;
  trace.revision = row.revision;
  trace.key_id = row.key_id;
  trace.routing = {row.routed_by, row.warnings};
  trace.created_at = row.created_at;
  trace.updated_at = row.updated_at;
  return trace;
}

}  // namespace

app::Trace trace_of(const traces::TraceRow& row) { return described<app::Trace>(row); }

Result<app::TracePage> StoredTraces::list_traces(const app::TraceQuery& query) {
  traces::Query asked;
  asked.project = query.project;
  asked.platforms = query.platforms;
  asked.from = query.from;
  asked.to = query.to;
  asked.status = query.status;
  asked.external_id = query.external_id;
  asked.key_id = query.key_id;
  asked.name = query.name;
  asked.has_error = query.has_error;
  asked.cursor = query.cursor;
  asked.limit = query.limit;
  KW_TRY(const traces::Page page, store_.list(asked));
  app::TracePage answer;
  for (const traces::TraceRow& row : page.rows) {
    answer.items.push_back(described<app::TraceSummary>(row));
  }
  answer.next_cursor = optional_text(page.next);
  return answer;
}

Result<std::optional<app::Trace>> StoredTraces::get_trace(domain::ProjectId project,
                                                          std::string_view id,
                                                          const app::SpanPage& page) {
  const auto uuid = Uuid::parse(id);
  if (!uuid) return std::nullopt;
  KW_TRY(auto found, store_.get(project, *uuid, page.cursor, page.limit));
  if (!found) return std::nullopt;
  auto trace = described<app::Trace>(found->row);
  if (found->body) trace.body = json::Raw::trusted(std::move(*found->body));
  if (found->row.span_count > 0) {
    std::string spans = "[";
    for (const std::string& span : found->spans) {
      if (spans.size() > 1) spans += ',';
      spans += span;
    }
    trace.spans = json::Raw::trusted(spans + "]");
  }
  trace.next_span_cursor = optional_text(found->next_spans);
  return trace;
}

Result<bool> StoredTraces::delete_trace(domain::ProjectId project, std::string_view id) {
  const auto uuid = Uuid::parse(id);
  if (!uuid) return false;
  return store_.drop(project, *uuid);
}

Result<app::UnroutedReport> StoredTraces::unrouted(domain::ProjectId project) {
  return unrouted_.report(project);
}

}  // namespace keywright::ingest
