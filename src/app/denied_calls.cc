#include "app/denied_calls.h"

#include <utility>

namespace keywright::app {
namespace {

// The organization in whose log it belongs: never one that the caller has no place in.
domain::OrganizationId organization_of(const Directory& directory, const Call& call) {
  if (call.caller.user.is_nil()) return call.caller.organization;
  const auto* user = directory.find<domain::User>(call.caller.user.value);
  if (user == nullptr || user->memberships.empty()) return call.caller.organization;
  if (call.organization_id && user->membership_in(*call.organization_id) != nullptr) {
    return *call.organization_id;
  }
  return user->memberships.front().organization_id;
}

}  // namespace

void DeniedCalls::note(const Call& call, const Error& error) {
  if (error.code() != Code::permission_denied || call.operation == nullptr) return;
  if (!call.operation->is_change || call.caller.type == CallerType::anonymous) return;
  std::string who_and_what = call.caller.name();
  who_and_what.append(" ").append(call.operation->name);
  if (!is_first(std::move(who_and_what), call.now)) return;
  AuditedCall denied;
  denied.action = call.operation->name;
  denied.method = call.operation->method;
  denied.outcome = "denied";
  denied.reason = error.reason();
  denied.request_id = call.request_id;
  denied.organization = organization_of(directory_, call);
  audit_.record(call_event(call.caller, std::move(denied)));
}

bool DeniedCalls::is_first(std::string who_and_what, Time now) {
  const std::lock_guard lock(mutex_);
  if (const auto found = noted_at_.find(who_and_what); found != noted_at_.end()) {
    if (now < found->second + kOnceEvery) return false;
    found->second = now;
    return true;
  }
  if (noted_at_.size() >= kRememberedMax) {
    std::erase_if(noted_at_, [&](const auto& noted) { return now >= noted.second + kOnceEvery; });
  }
  if (noted_at_.size() >= kRememberedMax) return false;
  noted_at_.emplace(std::move(who_and_what), now);
  return true;
}

}  // namespace keywright::app
