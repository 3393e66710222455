#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "http/query.h"
#include "ingest/face.h"
#include "ingest/visit.h"
#include "json/writer.h"

namespace keywright::ingest {
namespace {

constexpr int kLimitMax = 200;
constexpr int kLimitOtherwise = 50;
constexpr int kSpanLimitMax = 5000;

Result<int> limit_of(const http::Query& query, std::string_view name, int otherwise, int most) {
  const std::string* text = query.find(name);
  if (text == nullptr) return otherwise;
  int limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error != std::errc() || end != text->data() + text->size() || limit < 1 || limit > most) {
    return fail(invalid_field(name, "must be a whole number from 1 to " + std::to_string(most)));
  }
  return limit;
}

Result<std::optional<Time>> time_of(const http::Query& query, std::string_view name) {
  const std::string* text = query.find(name);
  if (text == nullptr || text->empty()) return std::nullopt;
  std::string sent = *text;
  std::replace(sent.begin(), sent.end(), ' ', '+');  // of an offset that was not encoded
  const auto time = parse_rfc3339(sent);
  if (!time) {
    return fail(invalid_field(name, "must be a time such as 2026-11-20T22:33:51Z"));
  }
  return *time;
}

Result<std::string> key_id_of(const http::Query& query) {
  const std::string* text = query.find("keyId");
  if (text == nullptr || text->empty()) return std::string();
  if (!domain::KeyId::parse(*text)) return fail(invalid_field("keyId", "must be the id of a key"));
  return *text;
}

Result<std::optional<bool>> flag_of(const http::Query& query, std::string_view name) {
  const std::string* text = query.find(name);
  if (text == nullptr || text->empty()) return std::optional<bool>();
  if (*text != "true" && *text != "false") {
    return fail(invalid_field(name, "must be true or false"));
  }
  return std::optional(*text == "true");
}

// The fields of a summary, in the names of this API.
template <class T>
void write_summary(json::Writer& writer, const T& trace) {
  writer.key("id").string(trace.id).key("projectId").string(trace.project_id.to_string());
  writer.key("platformId").string(trace.platform_id.to_string());
  if (trace.external_id) writer.key("externalId").string(*trace.external_id);
  if (trace.source == "otlp" && trace.external_id) {
    writer.key("traceId").string(*trace.external_id);
  }
  writer.key("source").string(trace.source);
  if (trace.name) writer.key("name").string(*trace.name);
  writer.key("status").string(trace.status);
  writer.key("spanCount").integer(trace.span_count).key("sizeBytes").integer(trace.size_bytes);
  writer.key("revision").integer(trace.revision).key("keyId").string(trace.key_id);
  writer.key("createdAt").string(format_rfc3339(trace.created_at));
  writer.key("updatedAt").string(format_rfc3339(trace.updated_at));
  writer.key("routing").begin_object().key("by").string(trace.routing.by);
  writer.key("warnings").begin_array();
  for (const std::string& warning : trace.routing.warnings) writer.string(warning);
  writer.end_array().end_object();
}

Error no_such_trace() {
  return Error(Code::not_found, "not_found", "No trace that this API key may read has this id.");
}

}  // namespace

Task<void> Face::read(http::Exchange& exchange) {
  Visit visit;
  auto done = co_await admit_slowly(exchange.request, visit);
  if (done) done = co_await answer_read(exchange, visit);
  if (!done) co_return refuse(exchange.request, exchange.response, visit, done.error());
  accept(exchange, visit);
}

Task<Result<void>> Face::answer_read(http::Exchange& exchange, Visit& visit) {
  std::string_view path = exchange.request.path;
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path == "/public/whoami") {
    KW_CO_CHECK_OK(admit_again(visit));
    whoami(exchange, visit);
    co_return Result<void>();
  }
  if (path == "/public/traces/limits") co_return limits(exchange, visit);
  if (path == "/public/traces") co_return co_await list(exchange, visit);
  std::string id(path.substr(std::string_view("/public/traces/").size()));
  co_return co_await get(exchange, visit, std::move(id));
}

// Nothing: all of the project. A restricted key reads what it could send to now.
std::optional<std::vector<domain::PlatformId>> Face::readable_platforms(
    const Sender& sender) const {
  if (sender.scope.all) return std::nullopt;
  std::vector<domain::PlatformId> readable;
  for (const domain::PlatformId& id : sender.scope.ids) {
    const auto* platform = app_.directory.find<domain::Platform>(id.value);
    const bool lives = platform != nullptr && platform->project_id == sender.project;
    const bool known = std::find(readable.begin(), readable.end(), id) != readable.end();
    if (lives && !known) readable.push_back(id);
  }
  return readable;
}

