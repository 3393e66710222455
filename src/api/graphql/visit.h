// api/graphql/visit.h - one request being answered, as the resolvers see it.
//
//   auto& visit = field.context<Visit>();
//   KW_CHECK_OK(visit.may_look("targets.list", organization));       // asked again at each walk
//   const Outcome* page = field.later(key, [&visit] { return ...visit.perform(...); });
//
// Resolvers hold no rule of access: what the operation behind a field asks for decides, at each
// walk over the answer and when the operation runs.
//
// Errors: visit.refuse(field, error) is the one table from an Error to what a field says.
// Threading: the loop of the request. Lifetime: until the answer left.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/operation.h"
#include "graphql/execute.h"

namespace keywright::graphql_face {

using Parameters = std::vector<std::pair<std::string, std::string>>;

class Visit {
 public:
  Visit(app::App& of_app, const app::Caller& caller, Time now, std::string_view request_id,
        std::string_view user_agent, bool secure);

  app::App& app;

  const app::Caller& caller() const { return call_.caller; }
  const app::Directory& directory() const { return app.directory; }
  Time now() const { return call_.now; }
  // Null once the person is gone.
  const domain::User* user() const;

  // A call of this operation by the caller, for the functions of app/authority.h.
  const app::Call& call_of(std::string_view operation);
  // May somebody like this call the operation, and does its right hold in the organization?
  Result<void> may_look(std::string_view operation, domain::OrganizationId organization);
  Result<void> may_call(std::string_view operation);

  // The operation's answer as JSON. The parameters go where the operation reads them.
  Task<Result<std::string>> perform(std::string operation, Parameters parameters, std::string body);

  // Something with a destructor, kept until the answer left.
  template <class T>
  const T* keep(T value) {
    auto kept = std::make_shared<const T>(std::move(value));
    kept_.push_back(kept);
    return kept.get();
  }

 private:
  app::Call call_;
  std::vector<std::shared_ptr<const void>> kept_;
};

// "organization_id" as it is called here: "organizationId".
std::string field_name(std::string_view name);

std::string_view code_of(const Error& error);
graphql::Value refuse(graphql::Resolving& field, const Error& error);

}  // namespace keywright::graphql_face
