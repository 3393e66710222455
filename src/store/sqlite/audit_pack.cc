#include "store/sqlite/audit_pack.h"

#include <algorithm>
#include <array>

namespace keywright::store {
namespace {

using domain::AuditEvent;

// Those of the canonical form in its order; the id, the organization and the time are no texts.
constexpr std::size_t kTexts = 12;
constexpr std::size_t kUsualPackBytes = 16 * 1024;

std::array<std::string_view, kTexts> texts_of(const AuditEvent& event) {
  return {event.actor.type,   event.actor.id,
          event.actor.key_id, event.action,
          event.object.type,  event.object.id,
          event.object.name,  event.outcome,
          event.reason,       event.request_id,
          event.address,      event.details.is_null() ? std::string_view() : event.details.view()};
}

// Each term begins with the letter of its kind.
constexpr char kAll = 't';
constexpr char kOrganization = 'g';
constexpr char kAction = 'x';  // also for "key." of "key.create": what "key.*" looks for
constexpr char kObject = 'o';
constexpr char kActor = 'a';
constexpr char kKey = 'k';  // as object or as actor

std::string term(char kind, std::string_view value = {}) {
  std::string text(1, kind);
  return text.append(value);
}

std::string action_term(const domain::OrganizationId& organization, std::string_view action) {
  return term(kAction, view_text(organization.value.bytes)).append(action);
}

void append_number(std::string& bytes, std::size_t number) {
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  bytes += static_cast<char>(number);
}

void append_text(std::string& bytes, std::string_view text, std::string_view before) {
  if (text == before) {
    bytes += '\0';
    return;
  }
  append_number(bytes, text.size() + 1);
  bytes += text;
}

class PackReader {
 public:
  explicit PackReader(ByteView bytes) : rest_(view_text(bytes)) {}

  bool at_end() const { return rest_.empty(); }

  bool raw(std::span<std::uint8_t> out) {
    std::string_view text;
    if (!take(out.size(), text)) return false;
    std::ranges::copy(view_bytes(text), out.begin());
    return true;
  }

  // Leaves `value` as it is where the event before has the same.
  bool text(std::string& value) {
    std::size_t size = 0;
    std::string_view text;
    if (!number(size)) return false;
    if (size == 0) return true;
    if (!take(size - 1, text)) return false;
    value = text;
    return true;
  }

