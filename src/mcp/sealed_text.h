// mcp/sealed_text.h - values that travel through a client and come back: session ids, the state of
// a question to the person behind it.
//
//   const std::string text = seal_text(keyring.sealer(), value, place, random);
//   if (auto value = open_text(keyring.sealer(), text, place)) ...     // else: not ours, or moved
//
//   SessionBinding binding{server_id, owner_id, key_id};
//   std::string id = seal_session(sealer, upstream_session_id, binding, random);
//   std::optional<std::string> upstream = open_session(sealer, id, binding);     // nullopt: 404
//
// Nothing is kept here: what was sealed opens on any worker and after a restart, and only at the
// place it was sealed for. A session is bound to its server, its owner and the key record, not to
// the key's secret: it survives rotation, and nobody else can use it.
//
// Shapes: base64url, visible ASCII, 60 characters and 4/3 of the value.
// Errors: nothing where it does not open; why is not said.
// Threading: any thread. Cost: about 1 µs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "crypto/sealed.h"

namespace keywright::mcp {

std::string seal_text(const crypto::Sealer& sealer, std::string_view value, std::string_view place,
                      Random& random);
std::optional<std::string> open_text(const crypto::Sealer& sealer, std::string_view text,
                                     std::string_view place);

struct SessionBinding {
  std::string_view server;
  std::string_view owner;
  std::string_view key;  // id of the record: its lineage over rotations
};

std::string seal_session(const crypto::Sealer& sealer, std::string_view upstream_id,
                         const SessionBinding& binding, Random& random);
std::optional<std::string> open_session(const crypto::Sealer& sealer, std::string_view id,
                                        const SessionBinding& binding);

}  // namespace keywright::mcp
