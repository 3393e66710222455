#include "traces/trace_writer.h"

#include <algorithm>

#include "traces/native.h"

namespace keywright::traces {
namespace {

using Bound = store::Query;

void bind_optional(Bound& query, std::string_view text) {
  if (text.empty()) {
    query.bind_null();
  } else {
    query.bind(text);
  }
}

Bound& bind_packed(Bound& query, const Packed& packed) {
  return query.bind(packed.size)
      .bind(packed.checksum)
      .bind(std::int64_t{packed.compressed})
      .bind(view_bytes(packed.bytes));
}

StoredTrace told(const TraceRow& row, Fate fate) {
  return {row.id, fate, row.status, row.revision, 0, row.created_at, row.updated_at};
}

}  // namespace

Writer::Writer(store::Database database, std::int64_t spans_per_trace_max, const Clock& clock,
               Random& random)
    : database_(std::move(database)),
      spans_per_trace_max_(spans_per_trace_max),
      clock_(clock),
      ids_(clock, random) {}

Result<std::unique_ptr<Writer>> Writer::open(const std::filesystem::path& file,
                                             std::int64_t spans_per_trace_max, const Clock& clock,
                                             Random& random) {
  KW_TRY(auto database, store::Database::open(file.native(), store::Database::Access::create, ""));
  KW_CHECK_OK(prepare_tables(database));
  std::unique_ptr<Writer> writer(
      new Writer(std::move(database), spans_per_trace_max, clock, random));
  KW_CHECK_OK(writer->prepare());
  return writer;
}

Result<void> Writer::prepare() {
  KW_TRY(last_number_, database_.integer("SELECT coalesce(max(number), 0) FROM traces"));
  KW_TRY(last_unchecked_, last_unchecked(database_));
  KW_TRY(find_, database_.prepare("SELECT " KW_TRACE_COLUMNS
                                  ", digest FROM traces WHERE platform = ? AND source = ? "
                                  "AND external_id = ?"));
  KW_TRY(insert_, database_.prepare("INSERT INTO traces (" KW_TRACE_COLUMNS
                                    ", digest) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
  KW_TRY(update_,
         database_.prepare("UPDATE traces SET name = ?, status = ?, key_id = ?, routed_by = ?, "
                           "warnings = ?, span_count = ?, size_bytes = ?, revision = ?, "
                           "updated_at = ?, row_check = ?, digest = ? WHERE number = ?"));
  KW_TRY(put_body_, database_.prepare("INSERT OR REPLACE INTO bodies (number, size, checksum, "
                                      "compressed, body, row_check) VALUES (?,?,?,?,?,?)"));
  KW_TRY(find_context_,
         database_.prepare("SELECT id FROM contexts WHERE trace = ? AND digest = ?"));
  KW_TRY(insert_context_,
         database_.prepare("INSERT INTO contexts (trace, digest, size, checksum, compressed, body) "
                           "VALUES (?,?,?,?,?,?) RETURNING id"));
  KW_TRY(insert_span_,
         database_.prepare("INSERT OR IGNORE INTO spans (trace, span_id, start, context, size, "
                           "checksum, compressed, body, row_check) "
                           "VALUES (?,?,?,?,?,?,?,?,?)"));
  KW_TRY(find_span_,
         database_.prepare("SELECT row_check FROM spans WHERE trace = ? AND span_id = ?"));
  KW_TRY(update_span_,
         database_.prepare("UPDATE spans SET start = ?, context = ?, size = ?, checksum = ?, "
                           "compressed = ?, body = ?, row_check = ? "
                           "WHERE trace = ? AND span_id = ?"));
  KW_TRY(number_, database_.prepare("SELECT number FROM traces WHERE id = ? AND project = ?"));
  KW_TRY(older_, database_.prepare("SELECT number FROM traces WHERE project = ? AND number < ? "
                                   "ORDER BY number LIMIT ?"));
  KW_TRY(drop_trace_, database_.prepare("DELETE FROM traces WHERE number = ?"));
  KW_TRY(drop_body_, database_.prepare("DELETE FROM bodies WHERE number = ?"));
  KW_TRY(drop_contexts_, database_.prepare("DELETE FROM contexts WHERE trace = ?"));
  KW_TRY(drop_spans_, database_.prepare("DELETE FROM spans WHERE trace = ?"));
  KW_TRY(projects_, database_.prepare("SELECT project FROM traces GROUP BY project"));
  KW_TRY(move_span_,
         database_.prepare("UPDATE spans SET id = (SELECT max(id) + 1 FROM spans), start = ?, "
                           "context = ?, size = ?, checksum = ?, compressed = ?, body = ?, "
                           "row_check = ? "
                           "WHERE trace = ? AND span_id = ?"));
  KW_TRY(last_span_, database_.prepare("SELECT coalesce(max(id), 0) FROM spans"));
  KW_TRY(unrouted_, database_.prepare("SELECT report FROM unrouted WHERE project = ?"));
  KW_TRY(keep_unrouted_, database_.prepare("INSERT OR REPLACE INTO unrouted (project, at, report) "
                                           "VALUES (?,?,?)"));
  KW_TRY(drop_unrouted_,
         database_.prepare("DELETE FROM unrouted WHERE project NOT IN "
                           "(SELECT project FROM unrouted ORDER BY at DESC LIMIT ?)"));
  KW_TRY(outbox_, SqliteOutbox::open(database_));
  return {};
}

Result<store::DatabaseTransaction> Writer::begin() {
  return store::DatabaseTransaction::begin(database_, "BEGIN IMMEDIATE");
}

Number Writer::next_number(Time now) {
  last_number_ = std::max(last_number_ + 1, first_number_of(now));
  return last_number_;
}

Result<StoredTrace> Writer::write(const TraceWrite& trace) {
  return trace.source == Source::native ? write_native(trace) : write_otlp(trace);
}

// What is written of a damaged trace would get a check that calls it sound: it is left as it is.
Result<std::optional<TraceRow>> Writer::find(const TraceWrite& trace) {
  if (trace.external_id.empty()) return std::nullopt;
  Bound query(find_);
  query.bind(bytes_of(trace.platform.value))
      .bind(static_cast<std::int64_t>(trace.source))
      .bind(trace.external_id);
  KW_TRY(const bool found, query.next());
  if (!found) return std::nullopt;
  TraceRow row = trace_row_of(query);
  const bool is_other = row.platform != trace.platform || row.external_id != trace.external_id;
  if (is_other || is_damaged(row.soundness, row.number, last_unchecked_)) {
    return fail(trace_damaged().with_internal("trace " + std::to_string(row.number)));
  }
  found_digest_ = {};
  const ByteView digest = query.blob(kTraceColumns);
  if (digest.size() == found_digest_.size()) {
    std::copy(digest.begin(), digest.end(), found_digest_.begin());
  }
  return row;
}

Result<TraceRow> Writer::insert(const TraceWrite& trace) {
  TraceRow row;
  row.number = next_number(clock_.now());
  row.id = ids_.next();
  row.project = trace.project;
  row.platform = trace.platform;
  row.source = trace.source;
  row.external_id = trace.external_id;
  row.name = trace.name;
  row.status = trace.status;
  row.key_id = trace.key_id;
  row.routed_by = trace.routed_by;
  row.warnings = trace.warnings;
  row.span_count = trace.span_count;
  row.size_bytes = trace.size_bytes;
  row.created_at = row.updated_at = time_of(row.number);
  const std::string warnings = join_warnings(row.warnings);
  Bound query(insert_);
  query.bind(row.number).bind(bytes_of(row.id)).bind(bytes_of(trace.project.value));
  query.bind(bytes_of(trace.platform.value)).bind(static_cast<std::int64_t>(trace.source));
  bind_optional(query, trace.external_id);
  query.bind(trace.name).bind(trace.status).bind(trace.key_id).bind(trace.routed_by);
  query.bind(warnings).bind(trace.span_count).bind(trace.size_bytes).bind(row.revision);
  query.bind(to_unix_milliseconds(row.updated_at)).bind(check_of(row));
  query.bind(ByteView(trace.digest));
  KW_CHECK_OK(query.run());
  return row;
}

Result<void> Writer::update(TraceRow& row, const TraceWrite& trace) {
  row.key_id = trace.key_id;
  row.routed_by = trace.routed_by;
  row.warnings = trace.warnings;
  const std::string warnings = join_warnings(row.warnings);
  Bound query(update_);
  query.bind(row.name).bind(row.status).bind(row.key_id).bind(row.routed_by).bind(warnings);
  query.bind(row.span_count).bind(row.size_bytes).bind(row.revision);
  query.bind(to_unix_milliseconds(row.updated_at)).bind(check_of(row));
  query.bind(ByteView(trace.digest)).bind(row.number);
  return query.run();
}

Result<void> Writer::put_body(Number number, const Packed& body) {
  Bound query(put_body_);
  query.bind(number);
  return bind_packed(query, body).bind(check_of_body(number, marks_of(body))).run();
}

Result<StoredTrace> Writer::write_native(const TraceWrite& trace) {
  KW_TRY(std::optional<TraceRow> found, find(trace));
  if (!found) {
    KW_TRY(const TraceRow row, insert(trace));
    KW_CHECK_OK(put_body(row.number, trace.body));
    KW_TRY(const bool sent_on, is_sent_on(trace));
    if (sent_on) KW_CHECK_OK(queue(trace, row, 0, 0));
    return told(row, Fate::created);
  }
  if (found_digest_ == trace.digest) return told(*found, Fate::unchanged);
  found->name = trace.name;
  found->status = trace.status;
  found->span_count = trace.span_count;
  found->size_bytes = trace.size_bytes;
  found->revision += 1;
  found->updated_at = std::max(found->created_at, clock_.now());
  KW_CHECK_OK(update(*found, trace));
  KW_CHECK_OK(put_body(found->number, trace.body));
  KW_TRY(const bool sent_on, is_sent_on(trace));
  if (sent_on) KW_CHECK_OK(queue(trace, *found, 0, 0));
  return told(*found, Fate::updated);
}

Result<std::vector<Writer::Context>> Writer::put_contexts(
    Number trace, const std::vector<std::string>& contexts) {
  std::vector<Context> put;
  for (const std::string& context : contexts) {
    const crypto::Sha256 digest = crypto::sha256(context);
    Bound find(find_context_);
    find.bind(trace).bind(ByteView(digest));
    KW_TRY(const bool found, find.next());
    if (found) {
      put.push_back({find.integer(0), id_of_context(context)});
      continue;
    }
    const Packed packed = pack(context);
    Bound insert(insert_context_);
    insert.bind(trace).bind(ByteView(digest));
    KW_TRY(const bool inserted, bind_packed(insert, packed).next());
    if (inserted) put.push_back({insert.integer(0), id_of_context(context)});
    KW_CHECK_OK(insert.run());
  }
  return put;
}

Result<bool> Writer::is_sent_on(const TraceWrite& trace) {
  if (trace.hops >= kHopsMax) return false;
  return outbox_->takes(trace.platform);
}

Result<void> Writer::queue(const TraceWrite& trace, const TraceRow& row, std::int64_t first_span,
                           std::int64_t last_span) {
  Queued queued;
  queued.platform = trace.platform;
  queued.trace = row.number;
  queued.revision = row.revision;
  queued.first_span = first_span;
  queued.last_span = last_span;
  queued.hops = trace.hops;
  queued.queued_at = clock_.now();
  KW_CHECK_OK(outbox_->add(queued));
  if (std::find(queued_.begin(), queued_.end(), trace.platform) == queued_.end()) {
    queued_.push_back(trace.platform);
  }
  return {};
}

Result<std::int64_t> Writer::last_span() {
  Bound query(last_span_);
  KW_CHECK_OK(query.next());
  return query.integer(0);
}

struct Writer::SpanPlace {
  Number trace = 0;
  bool may_insert = true;
  bool moves = false;  // a span that is there already becomes the newest of all
};

Result<Writer::Put> Writer::put_span(const SpanPlace& place, const SpanWrite& span,
                                     const Context& context) {
  const std::int64_t check =
      check_of(SpanMarks{place.trace, span.span_id, span.start, context.id, marks_of(span.json)});
  if (place.may_insert) {
    Bound insert(insert_span_);
    insert.bind(place.trace).bind(span.span_id).bind(span.start).bind(context.row);
    KW_CHECK_OK(bind_packed(insert, span.json).bind(check).run());
    if (database_.changed_rows() == 1) return Put::inserted;
  }
  {
    Bound find(find_span_);
    KW_TRY(const bool found, find.bind(place.trace).bind(span.span_id).next());
    if (!found) return Put::refused;
    if (soundness_of(find, 0, check) == Soundness::sound) return Put::unchanged;
  }
  Bound update(place.moves ? move_span_ : update_span_);
  update.bind(span.start).bind(context.row);
  bind_packed(update, span.json).bind(check).bind(place.trace).bind(span.span_id);
  KW_CHECK_OK(update.run());
  return Put::changed;
}

Result<StoredTrace> Writer::write_otlp(const TraceWrite& trace) {
  KW_TRY(std::optional<TraceRow> found, find(trace));
  const Fate fate = found ? Fate::updated : Fate::created;
  if (!found) {
    KW_TRY(found, insert(trace));
  }
  KW_TRY(const std::vector<Context> contexts, put_contexts(found->number, trace.contexts));
  std::int64_t refused = 0;
  bool is_changed = fate == Fate::created;
  SpanPlace place{.trace = found->number};
  KW_TRY(place.moves, is_sent_on(trace));
  std::int64_t before = 0;
  if (place.moves) {
    KW_TRY(before, last_span());
  }
  for (const SpanWrite& span : trace.spans) {
    place.may_insert = found->span_count < spans_per_trace_max_;
    KW_TRY(const Put put, put_span(place, span, contexts[span.context]));
    if (put == Put::refused) ++refused;
    is_changed = is_changed || put == Put::inserted || put == Put::changed;
    if (put == Put::inserted) {
      found->span_count += 1;
      if (fate == Fate::updated) found->size_bytes += span.json.size;
    }
  }
  if (!is_changed) {  // all of it was here already
    StoredTrace stored = told(*found, Fate::unchanged);
    stored.spans_refused = refused;
    return stored;
  }
  if (fate == Fate::updated) found->revision += 1;
  if (fate == Fate::created) found->size_bytes = trace.size_bytes;
  if (!trace.name.empty() || fate == Fate::created) found->name = trace.name;
  if (fate == Fate::created || trace.status == kStatusError) found->status = trace.status;
  found->updated_at = std::max(found->created_at, clock_.now());
  KW_CHECK_OK(update(*found, trace));
  if (place.moves) {
    // One connection writes: the rows after `before` are those of this trace.
    KW_TRY(const std::int64_t after, last_span());
    if (after > before) KW_CHECK_OK(queue(trace, *found, before + 1, after));
  }
  StoredTrace stored = told(*found, fate);
  stored.spans_refused = refused;
  return stored;
}

Result<void> Writer::drop(Number number) {
  for (store::Statement* statement : {&drop_spans_, &drop_contexts_, &drop_body_, &drop_trace_}) {
    Bound query(*statement);
    KW_CHECK_OK(query.bind(number).run());
  }
  return outbox_->forget(number);
}

Result<bool> Writer::drop(domain::ProjectId project, const Uuid& id) {
  Number number = 0;
  {
    Bound query(number_);
    KW_TRY(const bool found, query.bind(bytes_of(id)).bind(bytes_of(project.value)).next());
    if (!found) return false;
    number = query.integer(0);
  }
  KW_CHECK_OK(drop(number));
  return true;
}

Result<int> Writer::drop_older(domain::ProjectId project, Time before, int limit) {
  std::vector<Number> numbers;
  {
    Bound query(older_);
    query.bind(bytes_of(project.value)).bind(first_number_of(before)).bind(std::int64_t{limit});
    while (true) {
      KW_TRY(const bool found, query.next());
      if (!found) break;
      numbers.push_back(query.integer(0));
    }
  }
  if (numbers.empty()) return 0;
  KW_TRY(auto transaction, begin());
  for (const Number number : numbers) KW_CHECK_OK(drop(number));
  KW_CHECK_OK(transaction.commit());
  return static_cast<int>(numbers.size());
}

Result<std::vector<domain::ProjectId>> Writer::projects() {
  std::vector<domain::ProjectId> projects;
  Bound query(projects_);
  while (true) {
    KW_TRY(const bool found, query.next());
    if (!found) return projects;
    domain::ProjectId& project = projects.emplace_back();
    const ByteView bytes = query.blob(0);
    std::copy_n(bytes.begin(), std::min(bytes.size(), project.value.bytes.size()),
                project.value.bytes.begin());
  }
}

Result<void> Writer::add_unrouted(domain::ProjectId project, Time at, std::string_view added,
                                  const TraceStore::Join& join) {
  std::string report;
  {
    Bound query(unrouted_);
    KW_TRY(const bool found, query.bind(bytes_of(project.value)).next());
    report = join(found ? query.text(0) : "", added);
  }
  {
    Bound query(keep_unrouted_);
    query.bind(bytes_of(project.value)).bind(to_unix_milliseconds(at)).bind(report);
    KW_CHECK_OK(query.run());
  }
  Bound query(drop_unrouted_);
  return query.bind(std::int64_t{kUnroutedProjectsMax}).run();
}

Result<void> Writer::shrink() { return database_.run("PRAGMA incremental_vacuum(2000)"); }

}  // namespace keywright::traces
