// api/graphql/face.h - the GraphQL API, as Probo's users know it.
//
//   graphql_face::Face face(app, {.trusted_proxies = config.trusted_proxies});
//   front.add(graphql_face::serves, face);
//
// POST /api/console/v1/graphql with {"query", "variables"?, "operationName"?}, as a person in a
// session or with a key whose kind opens `graphql`. The schema (tests/golden/schema.graphql) is
// made once; every request is parsed, measured, validated and only then executed
// (graphql/prepare.h).
//
// Fields ask the same operations as every other API. What answers from memory is answered at once,
// without a coroutine. If something had to be waited for, the caller is looked at once more right
// before the answer begins, as in rest::Face: a key that was revoked meanwhile gets a 401.
//
// Errors: {"errors":[{"message","extensions":{"code"}}]}; of a field with HTTP 200, place and path.
// Threading: handle() on any loop at once. Lifetime: `app` outlives the face.
// Cost: a small query is a few microseconds beyond admission.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "app/operation.h"
#include "graphql/limits.h"
#include "graphql/schema.h"
#include "http/server.h"

namespace keywright::graphql_face {

inline constexpr std::string_view kPath = "/api/console/v1/graphql";

inline bool serves(std::string_view path) { return path == kPath; }

struct FaceOptions {
  std::vector<Cidr> trusted_proxies;
  graphql::Limits limits = {};
};

class Face final : public http::Handler {
 public:
  Face(app::App& app, FaceOptions options);
  ~Face() override;

  std::optional<Task<void>> handle(http::Exchange& exchange) override;
  void body_too_large(const http::Request& request, http::Response& response) override;

  const graphql::Schema& schema() const { return *schema_; }

 private:
  struct Work;

  Result<void> admit(const http::Request& request, Work& work) const;
  bool begin(http::Exchange& exchange, Work& work) const;
  Task<void> run(http::Exchange& exchange, std::unique_ptr<Work> work, bool admitted) const;
  void finish(http::Exchange& exchange, Work& work) const;
  void refuse(http::Response& response, const Work& work, const Error& error) const;

  app::App& app_;
  const FaceOptions options_;
  const std::unique_ptr<const graphql::Schema> schema_;
};

}  // namespace keywright::graphql_face
