// ingest/face.h - the door for traces: /public/traces, the addresses of OTLP, and what a sender may
// ask for.
//
//   ingest::Face face(app, store, unrouted, {.trusted_proxies = config.trusted_proxies});
//   front.add(ingest::serves, face);
//   ...
//   http_server.stop();  face.stop();  store.stop();
//
//   POST /public/traces                     native bodies and OTLP, told apart by what they hold
//   POST /public/traces/batch               many native bodies, each with an outcome of its own
//   POST /v1/traces, /public/otel/v1/traces, /public/traces/v1/traces      OTLP
//   GET  /public/traces, /public/traces/{id}, /public/traces/limits, /public/whoami
//
// Each address also with a slash at its end. The order of a POST is fixed: key, size, type, body,
// platform, store. The key is looked at on the head alone, while the body comes in, and once more
// when it is there: a key that is revoked meanwhile gets its 401 at once. What the head alone
// decides is answered before the body is read. Routing (domain/traces/routing.h) uses the scope and
// the platforms of that moment. A trace that is durable is told, whatever happened since.
//
// Errors: as answer.h writes them; nothing here ends in a 500.
// Threading: handle() on any loop at once. Lifetime: app, store and log outlive the face; stop()
// before the loops stop. Cost: for a trace of 1 KB about 30 us on the io thread, and its part of a
// commit.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "app/operation.h"
#include "app/workers.h"
#include "http/server.h"
#include "ingest/answer.h"
#include "ingest/body.h"
#include "ingest/budget.h"
#include "ingest/key.h"
#include "ingest/platform_index.h"
#include "ingest/stored_traces.h"
#include "ingest/unrouted.h"
#include "traces/trace_store.h"

namespace keywright::ingest {

bool serves(std::string_view path);

// Refuses in the shape that senders to this address read.
void write_refusal_of(const http::Request& request, http::Response& response, const Error& error,
                      Time now);

struct FaceOptions {
  std::vector<Cidr> trusted_proxies;
  std::size_t bytes_under_way_max = 96 * 1024 * 1024;
  std::size_t bytes_of_a_key_max = 48 * 1024 * 1024;
};

class Face final : public http::Handler {
 public:
  Face(app::App& app, traces::TraceStore& store, UnroutedLog& unrouted, FaceOptions options);
  ~Face() override;

  std::optional<Task<void>> handle(http::Exchange& exchange) override;
  std::size_t body_limit(const http::Request& request) override;
  bool streams_body(const http::Request& request) override;
  void body_too_large(const http::Request& request, http::Response& response) override;

  // Ends the workers; what they have begun is finished.
  void stop();

 private:
  struct Visit;  // what is known of one request

  Result<void> admit(const http::Request& request, Visit& visit) const;
  Task<Result<void>> admit_slowly(const http::Request& request, Visit& visit);
  Result<void> admit_again(Visit& visit) const;

  // POST
  Task<void> receive(http::Exchange& exchange, Door door);
  static bool is_small_and_limited(const http::Request& request, const Visit& visit);
  Task<Result<void>> take_in(http::Exchange& exchange, Visit& visit);
  Task<Result<void>> store_native(http::Exchange& exchange, Visit& visit);
  Task<Result<void>> store_batch(http::Exchange& exchange, Visit& visit);
  Task<Result<void>> store_otlp(http::Exchange& exchange, Visit& visit);
  Task<Result<Decoded>> decode_body(std::string body, Form form, Door door, bool& is_otlp);
  void note_refused(const http::Request& request, Visit& visit, const Error& error) const;
  void note_unrouted(const http::Request& request, const Visit& visit, const Refusal& refusal,
                     std::int64_t count) const;

  // GET
  Task<void> read(http::Exchange& exchange);
  Task<Result<void>> answer_read(http::Exchange& exchange, Visit& visit);
  Task<Result<void>> list(http::Exchange& exchange, Visit& visit);
  Task<Result<void>> get(http::Exchange& exchange, Visit& visit, std::string id);
  void whoami(http::Exchange& exchange, const Visit& visit) const;
  Result<void> limits(http::Exchange& exchange, Visit& visit) const;
  std::optional<std::vector<domain::PlatformId>> readable_platforms(const Sender& sender) const;

  // An answer is there: its key was used.
  void accept(http::Exchange& exchange, const Visit& visit) const;
  void refuse(const http::Request& request, http::Response& response, Visit& visit,
              const Error& error) const;
  // What is left of the key's limits, where this request has asked them.
  void tell_limits(http::Response& response, const Visit& visit) const;

  app::App& app_;
  traces::TraceStore& store_;
  UnroutedLog& unrouted_;
  const FaceOptions options_;
  StoredTraces reader_;
  PlatformIndex index_;
  Budget budget_;
  app::Workers decoding_;
};

}  // namespace keywright::ingest
