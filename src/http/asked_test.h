// http/asked_test.h - one request put to a handler without a connection, and its answer.
//
//   Asked asked(face, "GET", "/api/v1/me", {{"Authorization", "Bearer kwa_..."}});
//   EXPECT_EQ(asked.status(), 200);
//   asked.wait().body;
//
// For tests only. The request begins in the constructor; wait() blocks until the handler's task has
// finished, on whichever thread that is. A body is sent as application/json unless `fields` names a
// Content-Type. Threading: one thread.
#pragma once

#include <future>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "http/server.h"

namespace keywright::http {

class NoConnection final : public ExchangeControl {
 public:
  Task<Result<std::string_view>> read_body() override { co_return std::string_view(); }
  void cut(std::string_view) override {}
  void on_disconnect(std::function<void()>) override {}
  bool client_has_gone() const override { return false; }
};

class Asked {
 public:
  Asked(Handler& handler, std::string_view method, std::string_view target,
        std::initializer_list<Field> fields = {}, std::string_view body = {})
      : body_(body) {
    request_.method = parse_method(method);
    request_.method_text = method;
    request_.target = target;
    request_.path = target.substr(0, target.find('?'));
    if (request_.path.size() < target.size()) {
      request_.query = target.substr(request_.path.size() + 1);
    }
    request_.body = body_;
    request_.request_id = "request-1";
    for (const Field& field : fields) request_.headers.add(field);
    if (!body.empty() && !request_.headers.find("Content-Type")) {
      request_.headers.add({"Content-Type", "application/json"});
    }
    if (auto task = handler.handle(exchange_)) {
      start_detached(tell(std::move(*task), done_));
    } else {
      done_.set_value();
    }
  }

  Response& wait() {
    if (finished_.valid()) finished_.get();
    return response_;
  }
  int status() { return wait().status; }

 private:
  static Task<void> tell(Task<void> task, std::promise<void>& done) {
    co_await std::move(task);
    done.set_value();
  }

  const std::string body_;
  net::Loop loop_;
  NoConnection control_;
  Request request_;
  Response response_;
  Exchange exchange_{request_, response_, loop_, control_};
  std::promise<void> done_;
  std::future<void> finished_ = done_.get_future();
};

}  // namespace keywright::http
