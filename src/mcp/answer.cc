#include "mcp/answer.h"

#include "json/writer.h"

namespace keywright::mcp {

std::string result_answer(std::string_view id, std::string_view result) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("jsonrpc").string("2.0").key("id").raw(id);
  writer.key("result").raw(result).end_object();
  return out;
}

std::string error_answer(const RpcError& error) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("jsonrpc").string("2.0").key("id").raw(error.id);
  writer.key("error").begin_object().key("code").integer(error.code);
  writer.key("message").string(error.message);
  if (!error.data.empty()) writer.key("data").raw(error.data);
  writer.end_object().end_object();
  return out;
}

RpcError unknown_method(Era era, std::string_view method, const std::string& id) {
  const int status = era == Era::modern ? 404 : 200;
  return {status, kMethodNotFound, "Unknown method: " + std::string(method), {}, id};
}

RpcError unknown_tool(std::string_view name, const std::string& id) {
  return {200, kInvalidParams, "Unknown tool: " + std::string(name), {}, id};
}

}  // namespace keywright::mcp
