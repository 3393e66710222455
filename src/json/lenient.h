// json/lenient.h - reads what somebody else's server said, which is looked into and goes on as it
// came.
//
//   const auto document = parse_leniently(event.data);
//   if (document && document->root().find("id")) ...
//   put(event.data);
//
// What is not quite JSON, though many programs write and read it, is read as if it were: half a
// surrogate pair (what is left of an emoji that was cut) as U+FFFD, a control character in a string
// as a space, a byte order mark as nothing. For what others ask of us use Document: what could be
// read in two ways must not be.
//
// Errors, lifetime, threading: those of Document::parse. Cost: Document::parse; where that fails, a
// copy and another one.
#pragma once

#include <string_view>

#include "json/document.h"

namespace keywright::json {

Result<Document> parse_leniently(std::string_view text);

}  // namespace keywright::json
