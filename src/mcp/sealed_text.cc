#include "mcp/sealed_text.h"

#include "base/bytes.h"
#include "base/encoding.h"

namespace keywright::mcp {
namespace {

constexpr std::size_t kLongestText = 16 * 1024;

// Lengths stand before the parts, so that no two bindings are one place.
std::string place_of(const SessionBinding& binding) {
  std::string place = "mcp/session";
  for (std::string_view part : {binding.server, binding.owner, binding.key}) {
    place.append("/").append(std::to_string(part.size())).append(":").append(part);
  }
  return place;
}

}  // namespace

std::string seal_text(const crypto::Sealer& sealer, std::string_view value, std::string_view place,
                      Random& random) {
  return encode_base64url(view_bytes(sealer.seal(value, place, random)));
}

std::optional<std::string> open_text(const crypto::Sealer& sealer, std::string_view text,
                                     std::string_view place) {
  if (text.size() > kLongestText) return std::nullopt;
  const auto bytes = decode_base64url(text);
  if (!bytes) return std::nullopt;
  const std::string sealed(bytes->begin(), bytes->end());
  auto value = sealer.open(sealed, place);
  if (!value) return std::nullopt;
  return value->reveal();
}

std::string seal_session(const crypto::Sealer& sealer, std::string_view upstream_id,
                         const SessionBinding& binding, Random& random) {
  return seal_text(sealer, upstream_id, place_of(binding), random);
}

std::optional<std::string> open_session(const crypto::Sealer& sealer, std::string_view id,
                                        const SessionBinding& binding) {
  return open_text(sealer, id, place_of(binding));
}

}  // namespace keywright::mcp
