#include "traces/postgres/trace_group.h"

#include <algorithm>

#include "traces/native.h"
#include "traces/row_check.h"

namespace keywright::traces {

using store::postgres::Row;
using store::postgres::Rows;
using store::postgres::Statement;

namespace {

using Integers = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;
using Uuids = std::vector<Uuid>;

// Packed texts as columns.
struct PackedColumns {
  Integers sizes, checksums, compressed;
  Texts bodies;

  void add(const Packed& packed) {
    sizes.push_back(packed.size);
    checksums.push_back(packed.checksum);
    compressed.push_back(std::int64_t{packed.compressed});
    bodies.push_back(packed.bytes);
  }
  // The last columns of a list.
  void bind(Statement& statement) const {
    statement.add("?, ?, ?, ?)", std::span(sizes), std::span(checksums), std::span(compressed),
                  std::span(bodies));
  }
};

// Of the spans of a write.
std::vector<std::int64_t> checks_of(Number trace, const TraceWrite& write) {
  std::vector<Uuid> contexts;
  for (const std::string& context : write.contexts) contexts.push_back(id_of_context(context));
  std::vector<std::int64_t> checks;
  for (const SpanWrite& span : write.spans) {
    checks.push_back(check_of(
        SpanMarks{trace, span.span_id, span.start, contexts[span.context], marks_of(span.json)}));
  }
  return checks;
}

}  // namespace

TraceGroup::TraceGroup(store::postgres::Connection& connection, const GroupTools& tools,
                       std::vector<const Writes*> submissions)
    : connection_(connection), tools_(tools), submissions_(std::move(submissions)) {}

TraceGroup::Identity TraceGroup::identity_of(const TraceWrite& write) {
  return {write.platform.value, static_cast<std::int64_t>(write.source), write.external_id};
}

std::vector<domain::PlatformId> TraceGroup::queued() const {
  std::set<domain::PlatformId> platforms;
  for (const Queued& row : queued_) platforms.insert(row.platform);
  return {platforms.begin(), platforms.end()};
}

void TraceGroup::collect() {
  for (const Writes* writes : submissions_) {
    std::vector<std::size_t>& of_submission = entry_of_.emplace_back();
    for (const TraceWrite& write : *writes) {
      std::size_t entry = entries_.size();
      if (!write.external_id.empty()) {
        entry = identities_.try_emplace(identity_of(write), entry).first->second;
      }
      if (entry == entries_.size()) {
        TraceRow& row = entries_.emplace_back().row;
        row.project = write.project;
        row.platform = write.platform;
        row.source = write.source;
        row.external_id = write.external_id;
      }
      of_submission.push_back(entry);
    }
  }
}

Result<std::vector<std::vector<StoredTrace>>> TraceGroup::write() {
  collect();
  KW_CHECK_OK(tools_.numbers.reserve(connection_, entries_.size(), tools_.clock.boot_time()));
  const Time now = tools_.clock.now();
  for (Entry& entry : entries_) {
    entry.row.number = tools_.numbers.next(now);
    entry.row.id = tools_.ids.next();
    entry.row.created_at = entry.row.updated_at = time_of(entry.row.number);
    KW_CHECK_OK(tools_.days.ensure(connection_, day_of(entry.row.number)));
  }
  KW_CHECK_OK(begin());
  KW_CHECK_OK(find_spans());
  std::vector<std::vector<StoredTrace>> stored(submissions_.size());
  for (std::size_t i = 0; i < submissions_.size(); ++i) {
    for (std::size_t j = 0; j < submissions_[i]->size(); ++j) {
      stored[i].push_back(apply(entries_[entry_of_[i][j]], (*submissions_[i])[j]));
    }
  }
  KW_CHECK_OK(finish());
  return stored;
}

// Locks, and learns how things stand.
Result<void> TraceGroup::begin() {
  Uuids platforms, ids;
  Integers sources, numbers;
  Texts externals;
  for (const auto& [identity, number] : identities_) {
    const Entry& entry = entries_[number];
    platforms.push_back(entry.row.platform.value);
    sources.push_back(static_cast<std::int64_t>(entry.row.source));
    externals.push_back(entry.row.external_id);
    numbers.push_back(entry.row.number);
    ids.push_back(entry.row.id);
  }
  std::set<Uuid> receivers;
  for (const Entry& entry : entries_) receivers.insert(entry.row.platform.value);
  const Uuids all(receivers.begin(), receivers.end());
  std::vector<Statement> statements;
  statements.push_back(Statement("BEGIN"));
  if (!identities_.empty()) {
    statements.push_back(Statement(
        "INSERT INTO trace_identities AS t (platform, source, external_id, number, id, digest, "
        "name, status, span_count, size_bytes, revision, updated_at) SELECT *, ''::bytea, "
        "''::bytea, ''::bytea, 0, 0, 0, 0 FROM unnest(?, ?, ?, ?, ?) ON CONFLICT (platform, "
        "source, external_id) DO UPDATE SET number = t.number RETURNING platform, source, "
        "external_id, number, id, digest, name, status, span_count, size_bytes, revision, "
        "updated_at",
        std::span<const Uuid>(platforms), std::span<const std::int64_t>(sources),
        std::span<const std::string>(externals), std::span<const std::int64_t>(numbers),
        std::span<const Uuid>(ids)));
  }
  statements.push_back(
      Statement("SELECT platform FROM trace_forwardings WHERE platform = ANY (?) ORDER BY platform "
                "FOR NO KEY UPDATE",
                std::span<const Uuid>(all)));
  KW_TRY(const std::vector<Rows> rows, connection_.run_all(statements));
  if (!identities_.empty()) note_identities(rows[1]);
  for (int i = 0; i < rows.back().size(); ++i) forwarded_.insert({rows.back()[i].uuid(0)});
  return {};
}

void TraceGroup::note_identities(const Rows& rows) {
  for (int i = 0; i < rows.size(); ++i) {
    const Row found = rows[i];
    const auto place = identities_.find(Identity{found.uuid(0), found.integer(1), found.text(2)});
    if (place == identities_.end() || found.integer(10) == 0) continue;  // it was not there
    Entry& entry = entries_[place->second];
    entry.is_stored = entry.exists = true;
    entry.row.number = found.integer(3);
    entry.row.id = found.uuid(4);
    const ByteView digest = found.blob(5);
    if (digest.size() == entry.digest.size()) std::ranges::copy(digest, entry.digest.begin());
    entry.row.name = found.text(6);
    entry.row.status = found.text(7);
    entry.row.span_count = found.integer(8);
    entry.row.size_bytes = found.integer(9);
    entry.row.revision = found.integer(10);
    entry.row.created_at = time_of(entry.row.number);
    entry.row.updated_at = from_unix_milliseconds(found.integer(11));
  }
}

// Which of the spans that join a stored trace it has already.
Result<void> TraceGroup::find_spans() {
  std::map<std::size_t, Texts> asked;
  for (std::size_t i = 0; i < submissions_.size(); ++i) {
    for (std::size_t j = 0; j < submissions_[i]->size(); ++j) {
      const std::size_t entry = entry_of_[i][j];
      if (!entries_[entry].is_stored) continue;
      for (const SpanWrite& span : (*submissions_[i])[j].spans) {
        asked[entry].push_back(span.span_id);
      }
    }
  }
  if (asked.empty()) return {};
  std::vector<Statement> statements;
  for (const auto& [entry, ids] : asked) {
    statements.push_back(Statement(
        "SELECT span_id, row_check FROM trace_spans WHERE trace = ? AND span_id = ANY (?)",
        entries_[entry].row.number, std::span<const std::string>(ids)));
  }
  KW_TRY(const std::vector<Rows> found, connection_.run_all(statements));
  auto rows = found.begin();
  for (const auto& [entry, ids] : asked) {
    for (int i = 0; i < rows->size(); ++i) {
      const Row row = (*rows)[i];
      entries_[entry].known_spans.emplace(
          row.text(0), row.is_null(1) ? std::nullopt : std::optional(row.integer(1)));
    }
    ++rows;
  }
  return {};
}

StoredTrace TraceGroup::apply(Entry& entry, const TraceWrite& write) {
  TraceRow& row = entry.row;
  Fate fate = entry.exists ? Fate::updated : Fate::created;
  const std::vector<std::int64_t> checks = checks_of(row.number, write);
  std::int64_t refused = 0;
  if (!is_change(entry, write, checks)) {
    fate = Fate::unchanged;
    for (const SpanWrite& span : write.spans) {
      refused += entry.known_spans.contains(span.span_id) ? 0 : 1;
    }
  } else {
    if (entry.exists) {
      row.revision += 1;
      row.updated_at = std::max(row.created_at, tools_.clock.now());
    }
    if (write.source == Source::native) {
      apply_native(entry, write);
    } else {
      refused = apply_spans(entry, write, checks);
    }
    row.key_id = write.key_id;
    row.routed_by = write.routed_by;
    row.warnings = write.warnings;
    entry.exists = true;
    entry.last = &write;
  }
  return {row.id, fate, row.status, row.revision, refused, row.created_at, row.updated_at};
}

bool TraceGroup::is_change(const Entry& entry, const TraceWrite& write,
                           const std::vector<std::int64_t>& checks) const {
  if (!entry.exists) return true;
  if (write.source == Source::native) return entry.digest != write.digest;
  for (std::size_t i = 0; i < write.spans.size(); ++i) {
    const auto known = entry.known_spans.find(write.spans[i].span_id);
    const bool has_room = entry.row.span_count < tools_.spans_per_trace_max;
    if (known == entry.known_spans.end() ? has_room : known->second != checks[i]) return true;
  }
  return false;
}

void TraceGroup::apply_native(Entry& entry, const TraceWrite& write) {
  entry.row.name = write.name;
  entry.row.status = write.status;
  entry.row.span_count = write.span_count;
  entry.row.size_bytes = write.size_bytes;
  entry.digest = write.digest;
  if (is_sent_on(write)) queue(entry, write, false);
}

// How many spans found no room.
std::int64_t TraceGroup::apply_spans(Entry& entry, const TraceWrite& write,
                                     const std::vector<std::int64_t>& checks) {
  TraceRow& row = entry.row;
  std::vector<Uuid> contexts;
  for (const std::string& context : write.contexts) {
    contexts.push_back(id_of_context(context));
    if (!entry.contexts.contains(contexts.back())) {
      entry.contexts.emplace(contexts.back(), pack(context));
    }
  }
  const bool sent_on = is_sent_on(write);
  std::int64_t refused = 0;
  for (std::size_t i = 0; i < write.spans.size(); ++i) {
    const SpanWrite& span = write.spans[i];
    const auto known = entry.known_spans.find(span.span_id);
    if (known == entry.known_spans.end()) {
      if (row.span_count >= tools_.spans_per_trace_max) {
        ++refused;
        continue;
      }
      row.span_count += 1;
      if (entry.exists) row.size_bytes += span.json.size;
    } else if (known->second == checks[i]) {
      continue;
    }
    entry.known_spans[span.span_id] = checks[i];
    Span& put = entry.spans[span.span_id];
    put = {&span, contexts[span.context], sent_on ? std::optional(row.revision) : std::nullopt,
           checks[i]};
  }
  if (!entry.exists) row.size_bytes = write.size_bytes;
  if (!write.name.empty() || !entry.exists) row.name = write.name;
  if (!entry.exists || write.status == kStatusError) row.status = write.status;
  // Some are new or changed: is_change() said so, or all of it is.
  const bool took_some = refused < static_cast<std::int64_t>(write.spans.size());
  if (sent_on && took_some) queue(entry, write, true);
  return refused;
}

bool TraceGroup::is_sent_on(const TraceWrite& write) const {
  return write.hops < kHopsMax && forwarded_.contains(write.platform);
}

void TraceGroup::queue(const Entry& entry, const TraceWrite& write, bool with_spans) {
  Queued queued;
  queued.platform = write.platform;
  queued.trace = entry.row.number;
  queued.revision = entry.row.revision;
  queued.first_span = queued.last_span = with_spans ? entry.row.revision : 0;
  queued.hops = write.hops;
  queued.queued_at = tools_.clock.now();
  queued_.push_back(queued);
}

Result<void> TraceGroup::finish() {
  std::vector<Statement> statements;
  add_new_traces(statements);
  add_changed_traces(statements);
  add_spans(statements);
  add_identities(statements);
  add_queued(statements);
  statements.push_back(Statement("COMMIT"));
  is_committing_ = true;
  KW_CHECK_OK(connection_.run_all(statements));
  return {};
}

void TraceGroup::add_new_traces(std::vector<Statement>& statements) const {
  Uuids ids, projects, platforms;
  Integers numbers, sources, span_counts, sizes, revisions, updated_ats, checks;
  Texts externals, names, statuses, keys, routed, warnings;
  PackedColumns bodies;
  for (const Entry& entry : entries_) {
    if (entry.is_stored || entry.last == nullptr) continue;
    const TraceRow& row = entry.row;
    numbers.push_back(row.number);
    ids.push_back(row.id);
    projects.push_back(row.project.value);
    platforms.push_back(row.platform.value);
    sources.push_back(static_cast<std::int64_t>(row.source));
    externals.push_back(row.external_id);
    names.push_back(row.name);
    statuses.push_back(row.status);
    keys.push_back(row.key_id);
    routed.push_back(row.routed_by);
    warnings.push_back(join_warnings(row.warnings));
    span_counts.push_back(row.span_count);
    sizes.push_back(row.size_bytes);
    revisions.push_back(row.revision);
    updated_ats.push_back(to_unix_milliseconds(row.updated_at));
    checks.push_back(check_of(row));
    bodies.add(entry.last->body);
  }
  if (numbers.empty()) return;
  Statement insert(
      "INSERT INTO traces (number, id, project, platform, source, external_id, name, status, "
      "key_id, routed_by, warnings, span_count, size_bytes, revision, updated_at, row_check, size, "
      "checksum, compressed, body) SELECT * FROM unnest(");
  insert.add("?, ?, ?, ?, ?, ", std::span<const std::int64_t>(numbers), std::span<const Uuid>(ids),
             std::span<const Uuid>(projects), std::span<const Uuid>(platforms),
             std::span<const std::int64_t>(sources));
  insert.add("?, ?, ?, ?, ?, ?, ", std::span<const std::string>(externals),
             std::span<const std::string>(names), std::span<const std::string>(statuses),
             std::span<const std::string>(keys), std::span<const std::string>(routed),
             std::span<const std::string>(warnings));
  insert.add("?, ?, ?, ?, ?, ", std::span<const std::int64_t>(span_counts),
             std::span<const std::int64_t>(sizes), std::span<const std::int64_t>(revisions),
             std::span<const std::int64_t>(updated_ats), std::span<const std::int64_t>(checks));
  bodies.bind(insert);
  statements.push_back(std::move(insert));
}

void TraceGroup::add_changed_traces(std::vector<Statement>& statements) const {
  for (const Entry& entry : entries_) {
    if (!entry.is_stored || entry.last == nullptr) continue;
    const TraceRow& row = entry.row;
    const std::string warnings = join_warnings(row.warnings);
    Statement update(
        "UPDATE traces SET name = ?, status = ?, key_id = ?, routed_by = ?, warnings = ?, "
        "span_count = ?, size_bytes = ?, revision = ?, updated_at = ?, row_check = ?",
        std::string_view(row.name), std::string_view(row.status), std::string_view(row.key_id),
        std::string_view(row.routed_by), std::string_view(warnings), row.span_count, row.size_bytes,
        row.revision, to_unix_milliseconds(row.updated_at), check_of(row));
    if (row.source == Source::native) {
      const Packed& body = entry.last->body;
      update.add(", size = ?, checksum = ?, compressed = ?, body = ?", body.size, body.checksum,
                 std::int64_t{body.compressed}, std::string_view(body.bytes));
    }
    update.add(" WHERE number = ?", row.number);
    statements.push_back(std::move(update));
  }
}

void TraceGroup::add_spans(std::vector<Statement>& statements) const {
  Integers of_context, of_span, starts, revisions, checks;
  Uuids digests, contexts;
  Texts span_ids;
  PackedColumns context_texts, texts;
  for (const Entry& entry : entries_) {
    for (const auto& [digest, packed] : entry.contexts) {
      of_context.push_back(entry.row.number);
      digests.push_back(digest);
      context_texts.add(packed);
    }
    for (const auto& [span_id, span] : entry.spans) {
      of_span.push_back(entry.row.number);
      span_ids.emplace_back(span_id);
      starts.push_back(span.write->start);
      contexts.push_back(span.context);
      revisions.push_back(span.revision.value_or(0));
      checks.push_back(span.check);
      texts.add(span.write->json);
    }
  }
  if (!of_context.empty()) {
    Statement insert(
        "INSERT INTO trace_contexts (trace, digest, size, checksum, compressed, body) "
        "SELECT * FROM unnest(?, ?, ",
        std::span<const std::int64_t>(of_context), std::span<const Uuid>(digests));
    context_texts.bind(insert);
    statements.push_back(std::move(insert.add(" ON CONFLICT DO NOTHING")));
  }
  if (of_span.empty()) return;
  Statement insert(
      "INSERT INTO trace_spans (trace, span_id, start, context, revision, row_check, size, "
      "checksum, compressed, body) SELECT trace, span_id, start, context, nullif(revision, 0), "
      "row_check, size, checksum, compressed, body FROM unnest(?, ?, ?, ?, ?, ?, ",
      std::span<const std::int64_t>(of_span), std::span<const std::string>(span_ids),
      std::span<const std::int64_t>(starts), std::span<const Uuid>(contexts),
      std::span<const std::int64_t>(revisions), std::span<const std::int64_t>(checks));
  texts.bind(insert);
  insert.add(
      " AS u (trace, span_id, start, context, revision, row_check, size, checksum, compressed, "
      "body) "
      "ON CONFLICT (trace, span_id) DO UPDATE SET start = excluded.start, context = "
      "excluded.context, revision = coalesce(excluded.revision, trace_spans.revision), "
      "row_check = excluded.row_check, size = excluded.size, checksum = excluded.checksum, "
      "compressed = excluded.compressed, body = excluded.body");
  statements.push_back(std::move(insert));
}

void TraceGroup::add_identities(std::vector<Statement>& statements) const {
  Uuids platforms;
  Integers sources, span_counts, sizes, revisions, updated_ats;
  Texts externals, digests, names, statuses;
  for (const auto& [identity, number] : identities_) {
    const Entry& entry = entries_[number];
    if (entry.last == nullptr) continue;
    const TraceRow& row = entry.row;
    platforms.push_back(row.platform.value);
    sources.push_back(static_cast<std::int64_t>(row.source));
    externals.push_back(row.external_id);
    digests.emplace_back(view_text(ByteView(entry.digest)));
    names.push_back(row.name);
    statuses.push_back(row.status);
    span_counts.push_back(row.span_count);
    sizes.push_back(row.size_bytes);
    revisions.push_back(row.revision);
    updated_ats.push_back(to_unix_milliseconds(row.updated_at));
  }
  if (platforms.empty()) return;
  Statement update(
      "UPDATE trace_identities t SET digest = u.digest, name = u.name, status = u.status, "
      "span_count = u.span_count, size_bytes = u.size_bytes, revision = u.revision, "
      "updated_at = u.updated_at FROM unnest(");
  update.add("?, ?, ?, ?, ?, ?, ", std::span<const Uuid>(platforms),
             std::span<const std::int64_t>(sources), std::span<const std::string>(externals),
             std::span<const std::string>(digests), std::span<const std::string>(names),
             std::span<const std::string>(statuses));
  update.add(
      "?, ?, ?, ?) AS u (platform, source, external_id, digest, name, status, span_count, "
      "size_bytes, revision, updated_at) WHERE t.platform = u.platform AND t.source = u.source "
      "AND t.external_id = u.external_id",
      std::span<const std::int64_t>(span_counts), std::span<const std::int64_t>(sizes),
      std::span<const std::int64_t>(revisions), std::span<const std::int64_t>(updated_ats));
  statements.push_back(std::move(update));
}

void TraceGroup::add_queued(std::vector<Statement>& statements) const {
  if (queued_.empty()) return;
  Uuids platforms;
  Integers traces, revisions, firsts, lasts, hops, times;
  for (const Queued& row : queued_) {
    platforms.push_back(row.platform.value);
    traces.push_back(row.trace);
    revisions.push_back(row.revision);
    firsts.push_back(row.first_span);
    lasts.push_back(row.last_span);
    hops.push_back(row.hops);
    times.push_back(to_unix_milliseconds(row.queued_at));
  }
  statements.push_back(
      Statement("INSERT INTO trace_outbox (platform, trace, revision, first_span, last_span, hops, "
                "queued_at) SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?)",
                std::span<const Uuid>(platforms), std::span<const std::int64_t>(traces),
                std::span<const std::int64_t>(revisions), std::span<const std::int64_t>(firsts),
                std::span<const std::int64_t>(lasts), std::span<const std::int64_t>(hops),
                std::span<const std::int64_t>(times)));
}

}  // namespace keywright::traces
