// cli/answer.h - an answer of the server, read and shown.
//
//   auto document = read_answer(answer->body);
//   context.console.out(record(document->root(), fields, view_of(context)));
//   return after_output(context);
//
// Text of the server passes printable() on its way to a terminal.
//
// Errors: an answer that is no JSON, standard output that cannot be written: ExitCode::failure.
// Threading: one thread. Lifetime: a View refers to the context's console.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/outcome.h"
#include "cli/render.h"
#include "json/document.h"

namespace keywright::cli {

Expected<json::Document> read_answer(std::string_view body);

// "" and 0 where an object has no such member, or one of another kind.
std::string text_member(const json::Value& object, std::string_view name);
std::int64_t number_member(const json::Value& object, std::string_view name);

// The names of what an object has, in its order.
std::vector<std::string> member_names(const json::Value& object);

// For people if standard output is a terminal.
View view_of(Context& context);

// How a command ends that has printed all it had to say.
Outcome after_output(Context& context);

}  // namespace keywright::cli
