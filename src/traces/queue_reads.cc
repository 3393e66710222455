// What is read of the outbox.
#include <algorithm>

#include "traces/trace_reader.h"

namespace keywright::traces {
namespace {

Uuid uuid_of(ByteView bytes) {
  Uuid id;
  if (bytes.size() == id.bytes.size()) std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

}  // namespace

Result<void> Reader::prepare_queue() {
  KW_TRY(forwardings_,
         database_.prepare("SELECT platform, project, settings, state FROM forwardings"));
  KW_TRY(queued_, database_.prepare("SELECT " KW_QUEUED_COLUMNS
                                    " FROM outbox WHERE platform = ?1 AND sequence > max(?2, "
                                    "(SELECT since FROM forwardings WHERE platform = ?1)) "
                                    "ORDER BY sequence LIMIT ?3"));
  KW_TRY(
      queue_state_,
      database_.prepare("SELECT count(*), min(queued_at) FROM outbox WHERE platform = ?1 AND "
                        "sequence > max(?2, (SELECT since FROM forwardings WHERE platform = ?1))"));
  KW_TRY(dead_count_,
         database_.prepare("SELECT count(*) FROM dead_letters WHERE platform = ?1 AND "
                           "sequence > (SELECT since FROM forwardings WHERE platform = ?1)"));
  KW_TRY(buried_,
         database_.prepare("SELECT d.sequence, d.platform, d.trace, d.revision, d.first_span, "
                           "d.last_span, d.hops, d.queued_at, d.failed_at, d.attempts, d.status, "
                           "d.problem, t.id FROM dead_letters d LEFT JOIN traces t "
                           "ON t.number = d.trace WHERE d.platform = ?1 AND d.sequence < ?2 AND "
                           "d.sequence > (SELECT since FROM forwardings WHERE platform = ?1) "
                           "ORDER BY d.sequence DESC LIMIT ?3"));
  KW_TRY(by_number_, database_.prepare("SELECT " KW_TRACE_COLUMNS " FROM traces WHERE number = ?"));
  KW_TRY(sent_spans_, database_.prepare("SELECT " KW_SPAN_COLUMNS
                                        ", body FROM spans WHERE id BETWEEN ? AND ? AND trace = ? "
                                        "ORDER BY id"));
  KW_TRY(unrouted_, database_.prepare("SELECT report FROM unrouted WHERE project = ?"));
  return {};
}

Result<std::vector<ForwardingRow>> Reader::forwardings() {
  std::vector<ForwardingRow> rows;
  store::Query query(forwardings_);
  while (true) {
    KW_TRY(const bool found, query.next());
    if (!found) return rows;
    ForwardingRow& row = rows.emplace_back();
    row.platform = {uuid_of(query.blob(0))};
    row.project = {uuid_of(query.blob(1))};
    row.settings = query.text(2);
    row.state = query.text(3);
  }
}

Result<std::vector<Queued>> Reader::queued(domain::PlatformId platform, std::int64_t after,
                                           int limit) {
  std::vector<Queued> rows;
  store::Query query(queued_);
  query.bind(bytes_of(platform.value)).bind(after).bind(std::int64_t{limit});
  while (true) {
    KW_TRY(const bool found, query.next());
    if (!found) return rows;
    rows.push_back(queued_of(query));
  }
}

Result<QueueState> Reader::queue_state(domain::PlatformId platform, std::int64_t after) {
  QueueState state;
  {
    store::Query query(queue_state_);
    KW_TRY(const bool found, query.bind(bytes_of(platform.value)).bind(after).next());
    if (found) state.queued = query.integer(0);
    if (found && !query.is_null(1)) state.oldest_at = from_unix_milliseconds(query.integer(1));
  }
  store::Query query(dead_count_);
  KW_TRY(const bool found, query.bind(bytes_of(platform.value)).next());
  if (found) state.dead = query.integer(0);
  return state;
}

Result<std::vector<BuriedTrace>> Reader::buried(domain::PlatformId platform, std::int64_t before,
                                                int limit) {
  std::vector<BuriedTrace> rows;
  store::Query query(buried_);
  query.bind(bytes_of(platform.value)).bind(before).bind(std::int64_t{limit});
  while (true) {
    KW_TRY(const bool found, query.next());
    if (!found) return rows;
    BuriedTrace& row = rows.emplace_back();
    row.letter.queued = queued_of(query);
    row.letter.failed_at = from_unix_milliseconds(query.integer(8));
    row.letter.attempts = query.integer(9);
    row.letter.status = query.integer(10);
    row.letter.problem = query.text(11);
    row.trace_id = uuid_of(query.blob(12));
  }
}

Result<std::optional<TraceToSend>> Reader::to_send(const Queued& queued) {
  KW_TRY(auto transaction, store::DatabaseTransaction::begin(database_, "BEGIN"));
  TraceToSend trace;
  {
    store::Query query(by_number_);
    KW_TRY(const bool found, query.bind(queued.trace).next());
    if (!found) return std::nullopt;
    trace.row = trace_row_of(query);
  }
  if (is_damaged(trace.row) || trace.row.platform != queued.platform) return fail(trace_damaged());
  if (trace.row.source == Source::otlp) {
    KW_CHECK_OK(add_spans_to_send(queued, trace));
    return trace;
  }
  KW_TRY(trace.body, body(queued.trace));
  return trace;
}

Result<void> Reader::add_spans_to_send(const Queued& queued, TraceToSend& trace) {
  contexts_.clear();
  store::Query query(sent_spans_);
  query.bind(queued.first_span).bind(queued.last_span).bind(queued.trace);
  while (true) {
    KW_TRY(const bool found, query.next());
    if (!found) return {};
    KW_CHECK_OK(check_span(query, queued.trace));
    KW_TRY(const Context* context, this->context(query.integer(0)));
    const TextMarks text = marks_at(query, 3);
    KW_TRY(std::string span,
           unpack(view_text(query.blob(7)), text.size, text.checksum, text.compressed));
    trace.spans.push_back({std::move(span), context->text});
  }
}

Result<std::string> Reader::unrouted(domain::ProjectId project) {
  store::Query query(unrouted_);
  KW_TRY(const bool found, query.bind(bytes_of(project.value)).next());
  return found ? std::string(query.text(0)) : std::string();
}

}  // namespace keywright::traces
