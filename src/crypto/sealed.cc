#include "crypto/sealed.h"

#include <optional>

#include "base/bytes.h"
#include "crypto/sodium.h"

namespace keywright::crypto {
namespace {

constexpr unsigned char kFormat = 1;
constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kOverheadBytes = kHeaderBytes + kNonceBytes + kTagBytes;
static_assert(kOverheadBytes == 45);

std::string make_header(std::uint32_t version) {
  std::string header(1, static_cast<char>(kFormat));
  for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(version >> shift);
  return header;
}

// The key version named in a header of our format.
std::optional<std::uint32_t> parse_header(std::string_view sealed) noexcept {
  if (sealed.size() < kOverheadBytes || sealed[0] != static_cast<char>(kFormat)) return {};
  std::uint32_t version = 0;
  for (std::size_t i = 1; i < kHeaderBytes; ++i) {
    version = version << 8 | static_cast<unsigned char>(sealed[i]);
  }
  return version;
}

const unsigned char* data(std::string_view text) { return view_bytes(text).data(); }
unsigned char* data(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

auto broken() {
  return fail(Error(Code::internal, "seal_broken", "A sealed value of the store cannot be opened.")
                  .with_internal("sealed value is damaged, moved, or not of this format"));
}

}  // namespace

std::string Sealer::seal(std::string_view value, std::string_view place, Random& random) const {
  make_sodium_ready();
  const SealKey& newest = keys_.front();
  std::string sealed = make_header(newest.version);
  std::string bound = sealed + std::string(place);
  auto nonce = random_bytes<kNonceBytes>(random);
  sealed += view_text(nonce);
  std::size_t start = sealed.size();
  sealed.resize(start + value.size() + kTagBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      data(sealed) + start, nullptr, data(value), value.size(), data(std::string_view(bound)),
      bound.size(), nullptr, nonce.data(), newest.key.reveal().data());
  return sealed;
}

Result<Secret<std::string>> Sealer::open(std::string_view sealed, std::string_view place) const {
  make_sodium_ready();
  auto version = parse_header(sealed);
  if (!version) return broken();
  const SealKey* key = nullptr;
  for (const SealKey& candidate : keys_) {
    if (candidate.version == *version) key = &candidate;
  }
  if (key == nullptr) {
    return fail(Error(Code::internal, "seal_unknown_key",
                      "A sealed value of the store was made with a key that is missing.")
                    .with_internal("keyring has no version " + std::to_string(*version)));
  }
  std::string bound = std::string(sealed.substr(0, kHeaderBytes)) + std::string(place);
  std::string_view nonce = sealed.substr(kHeaderBytes, kNonceBytes);
  std::string_view ciphertext = sealed.substr(kHeaderBytes + kNonceBytes);
  std::string value(ciphertext.size() - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(data(value), nullptr, nullptr, data(ciphertext),
                                                 ciphertext.size(), data(std::string_view(bound)),
                                                 bound.size(), data(nonce),
                                                 key->key.reveal().data()) != 0) {
    return broken();
  }
  return Secret<std::string>(std::move(value));
}

bool Sealer::is_stale(std::string_view sealed) const noexcept {
  auto version = parse_header(sealed);
  return version && *version != keys_.front().version;
}

}  // namespace keywright::crypto
