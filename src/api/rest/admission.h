// api/rest/admission.h - may whoever sent this credential come to that operation at all?
//
//   KW_TRY(app::Caller caller, admit_to(operation, presented, directory, address, now));
//
// Translates what an operation's description admits (app/operation.h) into a question for
// app::admit(), and says in refusals who would have been admitted. What the caller may do inside,
// with which organization and object, the operation asks itself.
//
// Errors: unauthenticated `unauthenticated`, or `credential_missing` if nothing was presented;
// permission_denied `wrong_key_kind`; those of app::admit. Threading: io threads. Cost: one
// decide().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/caller.h"
#include "app/operation.h"

namespace keywright::rest {

Result<app::Caller> admit_to(const app::Operation& operation,
                             const std::optional<app::Presented>& presented,
                             const app::Directory& directory, const IpAddress& address, Time now);

// "people who are signed in, and keys of kind personal or access"
std::string admitted_to(const app::Operation& operation, const domain::Kinds& kinds);

// The places of the native API that a kind opens at all; for the OpenAPI document.
bool admits_kind(const app::Operation& operation, const domain::Kind& kind);

}  // namespace keywright::rest
