// console/console.h - the pages that are in the binary: the console, and the reader of the API
// docs.
//
//   console::Console console;
//   if (console::serves(request.path)) return console.handle(exchange);
//
// Serves /console/ and everything below it, /docs and everything below it, and sends / there. The
// files come from assets/ and third_party/swagger-ui by way of the build (assets.h).
//
// Every page has a Content-Security-Policy that lets in nothing but files of this server, no inline
// script or style, no frame around it and no form sent elsewhere. No page asks any other server for
// anything. Links for set-up, invitation and reset carry their token behind the '#', which browsers
// do not send; the pages' script takes it from there and out of the address line.
//
// Errors: 404 and 405 as problem+json.
// Threading: handle() on any loop at once. Cost: a copy of the file into the response; 304 where
// the browser has it already.
#pragma once

#include <optional>
#include <string_view>

#include "http/router.h"
#include "http/server.h"

namespace keywright::console {

// Is this path one of ours? "/", "/console", "/console/...", "/docs", "/docs/...".
bool serves(std::string_view path);

class Console final : public http::Handler {
 public:
  Console();

  std::optional<Task<void>> handle(http::Exchange& exchange) override;

 private:
  http::Router router_;
};

}  // namespace keywright::console
