#include "app/found_idle.h"

#include "app/committer.h"

namespace keywright::app {

void record_found_idle(Directory& directory, Committer& committer) {
  for (const domain::KeyId& id : directory.found_idle().take()) {
    committer.post([id](Change& change) -> Result<void> {
      KW_TRY(domain::Key key, change.whole_key(id));
      if (key.idle_expired_at || key.state == domain::KeyState::revoked) return {};
      key.idle_expired_at = change.now;
      domain::AuditEvent event;
      event.organization_id = key.organization_id;
      event.actor.type = "system";
      event.action = "keys.idle";
      event.object = {"key", id.to_string(), key.name};
      event.reason = "idle_timeout";
      change.audit(std::move(event));
      change.put_key(std::move(key));
      return {};
    });
  }
}

}  // namespace keywright::app
