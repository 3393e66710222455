// mcp/answer.h - JSON-RPC answers as text.
//
//   result_answer(message.id(), R"({"tools":[]})")
//   error_answer({404, kMethodNotFound, "Unknown method: x", {}, message.id()})
//
// Threading: pure functions. Cost: one string.
#pragma once

#include <string>
#include <string_view>

#include "mcp/protocol.h"

namespace keywright::mcp {

// `id` and `result` are JSON.
std::string result_answer(std::string_view id, std::string_view result);
std::string error_answer(const RpcError& error);

// The method is unknown: in the modern era that is a 404, else it is an answer like any other.
RpcError unknown_method(Era era, std::string_view method, const std::string& id);
// A tool that does not exist, or that the caller is not to know of: 200.
RpcError unknown_tool(std::string_view name, const std::string& id);

}  // namespace keywright::mcp
