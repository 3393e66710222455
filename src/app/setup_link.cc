#include "app/setup_link.h"

#include "base/encoding.h"
#include "crypto/constant_time.h"

namespace keywright::app {

Secret<std::string> SetupLink::issue(const Directory& directory, Random& random, Time now) {
  Secret<std::string> token(random_base62(random, 43));
  const std::lock_guard lock(mutex_);
  digest_ = directory.keyring().newest().session.mac(token.reveal());
  expires_at_ = now + kLife;
  return token;
}

bool SetupLink::matches(const Directory& directory, std::string_view token, Time now) const {
  const std::lock_guard lock(mutex_);
  return now < expires_at_ &&
         crypto::equal_in_constant_time(digest_, directory.keyring().newest().session.mac(token));
}

void SetupLink::spend() {
  const std::lock_guard lock(mutex_);
  expires_at_ = Time{};
}

}  // namespace keywright::app
