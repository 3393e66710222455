#include "crypto/signature.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "crypto/constant_time.h"

namespace keywright::crypto {
namespace {

auto refuse(std::string_view detail) {
  return fail(Code::invalid_argument, "malformed_jws", detail);
}

}  // namespace

std::string sign_hs256(std::string_view payload_json, const MacKey& key) {
  std::string token = encode_base64url(view_bytes(kJwsHeader));
  token += '.';
  token += encode_base64url(view_bytes(payload_json));
  std::string signature = encode_base64url(key.mac(token));
  token += '.';
  token += signature;
  return token;
}

Result<JwsParts> split_jws(std::string_view token) {
  if (token.size() > kJwsBytesMax) {
    return refuse(fmt::format("The token is longer than {} bytes.", kJwsBytesMax));
  }
  std::size_t first = token.find('.');
  std::size_t last = token.rfind('.');
  if (first == token.npos || first == last || token.find('.', first + 1) != last) {
    return refuse("The token does not have three parts.");
  }
  auto header = decode_base64url(token.substr(0, first));
  auto payload = decode_base64url(token.substr(first + 1, last - first - 1));
  auto signature = decode_base64url(token.substr(last + 1));
  if (!header || !payload || !signature) {
    return refuse("A part of the token is not canonical base64url.");
  }
  if (header->empty() || payload->empty() || signature->empty()) {
    return refuse("A part of the token is empty.");
  }
  return JwsParts{token.substr(0, last), std::string(view_text(*header)),
                  std::string(view_text(*payload)), std::move(*signature)};
}

bool is_signed_by_us(const JwsParts& parts, const MacKey& key) noexcept {
  Sha256 expected = key.mac(parts.signing_input);
  return parts.header == kJwsHeader &&
         equal_in_constant_time(ByteView(expected), ByteView(parts.signature));
}

}  // namespace keywright::crypto
