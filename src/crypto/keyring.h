// crypto/keyring.h - the digest.key file: the secret that everything stored rests on.
//
//   KW_TRY(Keyring keyring, Keyring::create_file("data/digest.key", clock, random));  // setup
//   KW_TRY(Keyring keyring, Keyring::load_file("data/digest.key"));                   // serve
//   Sha256 digest = token_digest(keyring.newest().digest, token);
//   for (const DerivedKeys& keys : keyring.versions()) ...  // newest first
//
// The file is text: a first line that names the format, then one line for each version with its
// number, when it was made, and 32 random bytes in base64url:
//
//   keywright-keyring 1
//   1 2026-11-20T22:33:51.123Z 3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
//
// The newest version makes digests, signatures and seals; older ones are still tried. Lines that
// start with "#" and blank lines are skipped. For each version, HKDF gives one key for each
// purpose. The store keeps check_value() beside the digests made with it: a node that holds another
// keyring finds no version for it and refuses to start.
// Errors: not_found, permission_denied/file_permission (others may read the file),
// conflict/file_exists, invalid_argument/invalid_keyring naming the line. Details are for
// operators; none shows a key.
// Threading: const functions from any thread.
// Lifetime: references live as long as the Keyring.
// Cost: loading a few µs for each version; look-ups nothing. Losing the file ends every key: back
// it up apart from the store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/hkdf.h"
#include "crypto/mac.h"
#include "crypto/sealed.h"

namespace keywright::crypto {

// One version's keys, one for each purpose.
struct DerivedKeys {
  std::uint32_t version;
  Time created_at;
  MacKey digest;   // token digests
  MacKey jwt;      // tokens of the JWT kinds
  MacKey session;  // session cookies, links for invitations and resets
  MacKey row;      // MACs over stored records
  MacKey cursor;   // page cursors
  MacKey check;    // check_value
};

class Keyring {
 public:
  static Result<Keyring> parse(std::string_view text);
  static Result<Keyring> load_file(const std::filesystem::path& path);
  // Makes version 1 and writes it, mode 0600. Refuses to replace a file.
  static Result<Keyring> create_file(const std::filesystem::path& path, const Clock& clock,
                                     Random& random);
  // In memory only.
  static Keyring generate(const Clock& clock, Random& random);

  // This keyring and one version more.
  Result<Keyring> rotated(const Clock& clock, Random& random) const;
  // Replaces the file, mode 0600, durable once it returned.
  Result<void> save_file(const std::filesystem::path& path) const;

  std::span<const DerivedKeys> versions() const noexcept { return derived_; }  // newest first
  const DerivedKeys& newest() const noexcept { return derived_.front(); }
  const DerivedKeys* find_version(std::uint32_t version) const noexcept;
  const Sealer& sealer() const noexcept { return sealer_; }

  // 64 hex digits that depend on the newest version and tell nothing about it.
  std::string check_value() const;
  // The version that a stored check value was made with; null when it is none of these.
  const DerivedKeys* find_by_check_value(std::string_view check_value) const noexcept;

 private:
  struct Version {
    std::uint32_t number = 0;
    Time created_at;
    Key256 root;
  };

  explicit Keyring(std::vector<Version> versions);
  Secret<std::string> format() const;

  std::vector<Version> versions_;  // newest first
  std::vector<DerivedKeys> derived_;
  Sealer sealer_;
};

}  // namespace keywright::crypto
