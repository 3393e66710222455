// crypto/signature.h - compact JWS with HS256: write our own, take any apart.
//
//   std::string token = sign_hs256(R"({"jti":"..."})", keys.jwt);    // header.payload.signature
//   KW_TRY(JwsParts parts, split_jws(token));
//   if (is_signed_by_us(parts, keys.jwt)) ...
//
// The header is always {"typ":"JWT","alg":"HS256"} in these bytes. Nothing a token says of itself
// is believed: is_signed_by_us() asks for exactly that header and a signature by this key, so no
// other "alg", "kid", "jku" or "crit" is ever looked at.
// Errors: invalid_argument/malformed_jws: not three parts, not canonical base64url, an empty part,
// or more than kJwsBytesMax. Header and payload are bytes here; whoever needs JSON parses it.
// Threading: pure functions.
// Lifetime: JwsParts borrows the token.
// Cost: under 1 µs.
// Source: RFC 7515, RFC 7518 section 3.2; RFC 8725 for what not to believe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/mac.h"

namespace keywright::crypto {

inline constexpr std::size_t kJwsBytesMax = 4096;
inline constexpr std::string_view kJwsHeader = R"({"typ":"JWT","alg":"HS256"})";

struct JwsParts {
  std::string_view signing_input;  // header.payload, as it stands in the token
  std::string header;              // decoded
  std::string payload;             // decoded
  Bytes signature;                 // decoded
};

std::string sign_hs256(std::string_view payload_json, const MacKey& key);

Result<JwsParts> split_jws(std::string_view token);

bool is_signed_by_us(const JwsParts& parts, const MacKey& key) noexcept;

}  // namespace keywright::crypto
