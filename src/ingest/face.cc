#include "ingest/face.h"

#include "api/admission/client_address.h"
#include "api/admission/credentials.h"
#include "app/give_back.h"
#include "app/slow_hashes.h"
#include "base/random.h"
#include "http/query.h"
#include "ingest/media_type.h"
#include "ingest/visit.h"

namespace keywright::ingest {
namespace {

using http::Method;
using http::Request;

constexpr std::size_t kDecodingThreads = 2;
constexpr std::size_t kDecodingQueueMax = 256;
constexpr std::uint64_t kRetryAfterSecondsMax = 5;

std::string_view without_slash(std::string_view path) {
  return path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

bool is_otlp(std::string_view path) {
  path = without_slash(path);
  return path == "/v1/traces" || path == "/public/otel/v1/traces" ||
         path == "/public/traces/v1/traces";
}

bool is_traces(std::string_view path) { return without_slash(path) == "/public/traces"; }

bool is_batch(std::string_view path) { return without_slash(path) == "/public/traces/batch"; }

bool is_one_trace(std::string_view path) {
  constexpr std::string_view kBefore = "/public/traces/";
  path = without_slash(path);
  return path.size() > kBefore.size() && path.starts_with(kBefore) &&
         path.find('/', kBefore.size()) == std::string_view::npos;
}

Error unknown_path() {
  return Error(Code::not_found, "unknown_path", "Nothing is at this address.");
}

Error wrong_method() {
  return Error(Code::method_not_allowed, "method_not_allowed",
               "This address does not know the method; Allow lists those it knows.");
}

Door door_of(std::string_view path) {
  if (is_batch(path)) return Door::batch;
  return is_otlp(path) ? Door::otlp : Door::any;
}

}  // namespace

Shape shape_of(const Request& request, Door door) {
  if (media_type_of(request).is_protobuf()) return Shape::otlp_protobuf;
  return door == Door::otlp ? Shape::otlp_json : Shape::native;
}

bool serves(std::string_view path) {
  return path.starts_with("/public/") || without_slash(path) == "/v1/traces";
}

void write_refusal_of(const Request& request, http::Response& response, const Error& error,
                      Time now) {
  const Shape shape = shape_of(request, door_of(request.path));
  write_refusal(request, response, shape, refusal_of(error), now);
}

Face::Face(app::App& app, traces::TraceStore& store, UnroutedLog& unrouted, FaceOptions options)
    : app_(app),
      store_(store),
      unrouted_(unrouted),
      options_(std::move(options)),
      reader_(store, unrouted),
      index_(app.directory),
      budget_(options_.bytes_under_way_max, options_.bytes_of_a_key_max),
      decoding_(kDecodingThreads, kDecodingQueueMax) {}

Face::~Face() = default;

void Face::stop() { decoding_.stop(); }

std::size_t Face::body_limit(const Request& request) {
  return streams_body(request) ? kWireMax : http::kDefaultBodyLimit;
}

bool Face::streams_body(const Request& request) {
  return request.method == Method::post &&
         (door_of(request.path) != Door::any || is_traces(request.path));
}

// More than anybody would read: the same order and shape as for what is only a little too large.
void Face::body_too_large(const Request& request, http::Response& response) {
  Visit visit;
  visit.door = door_of(request.path);
  visit.shape = shape_of(request, visit.door);
  const auto admitted = admit(request, visit);
  const Error error =
      admitted ? ingest::body_too_large(announced_length(request)) : admitted.error();
  if (admitted) app::give_back(app_.directory, visit.caller);
  note_refused(request, visit, error);
  refuse(request, response, visit, error);
}

std::optional<Task<void>> Face::handle(http::Exchange& exchange) {
  const Request& request = exchange.request;
  const Door door = door_of(request.path);
  const bool traces = is_traces(request.path);
  if (request.method == Method::post && (door != Door::any || traces)) {
    return receive(exchange, door);
  }
  const bool one = door == Door::any && is_one_trace(request.path);
  const bool readable = traces || one || without_slash(request.path) == "/public/whoami";
  const bool reads = request.method == Method::get || request.method == Method::head;
  if (readable && reads) return read(exchange);
  const bool takes = door != Door::any;
  Refusal refusal = refusal_of(readable || takes ? wrong_method() : unknown_path());
  if (takes) {
    refusal.headers.emplace_back("Allow", "POST");
  } else if (readable) {
    refusal.headers.emplace_back("Allow", traces ? "GET, HEAD, POST" : "GET, HEAD");
  }
  const Shape shape = shape_of(request, door);
  write_refusal(exchange, shape, refusal, app_.clock.now());
  return std::nullopt;
}

Result<void> Face::admit(const Request& request, Visit& visit) const {
  visit.address = admission::client_address(request, options_.trusted_proxies);
  if (!request.query.empty()) {
    KW_TRY(const http::Query query, http::Query::parse(request.query));
    KW_CHECK_OK(admission::refuse_credential_in_query(query));
  }
  KW_TRY(const std::optional<app::Presented> presented, find_key(request, app_.settings));
  if (!presented) {
    visit.refusal = missing_key();
    return fail(refusal_is_ready());
  }
  visit.token = presented->token;
  const Time now = app_.clock.now();
  auto caller = app::admit(app_.directory, *presented, domain::Audience::traces, visit.address, now,
                           app::Use::noted_later);
  if (!caller) {
    const Error& error = caller.error();
    Refusal refusal = refusal_of(error);
    if (error.code() == Code::rate_limited) {
      refusal.headers =
          rate_limit_headers(app_.directory, app_.directory.find_token(visit.token), now);
    }
    visit.refusal = std::move(refusal);
    return fail(error);
  }
  if (!caller->is_key()) {
    return fail(Code::permission_denied, "wrong_key_kind", "This is a session.");
  }
  visit.caller = *caller;
  KW_TRY(visit.sender, sender_of(app_.directory, visit.caller));
  visit.admitted = true;
  return {};
}

// An unknown token may be one whose slow hash was imported and never matched yet.
Task<Result<void>> Face::admit_slowly(const Request& request, Visit& visit) {
  auto admitted = admit(request, visit);
  const bool could_be_slow = !admitted && admitted.error().code() == Code::unauthenticated &&
                             !visit.token.empty() &&
                             app_.slow_hashes.could_be(app_.directory, visit.token);
  if (could_be_slow) {
    auto upgraded = co_await app_.slow_hashes.try_token(app_, visit.token, visit.address);
    visit.refusal.reset();
    if (!upgraded) co_return fail(std::move(upgraded).error());
    admitted = admit(request, visit);
  }
  co_return admitted;
}

// Time has passed: the key, its project and its scope as they are now.
Result<void> Face::admit_again(Visit& visit) const {
  if (app_.directory.epoch() == visit.caller.epoch) return {};
  KW_CHECK_OK(still_admitted(app_.directory, visit.caller, app_.clock.now()));
  KW_TRY(visit.sender, sender_of(app_.directory, visit.caller));
  return {};
}

void Face::tell_limits(http::Response& response, const Visit& visit) const {
  if (!visit.caller.limited) return;
  const auto headers = rate_limit_headers(
      app_.directory, app_.directory.keys().find(visit.caller.digest), app_.clock.now());
  for (const auto& [name, value] : headers) response.header(name, value);
}

void Face::accept(http::Exchange& exchange, const Visit& visit) const {
  if (visit.is_use) app::note_use(app_.directory, visit.caller, app_.clock.now());
  tell_limits(exchange.response, visit);
}

void Face::refuse(const Request& request, http::Response& response, Visit& visit,
                  const Error& error) const {
  Refusal refusal = visit.refusal ? std::move(*visit.refusal) : refusal_of(error);
  // What the key may not do, and what is our fault, costs it nothing.
  if (refusal.status == 403 || refusal.status == 503) {
    app::give_back(app_.directory, visit.caller);
  }
  if (refusal.status == 503) {
    // Spread over a few seconds: senders that were refused together must not come back together.
    refusal.retry_after_seconds =
        1 + static_cast<int>(random_below(app_.random, kRetryAfterSecondsMax));
  }
  write_refusal(request, response, visit.shape, refusal, app_.clock.now());
  tell_limits(response, visit);
}

}  // namespace keywright::ingest
