// mcp/protocol.h - names and numbers of the Model Context Protocol, by era.
//
// There are two eras on one wire. In the *legacy* one (2024-11-05 to 2025-11-25) a client begins
// with `initialize`, may hold a session, and the server may ask back on the stream. In the *modern*
// one (2026-07-28) each request stands alone and says in header fields what its body says.
//
// Threading: constants.
// Source: modelcontextprotocol.io, specifications 2025-11-25 and 2026-07-28; JSON-RPC 2.0.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace keywright::mcp {

enum class Era : unsigned char { legacy, modern };

inline constexpr std::string_view kModernVersion = "2026-07-28";
// Newest first; the first one is what `initialize` answers to a version nobody knows.
inline constexpr std::array<std::string_view, 4> kLegacyVersions = {"2025-11-25", "2025-06-18",
                                                                    "2025-03-26", "2024-11-05"};

bool is_legacy_version(std::string_view version);

// Keys of `_meta` in the modern era.
inline constexpr std::string_view kMetaProtocolVersion = "io.modelcontextprotocol/protocolVersion";
inline constexpr std::string_view kMetaClientCapabilities =
    "io.modelcontextprotocol/clientCapabilities";
inline constexpr std::string_view kMetaServerInfo = "io.modelcontextprotocol/serverInfo";

// Error codes of JSON-RPC and of MCP.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kUnsupportedVersion = -32022;

// A request that is answered with a JSON-RPC error, and the HTTP status that goes with it.
struct RpcError {
  int status = 400;
  int code = kInvalidRequest;
  std::string message;
  std::string data{};       // JSON; "" = none
  std::string id = "null";  // of the request, as JSON
};

template <class T>
using RpcResult = tl::expected<T, RpcError>;

inline tl::unexpected<RpcError> refuse(RpcError error) {
  return tl::unexpected<RpcError>(std::move(error));
}

}  // namespace keywright::mcp
