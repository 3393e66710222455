// JWTs from outside: taking them apart never crashes, there is one text for each JWT, none that we
// did not sign passes, and the two readers (shape in domain, parts in crypto) agree.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/encoding.h"
#include "crypto/signature.h"
#include "domain/keys/token.h"

namespace keywright::domain {
namespace {

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

const crypto::MacKey& our_key() {
  static const crypto::MacKey key(view_bytes("a key that no input was signed with"));
  return key;
}

void taken_apart(std::string_view token) {
  const Result<crypto::JwsParts> parts = crypto::split_jws(token);
  if (token.starts_with("eyJ")) {
    const bool recognised = read_token(shipped_kinds(), token).form == TokenForm::recognised;
    expect(recognised == parts.has_value(), "the readers disagree on what a JWT is");
  }
  if (!parts) return;
  expect(token.size() <= crypto::kJwsBytesMax, "too long");
  const std::string joined = encode_base64url(view_bytes(parts->header)) + "." +
                             encode_base64url(view_bytes(parts->payload)) + "." +
                             encode_base64url(parts->signature);
  expect(joined == token, "the same parts have another text");
  expect(!crypto::is_signed_by_us(*parts, our_key()), "nobody but us can sign");
}

// The input as payload of a token of ours, and then with one bit changed.
void signed_by_us(std::string_view payload) {
  if (payload.empty() || payload.size() > 1024) return;
  const std::string token = crypto::sign_hs256(payload, our_key());
  const Result<crypto::JwsParts> parts = crypto::split_jws(token);
  expect(parts && parts->payload == payload, "our own token does not read back");
  expect(crypto::is_signed_by_us(*parts, our_key()), "our own token is refused");
  for (std::size_t i = 0; i < token.size(); i += 7) {
    std::string changed = token;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const Result<crypto::JwsParts> other = crypto::split_jws(changed);
    expect(!other || !crypto::is_signed_by_us(*other, our_key()), "a changed token passes");
  }
}

}  // namespace
}  // namespace keywright::domain

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  keywright::domain::taken_apart(text);
  keywright::domain::signed_by_us(text);
  return 0;
}