Task<Result<void>> Face::list(http::Exchange& exchange, Visit& visit) {
  KW_CO_TRY(const http::Query query, http::Query::parse(exchange.request.query));
  app::TraceQuery asked;
  asked.project = visit.sender.project;
  asked.platforms = readable_platforms(visit.sender);
  if (const std::string* text = query.find("platformId"); text != nullptr && !text->empty()) {
    const auto id = domain::PlatformId::parse(*text);
    const bool outside =
        !id || (asked.platforms && std::find(asked.platforms->begin(), asked.platforms->end(),
                                             *id) == asked.platforms->end());
    asked.platforms.emplace();
    if (!outside) asked.platforms->push_back(*id);
  }
  KW_CO_TRY(asked.from, time_of(query, "from"));
  KW_CO_TRY(asked.to, time_of(query, "to"));
  KW_CO_TRY(asked.limit, limit_of(query, "limit", kLimitOtherwise, kLimitMax));
  if (const std::string* status = query.find("status")) asked.status = *status;
  if (const std::string* id = query.find("externalId")) asked.external_id = *id;
  if (const std::string* name = query.find("name")) asked.name = *name;
  KW_CO_TRY(asked.key_id, key_id_of(query));
  KW_CO_TRY(asked.has_error, flag_of(query, "hasError"));
  if (const std::string* cursor = query.find("cursor")) asked.cursor = *cursor;
  auto read = [&] { return reader_.list_traces(asked); };
  auto page = co_await app_.readers.run(read);
  if (!page) co_return fail(std::move(page).error());
  KW_CO_CHECK_OK(admit_again(visit));
  const auto readable = readable_platforms(visit.sender);  // the scope may have shrunk meanwhile
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("success").boolean(true).key("data").begin_array();
  for (const app::TraceSummary& trace : page->items) {
    if (readable &&
        std::find(readable->begin(), readable->end(), trace.platform_id) == readable->end()) {
      continue;
    }
    writer.begin_object();
    write_summary(writer, trace);
    writer.end_object();
  }
  writer.end_array().key("nextCursor");
  if (page->next_cursor) {
    writer.string(*page->next_cursor);
  } else {
    writer.null();
  }
  writer.end_object();
  write_json(exchange.response, 200, std::move(body));
  co_return Result<void>();
}

Task<Result<void>> Face::get(http::Exchange& exchange, Visit& visit, std::string id) {
  KW_CO_TRY(const http::Query query, http::Query::parse(exchange.request.query));
  app::SpanPage span_page;
  KW_CO_TRY(span_page.limit, limit_of(query, "spanLimit", kSpanLimitMax, kSpanLimitMax));
  if (const std::string* cursor = query.find("spanCursor")) span_page.cursor = *cursor;
  const domain::ProjectId project = visit.sender.project;
  auto read = [&] { return reader_.get_trace(project, id, span_page); };
  auto found = co_await app_.readers.run(read);
  if (!found) co_return fail(std::move(found).error());
  KW_CO_CHECK_OK(admit_again(visit));
  const auto readable = readable_platforms(visit.sender);
  if (!*found || (*found)->project_id != visit.sender.project) co_return fail(no_such_trace());
  const app::Trace& trace = **found;
  if (readable &&
      std::find(readable->begin(), readable->end(), trace.platform_id) == readable->end()) {
    co_return fail(no_such_trace());
  }
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("success").boolean(true).key("data").begin_object();
  write_summary(writer, trace);
  if (!trace.body.is_null()) writer.key("body").raw(trace.body.view());
  if (!trace.spans.is_null()) {
    writer.key("spans").raw(trace.spans.view());
    writer.key("nextSpanCursor");
    if (trace.next_span_cursor) {
      writer.string(*trace.next_span_cursor);
    } else {
      writer.null();
    }
  }
  writer.end_object().end_object();
  write_json(exchange.response, 200, std::move(body));
  co_return Result<void>();
}

void Face::whoami(http::Exchange& exchange, const Visit& visit) const {
  const Sender& sender = visit.sender;
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("success").boolean(true).key("data").begin_object();
  writer.key("id").string(sender.key_id).key("name").string(sender.key_name);
  writer.key("projectId").string(sender.project.to_string()).key("scope").begin_object();
  if (sender.scope.all) {
    writer.key("all").boolean(true);
  } else {
    writer.key("ids").begin_array();
    for (const domain::PlatformId& id : sender.scope.ids) writer.string(id.to_string());
    writer.end_array();
  }
  writer.end_object().key("expiresAt");
  if (sender.expires_at) {
    writer.string(format_rfc3339(*sender.expires_at));
  } else {
    writer.null();
  }
  writer.end_object().end_object();
  write_json(exchange.response, 200, std::move(body));
}

}  // namespace keywright::ingest
