// api/targets/face.h - the API of accounts, targets and their keys, at the root of the server.
//
//   api_targets::Face face(app, {.trusted_proxies = config.trusted_proxies});
//   front.add(api_targets::serves, face);               // before whatever else serves /auth/
//
// /keys/, /targets/, /targets/{id}/keys/ and /auth/{obtain,verify,refresh,revoke}/, in the words of
// APIs built with Django REST framework: trailing slashes, numbered pages, {"detail": ...}. Each
// call is one or two of the operations of the native API (app/perform.h), under their rules; what
// differs are names, envelopes and the credentials: JWT keys of accounts and targets, sessions, and
// the JWTs that /auth/obtain/ gives to people.
//
// The life of a request: address, redirect, method, query, credential, CSRF, body type, then the
// operation. If the records moved while it was away, its caller is looked at once more right before
// the answer begins, as in api/rest.
//
// Errors: see answers.h. A 401 says `WWW-Authenticate: JWT realm="api"`.
// Threading: handle() on any loop at once. Lifetime: `app` outlives the face.
// Cost: a task for each request; a list reads all its objects, which is what count and search need.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/targets/answers.h"
#include "api/targets/places.h"
#include "app/denied_calls.h"
#include "app/operation.h"
#include "http/server.h"

namespace keywright::api_targets {

struct FaceOptions {
  std::vector<Cidr> trusted_proxies;
};

class Face final : public http::Handler {
 public:
  Face(app::App& app, FaceOptions options) : app_(app), options_(std::move(options)) {}

  std::optional<Task<void>> handle(http::Exchange& exchange) override { return run(exchange); }
  void body_too_large(const http::Request& request, http::Response& response) override;

 private:
  struct Visit;
  // What an operation gets: one object in the path, or a query; and a body.
  struct Input {
    std::string id;
    std::vector<std::pair<std::string_view, std::string>> query;
    std::string body;
  };

  Task<void> run(http::Exchange& exchange);
  Result<void> begin(Visit& visit) const;
  Result<void> admit(Visit& visit) const;
  void check_again(Visit& visit, Result<void>& done) const;
  void finish(http::Response& response, Visit& visit, Result<void> done) const;

  Task<Result<void>> serve(Visit& visit);
  Task<Result<void>> serve_account_keys(Visit& visit);
  Task<Result<void>> serve_account_key(Visit& visit);
  Task<Result<void>> serve_targets(Visit& visit);
  Task<Result<void>> serve_target(Visit& visit);
  Task<Result<void>> serve_target_keys(Visit& visit);
  Task<Result<void>> serve_target_key(Visit& visit);
  Task<Result<void>> obtain(Visit& visit);
  Task<Result<void>> with_token(Visit& visit);

  Task<Result<void>> list_keys(Visit& visit, Input input);
  Task<Result<void>> make_key(Visit& visit, std::string kind, const TargetRow* target);
  Task<Result<KeyRow>> find_key(Visit& visit, std::string kind, std::string owner);
  Task<Result<void>> delete_key(Visit& visit, std::string id);
  Task<Result<TargetRow>> find_target(Visit& visit);

  // The operation's JSON, if it is open to this caller.
  Task<Result<std::string>> ask(Visit& visit, const app::Operation& operation, Input input);
  Task<Result<std::string>> ask(Visit& visit, std::string_view operation, Input input);
  // Every item of a list operation.
  template <class Rows>
  Task<Result<std::vector<Item>>> all_items(Visit& visit, std::string_view operation, Input input);

  app::App& app_;
  mutable app::DeniedCalls denied_{app_.directory, app_.committer};
  const FaceOptions options_;
};

}  // namespace keywright::api_targets
