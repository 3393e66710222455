// forwarding/signature.h - signs webhooks as Standard Webhooks say.
//
//   signature_of(secret, "msg_1", 1614265330, body)  ->  "v1,g0hM9SsE+OTPJTGt/tmIKtSy..."
//
// The secret is `whsec_` and base64; what it stands for is the key of an HMAC-SHA-256 over id,
// timestamp and body, with dots between them. While a secret is replaced, both sign, with a space
// between the signatures, and a receiver takes either.
//
// Threading: pure. Source: standardwebhooks.com, "Signature scheme".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keywright::forwarding {

// "" for a secret that is none.
std::string signature_of(std::string_view secret, std::string_view id, std::int64_t unix_seconds,
                         std::string_view body);

}  // namespace keywright::forwarding