 private:
  bool take(std::size_t size, std::string_view& out) {
    if (rest_.size() < size) return false;
    out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  bool number(std::size_t& value) {
    for (int shift = 0; shift < 35; shift += 7) {
      std::string_view byte;
      if (!take(1, byte)) return false;
      const auto bits = static_cast<unsigned char>(byte[0]);
      value |= static_cast<std::size_t>(bits & 0x7f) << shift;
      if (bits < 0x80) return true;
    }
    return false;
  }

  std::string_view rest_;
};

// `event` is the one before, and becomes this one.
bool read_next(PackReader& reader, AuditEvent& event, crypto::Sha256& hash) {
  std::string organization(view_text(event.organization_id.value.bytes));
  std::string details(event.details.is_null() ? std::string_view() : event.details.view());
  if (!reader.raw(event.id.bytes) || !reader.text(organization)) return false;
  if (organization.size() != event.organization_id.value.bytes.size()) return false;
  std::ranges::copy(view_bytes(organization), event.organization_id.value.bytes.begin());
  for (std::string* text :
       {&event.actor.type, &event.actor.id, &event.actor.key_id, &event.action, &event.object.type,
        &event.object.id, &event.object.name, &event.outcome, &event.reason, &event.request_id,
        &event.address, &details}) {
    if (!reader.text(*text)) return false;
  }
  event.details = json::Raw::trusted(std::move(details));
  return reader.raw(hash);
}

}  // namespace

void PackWriter::add(const AuditEvent& event, const crypto::Sha256& hash) {
  static const AuditEvent kNone;
  const AuditEvent& before = before_ != nullptr ? *before_ : kNone;
  if (before_ == nullptr) bytes_.reserve(kUsualPackBytes);
  bytes_ += view_text(event.id.bytes);
  append_text(bytes_, view_text(event.organization_id.value.bytes),
              view_text(before.organization_id.value.bytes));
  const auto texts = texts_of(event);
  const auto texts_before = texts_of(before);
  for (std::size_t i = 0; i < kTexts; ++i) append_text(bytes_, texts[i], texts_before[i]);
  bytes_ += view_text(hash);
  add_terms(event);
  before_ = &event;
}

void PackWriter::add_terms(const AuditEvent& event) {
  if (before_ == nullptr) terms_.push_back(term(kAll));
  const bool same_organization =
      before_ != nullptr && before_->organization_id == event.organization_id;
  if (!same_organization) {
    terms_.push_back(term(kOrganization, view_text(event.organization_id.value.bytes)));
  }
  if (!same_organization || before_->action != event.action) {
    terms_.push_back(action_term(event.organization_id, event.action));
    for (std::size_t dot = event.action.find('.'); dot != std::string::npos;
         dot = event.action.find('.', dot + 1)) {
      terms_.push_back(action_term(event.organization_id, event.action.substr(0, dot + 1)));
    }
  }
  const AuditEvent* const b = before_;
  const auto add = [&](char kind, Seen& seen, const std::string& id, const std::string* as_before) {
    if (id.empty() || (as_before != nullptr && *as_before == id)) return;
    if (seen.insert(id).second) terms_.push_back(term(kind, id));
  };
  add(kObject, objects_, event.object.id, b != nullptr ? &b->object.id : nullptr);
  add(kKey, keys_, event.object.id, b != nullptr ? &b->object.id : nullptr);
  add(kKey, keys_, event.actor.key_id, b != nullptr ? &b->actor.key_id : nullptr);
  add(kActor, actors_, event.actor.id, b != nullptr ? &b->actor.id : nullptr);
}

std::vector<std::string> PackWriter::terms() && {
  std::ranges::sort(terms_);
  const auto repeated = std::ranges::unique(terms_);
  terms_.erase(repeated.begin(), repeated.end());
  return std::move(terms_);
}

Result<std::vector<StoredEvent>> read_pack(std::int64_t first, Time time, ByteView bytes) {
  std::vector<StoredEvent> events;
  PackReader reader(bytes);
  AuditEvent event;
  event.time = time;
  crypto::Sha256 hash{};
  while (!reader.at_end()) {
    const std::int64_t number = first + static_cast<std::int64_t>(events.size());
    if (events.size() == kPackEventsMax || !read_next(reader, event, hash)) {
      return fail(Error(Code::internal, "store_damaged", "The store is damaged.")
                      .with_internal("audit event " + std::to_string(number)));
    }
    events.push_back({number, event, hash});
  }
  return events;
}

std::vector<std::string> terms_of(const AuditFilter& filter) {
  std::vector<std::string> terms;
  if (!filter.key_id.empty()) terms.push_back(term(kKey, filter.key_id));
  if (!filter.object_id.empty()) terms.push_back(term(kObject, filter.object_id));
  if (!filter.actor.empty()) terms.push_back(term(kActor, filter.actor));
  if (filter.organization) {
    const domain::OrganizationId organization{*filter.organization};
    if (!filter.action.empty()) {
      std::string_view action = filter.action;
      if (action.ends_with(".*")) action.remove_suffix(1);
      terms.push_back(action_term(organization, action));
    }
    terms.push_back(term(kOrganization, view_text(filter.organization->bytes)));
  }
  terms.push_back(term(kAll));
  return terms;
}

bool matches(const AuditFilter& filter, const AuditEvent& event) {
  if (filter.organization && *filter.organization != event.organization_id.value) return false;
  if (!filter.key_id.empty() && filter.key_id != event.object.id &&
      filter.key_id != event.actor.key_id) {
    return false;
  }
  if (!filter.actor.empty() && filter.actor != event.actor.id) return false;
  if (!filter.object_id.empty() && filter.object_id != event.object.id) return false;
  if (!filter.request_id.empty() && filter.request_id != event.request_id) return false;
  if (filter.action.empty()) return true;
  if (!filter.action.ends_with(".*")) return filter.action == event.action;
  std::string_view family = filter.action;
  family.remove_suffix(1);
  return event.action.starts_with(family);
}

}  // namespace keywright::store
