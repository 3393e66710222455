// api/rest/openapi.h - the OpenAPI 3.1 document of the native API, written from the operations.
//
//   std::string document = write_openapi(app::all_operations(), kinds, "1.2.0");
//
// Everything in it comes from the descriptions (app/operation.h, json/describe.h): there is nothing
// to keep in step by hand. Each operation also says under "x-keywright" who is admitted and what
// right is needed; tests/integration/test_access_matrix.py compares that with what happens.
//
// Threading: pure. Cost: a few ms, at start.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "app/operation.h"

namespace keywright::rest {

std::string write_openapi(std::span<const app::Operation> operations, const domain::Kinds& kinds,
                          std::string_view version);

}  // namespace keywright::rest
