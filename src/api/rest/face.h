// api/rest/face.h - the native API over HTTP: every operation at its address, and what machines
// ask.
//
//   rest::Face face(app, {.trusted_proxies = config.trusted_proxies,
//                         .is_ready = [&] { return ready.load(); },
//                         .metrics = {[&](MetricsText& text) { ... }}});
//   http::Server server(loops, face, {});
//
// The routes are those of app::all_operations() below /api/v1, and /api/me; besides them
// /openapi.json, /healthz (/health), /readyz and /metrics. Anything else is a 404 problem, so a
// server with more faces asks this one last.
//
// The life of a request: route, query, credential, CSRF, body type, then the operation. Whoever is
// not admitted is told nothing else that is wrong. What answers from memory runs at once, without a
// coroutine; a change or a read of the store is a task.
// If the records moved while a task was away, its caller is looked at once more right before the
// answer begins: a key that was revoked meanwhile gets a 401 and nothing of the answer. A change
// that has happened and whose answer holds no secret is told all the same: otherwise nobody could
// give up the very key he is using.
//
// Errors: application/problem+json, see http/problem.h.
// Threading: handle() on any loop at once. Lifetime: `app` outlives the face.
// Cost: one route look-up and one decide() beyond the operation.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/rest/metrics.h"
#include "app/denied_calls.h"
#include "app/operation.h"
#include "http/router.h"
#include "http/server.h"

namespace keywright::rest {

struct FaceOptions {
  std::vector<Cidr> trusted_proxies;
  std::function<bool()> is_ready;  // none: always
  std::vector<MetricsSource> metrics;
};

class Face final : public http::Handler {
 public:
  Face(app::App& app, FaceOptions options);
  ~Face() override;

  std::optional<Task<void>> handle(http::Exchange& exchange) override;

  // The OpenAPI document, as served.
  const std::string& openapi() const { return openapi_; }

 private:
  enum class System : unsigned char { openapi, health, ready, metrics };
  struct Visit;
  struct Admitted {
    app::Caller caller;
    std::uint64_t epoch = 0;  // of the records at that moment
  };

  void add_operations();
  Result<void> prepare(const http::Request& request, const app::Operation& operation,
                       const std::vector<std::string_view>& path_fields, Visit& visit) const;
  Result<void> admit(const http::Request& request, Visit& visit) const;
  Result<void> look(http::Exchange& exchange, Visit& visit) const;
  // `admitted`: by handle() already, so that nothing is spent twice.
  Task<void> run(http::Exchange& exchange, std::size_t route, std::optional<Admitted> admitted);
  Task<Result<void>> work(http::Exchange& exchange, Visit& visit);
  Task<Result<void>> retry_slow_hash(const http::Request& request, Visit& visit);
  void check_again(Visit& visit, Result<void>& done) const;
  void finish(http::Exchange& exchange, Visit& visit, Result<void> done) const;
  void answer_system(http::Exchange& exchange, System which) const;
  void write_metrics(std::string& out) const;

  app::App& app_;
  mutable app::DeniedCalls denied_{app_.directory, app_.committer};
  const FaceOptions options_;
  const std::chrono::nanoseconds started_;
  http::Router router_;
  std::span<const app::Operation> operations_;
  std::vector<std::vector<std::string_view>> path_fields_;  // by operation
  std::string openapi_;
  std::string openapi_etag_;
};

}  // namespace keywright::rest
