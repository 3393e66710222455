#include "domain/audit/event.h"

#include <charconv>
#include <initializer_list>

namespace keywright::domain {
namespace {

constexpr std::size_t kUsualBytes = 512;

void append_field(std::string& form, std::string_view field) {
  char digits[24];
  char* const end = std::to_chars(std::begin(digits), std::end(digits), field.size()).ptr;
  *end = ':';
  form.append(digits, static_cast<std::size_t>(end - digits) + 1).append(field) += '\n';
}

}  // namespace

// One line for each field, "<length>:<bytes>", in this order, after a line that names the form. The
// lengths make two different events different texts, whatever their fields hold. A change to any of
// this would break the chain of every log that exists: add a second form beside it instead.
std::string canonical_form(const AuditEvent& event) {
  const std::string id = event.id.to_string();
  const std::string organization = event.organization_id.to_string();
  const std::string time = format_rfc3339(event.time);
  std::string form;
  form.reserve(kUsualBytes);
  form += "keywright-audit-1\n";
  for (std::string_view field : std::initializer_list<std::string_view>{
           id, organization, time, event.actor.type, event.actor.id, event.actor.key_id,
           event.action, event.object.type, event.object.id, event.object.name, event.outcome,
           event.reason, event.request_id, event.address, event.details.view()}) {
    append_field(form, field);
  }
  return form;
}

crypto::Sha256 chain_hash(const crypto::Sha256& previous, const AuditEvent& event) {
  return crypto::Sha256Hasher().update(ByteView(previous)).update(canonical_form(event)).finish();
}

}  // namespace keywright::domain
