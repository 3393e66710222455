// server/operator.h - operations called from inside the program, as a person who is signed in.
//
//   KW_TRY(auto ada, Operator::sign_in(core, app, user_id));
//   KW_TRY(std::string project, ada->call("projects.create", {}, R"({"name":"Bot"})"));
//
// The same operations with the same checks and the same audit log as over HTTP; only the transport
// is missing. The session ends with the Operator.
//
// Errors: those of the operations; internal/unknown_operation.
// Threading: a thread that is no io thread, while there are none. Cost: one commit for each change.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/operation.h"
#include "base/result.h"
#include "server/core.h"

namespace keywright::server {

class Operator {
 public:
  using PathFields = std::vector<std::pair<std::string_view, std::string_view>>;

  static Result<std::unique_ptr<Operator>> sign_in(Core& core, app::App& app, domain::UserId user);
  ~Operator();
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  // The response body. A creation that carries an idempotency key and was done before answers as it
  // did then, without its secrets.
  Result<std::string> call(std::string_view operation, const PathFields& path,
                           std::string_view body, std::string_view idempotency_key = {});

 private:
  Operator(Core& core, app::App& app) : core_(core), app_(app) {}

  Core& core_;
  app::App& app_;
  app::Caller caller_;
};

}  // namespace keywright::server
