// ingest/upload.h - the body of a request while it comes in, for as long as its sender may send it.
//
//   Upload upload(exchange, kind, share);
//   auto body = co_await upload.receive(app, caller);
//   if (upload.was_cut()) ...                      // 401 now, although the rest is still to come
//
// A body that is there already is taken at once. One that takes its time is an open exchange
// (api/admission/open_exchanges.h): when the key is revoked, has expired or lost its owner, reading
// ends there and then, and the sender is told without having to send the rest.
//
// Errors: those of receive_body(); unauthenticated and the like, of the key.
// Threading: the exchange's loop. Lifetime: the exchange and the share outlive it. Cost: a frame;
//   a list node for a body that is not there yet.
#pragma once

#include <coroutine>
#include <optional>
#include <string>

#include "api/admission/open_exchanges.h"
#include "app/operation.h"
#include "base/companion.h"
#include "ingest/body.h"

namespace keywright::ingest {

class Upload final {
 public:
  Upload(http::Exchange& exchange, BodyKind kind, Budget::Share& share)
      : exchange_(exchange), kind_(kind), share_(share) {}
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  Task<Result<std::string>> receive(const app::App& app, const app::Caller& caller);
  bool was_cut() const { return was_cut_; }

 private:
  class Watch final : public admission::OpenExchange {
   public:
    Watch(Upload& upload, const app::App& app, const app::Caller& caller)
        : OpenExchange(upload.exchange_.loop, app.directory, app.clock, {caller, {}, {}, {}}),
          upload_(upload) {}

   private:
    void on_refused(const Error& why) override;
    Upload& upload_;
  };
  struct Ended {
    Upload& upload;
    bool await_ready() const { return upload.outcome_.has_value(); }
    void await_suspend(std::coroutine_handle<> handle) { upload.waiting_ = handle; }
    void await_resume() const {}
  };

  Companion read();
  void end(Result<std::string> outcome);

  http::Exchange& exchange_;
  const BodyKind kind_;
  Budget::Share& share_;
  std::optional<Result<std::string>> outcome_;
  std::coroutine_handle<> waiting_;
  bool was_cut_ = false;
  std::optional<Watch> watch_;
  Companion reading_;  // last: it uses the others
};

}  // namespace keywright::ingest
