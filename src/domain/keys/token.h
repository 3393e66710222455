// domain/keys/token.h - making tokens, reading their shape, and what of them may be shown.
//
//   NewToken made = make_token(kind, parts, random);      // made.token is shown once
//   ReadToken read = read_token(kinds, presented);        // shape only: says nothing of validity
//
// Shape is a cheap first sieve (prefix, length, alphabet, CRC-32), never a proof: what a token may
// do is decided by the record found under its keyed digest. The checksum covers everything before
// it (CRC-32/ISO-HDLC, 6 base62 digits: docs/adr/0004).
//
// Errors: none; a token of no known shape reads as `unrecognised`, a known prefix with a wrong
// length, alphabet or checksum as `malformed`. Both may still be tokens that somebody else issued
// and that were imported. Of a JWT only the shape is read: nothing that it says of itself counts.
// Threading: pure. Cost: read_token is one pass over the token, no allocation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/secret.h"
#include "crypto/mac.h"
#include "domain/keys/kinds.h"

namespace keywright::domain {

inline constexpr std::size_t kTokenCharactersMax = 4096;

// What a mask keeps of a token; all that is ever shown after creation.
struct Shown {
  std::string prefix;  // "" = null on the wire
  std::string last4;   // "" = null on the wire
  std::string mask;
};

struct NewToken {
  Secret<std::string> token;
  Shown shown;
};

// What stands in a token besides its secret. Only the fields that the kind's shape uses are read.
struct TokenParts {
  std::int64_t user_serial = 0;  // connect
  std::int64_t key_serial = 0;   // connect
  std::string keyspace_prefix;   // keyspace
  std::string jti;               // jwt: key id for the first version, then 12 fresh characters
  std::string tenant;            // jwt: organization name
  std::string username;          // jwt: e-mail of the creator, or the target's name
  std::int64_t expires_at_seconds = 0;  // jwt: `exp` claim; 0 = none
};

NewToken make_token(const Kind& kind, const TokenParts& parts, const crypto::MacKey& jwt_key,
                    Random& random);

enum class TokenForm : unsigned char { recognised, malformed, unrecognised };

struct ReadToken {
  TokenForm form = TokenForm::unrecognised;
  // Hint from the prefix; the record decides. Null for JWTs (two kinds share the shape) and for
  // tokens of a keyspace, which are recognised by their checksum.
  const Kind* kind = nullptr;
};

ReadToken read_token(const Kinds& kinds, std::string_view token);

// What may be shown of a token that somebody else issued (import): the same rules by kind.
Shown shown_of(const Kind& kind, std::string_view token_prefix, std::string_view last4);

}  // namespace keywright::domain
