// mcp/message.h - one JSON-RPC message of a POST, read so that no other reader can read it
// differently.
//
//   auto message = Message::read(body);
//   if (!message) return answer(message.error());          // an RpcError: 400
//   if (message->method() == "tools/call") call(message->name());
//
// Refused, besides what is not JSON (json/document.h: duplicate keys at any depth, more than 64
// levels): batches; keys that differ from one that matters only in case, as Go's decoder would take
// them for it ("Name" beside "name", also with U+017F for s and U+212A for k); an id that is
// neither a string nor an integer; params that are no object.
//
// Errors: RpcError with status 400: -32700 not JSON, -32600 not one JSON-RPC message.
// Threading: one thread at a time; may move to another. Lifetime: views live as long as the
// message. Cost: one parse.
// Source: JSON-RPC 2.0; MCP 2026-07-28, basic.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "json/document.h"
#include "mcp/protocol.h"

namespace keywright::mcp {

enum class MessageType : unsigned char { request, notification, response };

class Message {
 public:
  static RpcResult<Message> read(std::string_view body);

  MessageType type() const { return type_; }
  bool is_request() const { return type_ == MessageType::request; }
  std::string_view method() const { return method_; }  // "" for a response
  const std::string& id() const { return id_; }        // JSON text; "null" where there is none

  std::optional<json::Value> params() const { return params_; }
  std::optional<json::Value> param(std::string_view name) const;
  std::optional<json::Value> member(std::string_view name) const;
  std::optional<json::Value> meta() const { return param("_meta"); }
  // params.name or params.uri, where the method has one: what Mcp-Name must say. "" if it is
  // missing or no string.
  std::string_view name() const;
  // "name" or "uri"; "" for a method that names nothing.
  std::string_view name_field() const;

 private:
  explicit Message(json::Document document) : document_(std::move(document)) {}

  json::Document document_;
  MessageType type_ = MessageType::request;
  std::string_view method_;
  std::string id_ = "null";
  std::optional<json::Value> params_;  // of the document, wherever that moves
};

}  // namespace keywright::mcp
