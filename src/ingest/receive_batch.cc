#include <algorithm>

#include "app/give_back.h"
#include "ingest/face.h"
#include "ingest/rejections.h"
#include "ingest/storing.h"
#include "ingest/visit.h"
#include "json/writer.h"

namespace keywright::ingest {
namespace {

using domain::Route;
using domain::RouteOutcome;
using traces::Fate;
using traces::StoredTrace;
using traces::TraceWrite;

// What becomes of one item.
struct Outcome {
  std::optional<std::string> id;
  std::optional<Refusal> refusal;
  Told told;  // of one that is not refused
};

void write_item(json::Writer& writer, const http::Request& request, const Outcome& outcome,
                std::size_t index, const StoredTrace* stored) {
  writer.begin_object().key("index").integer(static_cast<std::int64_t>(index));
  if (outcome.id) writer.key("id").string(*outcome.id);
  if (stored != nullptr) {
    writer.key("status").integer(stored->fate == Fate::created ? 201 : 200).key("data");
    write_stored(writer, *stored, outcome.told);
  } else {
    writer.key("status").integer(outcome.refusal->status);
    writer.key("retryable").boolean(false).key("error");  // what passes is of the whole request
    write_error(writer, request, *outcome.refusal);
  }
  writer.end_object();
}

std::string batch_answer(const http::Request& request, const std::vector<Outcome>& outcomes,
                         const std::vector<StoredTrace>& stored, Time now) {
  const auto accepted = static_cast<std::int64_t>(stored.size());
  const auto all = static_cast<std::int64_t>(outcomes.size());
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("success").boolean(accepted == all);
  writer.key("timestamp").string(format_rfc3339(now));
  writer.key("accepted").integer(accepted).key("rejected").integer(all - accepted);
  writer.key("results").begin_array();
  auto next = stored.begin();
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const bool is_stored = !outcomes[i].refusal;
    write_item(writer, request, outcomes[i], i, is_stored ? &*next : nullptr);
    if (is_stored) ++next;
  }
  writer.end_array().end_object();
  return body;
}

bool all_forbidden(const Rejections& rejections) {
  return std::all_of(rejections.reasons.begin(), rejections.reasons.end(),
                     [](const Rejections::Reason& reason) { return reason.refusal.status == 403; });
}

}  // namespace

// Items are independent of one another, and stored by one commit.
Task<Result<void>> Face::store_batch(http::Exchange& exchange, Visit& visit) {
  const LivePlatforms platforms(app_.directory, index_);
  std::vector<Outcome> outcomes;
  std::vector<TraceWrite> writes;
  Rejections rejections;
  const auto refuse_item = [&](Outcome& outcome, Refusal refusal) {
    rejections.add(refusal, 0);
    outcome.refusal = std::move(refusal);
  };
  for (BatchItem& item : *visit.decoded.batch) {
    Outcome& outcome = outcomes.emplace_back();
    outcome.id = std::move(item.id);
    if (!item.trace) {
      refuse_item(outcome, refusal_of(item.trace.error()));
      continue;
    }
    const Route route =
        choose_platform(item.trace->hints, visit.sender.scope, visit.sender.project, platforms);
    if (route.outcome != RouteOutcome::routed) {
      refuse_item(outcome, refusal_of(route.outcome));
      continue;
    }
    std::string external_id = std::move(item.trace->external_id);
    TraceWrite write = native_write(route, visit.sender, exchange.request, *item.trace, item.body,
                                    std::move(external_id));
    write.body = item.packed_body ? std::move(*item.packed_body) : traces::pack(item.body);
    outcome.told = told_of(write);
    writes.push_back(std::move(write));
  }
  std::vector<StoredTrace> all_stored;
  if (!writes.empty()) {
    Storing storing(store_, std::move(writes));
    auto stored = co_await storing;
    if (!stored) co_return fail(std::move(stored).error());
    all_stored = std::move(*stored);
  }
  for (const Rejections::Reason& reason : rejections.reasons) {
    note_unrouted(exchange.request, visit, reason.refusal, reason.traces);
  }
  visit.is_use = !all_stored.empty();
  if (!visit.is_use && all_forbidden(rejections)) app::give_back(app_.directory, visit.caller);
  int status = all_stored.empty() ? 422 : 207;
  if (rejections.reasons.empty()) status = 200;
  write_json(exchange.response, status,
             batch_answer(exchange.request, outcomes, all_stored, app_.clock.now()));
  co_return Result<void>();
}

}  // namespace keywright::ingest
