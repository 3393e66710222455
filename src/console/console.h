// console/console.h - the pages that are in the binary: the console, and the reader of the API
// docs.
//
//   console::Console console;
//   if (console::serves(request.path)) return console.handle(exchange);
//
// Serves /console/ and everything below it, /docs and everything below it, and sends / there. The
// console is one page that shows itself as many (web/): each address of one of them is answered
// with that page, and so is any other address below /console/ if a browser asks for a page. Files
// below /console/assets/ have their content in their name and are kept for a year; all others are
// asked for again, which costs a short 304.
//
// Every page has a Content-Security-Policy that lets in nothing but files of this server, no inline
// script or style, no frame around it and no form sent elsewhere; the console runs under trusted
// types. No page asks any other server for anything. Links for set-up, invitation and reset carry
// their token behind the '#', which browsers do not send; the page takes it out of the address
// line.
//
// Errors: 404 and 405 as problem+json.
// Threading: handle() on any loop at once. Cost: a copy of the file into the response.
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
  // The page for an address that is no file; none if that is not asked for.
  std::optional<std::size_t> page_for(const http::Request& request, std::string_view below) const;

  http::Router router_;
  std::size_t page_ = 0;  // index of the console's one page in all_assets()
};

}  // namespace keywright::console
