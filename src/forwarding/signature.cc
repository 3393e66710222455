#include "forwarding/signature.h"

#include "base/encoding.h"
#include "crypto/mac.h"

namespace keywright::forwarding {

std::string signature_of(std::string_view secret, std::string_view id, std::int64_t unix_seconds,
                         std::string_view body) {
  constexpr std::string_view kPrefix = "whsec_";
  if (!secret.starts_with(kPrefix)) return "";
  const auto key = decode_base64(secret.substr(kPrefix.size()));
  if (!key) return "";
  std::string signed_text(id);
  signed_text.append(".").append(std::to_string(unix_seconds)).append(".").append(body);
  const crypto::Sha256 mac = crypto::MacKey(ByteView(*key)).mac(signed_text);
  return "v1," + encode_base64(ByteView(mac));
}

}  // namespace keywright::forwarding
