#include "app/found_idle.h"

#include "app/committer.h"
#include "domain/audit/system_event.h"

namespace keywright::app {

void record_found_idle(Directory& directory, Committer& committer) {
  for (const domain::KeyId& id : directory.found_idle().take()) {
    committer.post([id](Change& change) -> Result<void> {
      KW_TRY(domain::Key key, change.whole_key(id));
      if (key.idle_expired_at || key.state == domain::KeyState::revoked) return {};
      key.idle_expired_at = change.now;
      change.audit(domain::system_event("keys.idle", key.organization_id,
                                        {"key", id.to_string(), key.name}, "idle_timeout"));
      change.put_key(std::move(key));
      return {};
    });
  }
}

}  // namespace keywright::app
