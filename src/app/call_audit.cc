#include "app/call_audit.h"

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "app/blot.h"
#include "app/change.h"
#include "json/writer.h"

namespace keywright::app {
namespace {

constexpr std::size_t kUsualDetailsBytes = 96;

json::Raw details_of(const AuditedCall& call) {
  std::string text;
  text.reserve(kUsualDetailsBytes);
  json::Writer writer(text);
  writer.begin_object().key("method").string(blotted(call.method));
  if (!call.tool.empty()) writer.key("tool").string(blotted(call.tool));
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(call.duration);
  writer.key("duration_ms").integer(milliseconds.count()).end_object();
  return json::Raw::trusted(std::move(text));
}

// As Change::audit() would one by one: here they are many, and moving one costs as much as making
// it.
void take_over(std::vector<domain::AuditEvent> events, Change& change) {
  for (domain::AuditEvent& event : events) {
    event.id = change.new_id();
    event.time = change.now;
  }
  change.transaction.events = std::move(events);
}

}  // namespace

domain::AuditEvent call_event(const Caller& caller, AuditedCall call) {
  domain::AuditEvent event;
  event.organization_id = call.organization.is_nil() ? caller.organization : call.organization;
  event.actor.type = caller.is_key() ? "key" : caller.is_session() ? "user" : "anonymous";
  if (!caller.user.is_nil()) event.actor.id = caller.user.to_string();
  if (caller.is_key()) event.actor.key_id = caller.key.to_string();
  event.action = call.action;
  event.object = std::move(call.object);
  if (event.object.name.size() > kShownNameMax || looks_like_a_token(event.object.name)) {
    event.object.name = blotted(event.object.name);
  }
  event.outcome = call.outcome;
  event.reason = call.reason;
  event.request_id = call.request_id;
  event.address = caller.address.to_string();
  event.details = details_of(call);
  return event;
}

Caller refused_caller(const Directory& directory, std::string_view token,
                      const IpAddress& address) {
  Caller caller;
  caller.address = address;
  const domain::KeyRecord* key = directory.find_token(token);
  if (key == nullptr) return caller;
  caller.type = CallerType::key;
  caller.key = key->id;
  caller.kind = key->kind;
  if (const auto* organization = directory.organization(key->organization)) {
    caller.organization = organization->id;
  }
  if (key->owner_type == domain::OwnerType::user) {
    if (const auto* owner = directory.user(key->owner)) caller.user = owner->id;
  }
  return caller;
}

struct CallAudit::Waiting {
  std::mutex mutex;
  std::vector<domain::AuditEvent> events;  // guarded by mutex
  bool posted = false;                     // guarded by mutex: the writer will come for them
  std::atomic<std::uint64_t> dropped{0};
};

CallAudit::CallAudit(Committer& committer)
    : committer_(committer), waiting_(std::make_shared<Waiting>()) {}

void CallAudit::record(domain::AuditEvent&& event) {
  {
    const std::lock_guard lock(waiting_->mutex);
    if (waiting_->events.size() >= kWaitingMax) {
      waiting_->dropped.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    waiting_->events.push_back(std::move(event));
    if (std::exchange(waiting_->posted, true)) return;
  }
  committer_.post_soon([waiting = waiting_](Change& change) -> Result<void> {
    std::vector<domain::AuditEvent> events;
    {
      const std::lock_guard lock(waiting->mutex);
      events.swap(waiting->events);
      waiting->events.reserve(events.size());  // as many will come again
      waiting->posted = false;
    }
    take_over(std::move(events), change);
    return {};
  });
}

std::uint64_t CallAudit::dropped() const {
  return waiting_->dropped.load(std::memory_order_relaxed);
}

}  // namespace keywright::app
