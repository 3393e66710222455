#include "app/verification.h"

#include <charconv>

#include "json/writer.h"

namespace keywright::app {
namespace {

using domain::Decision;
using domain::KeyRecord;
using domain::Outcome;

void describe_key(const Directory& directory, const domain::KeyRecord& key, Verification& answer) {
  answer.key_id = key.id.to_string();
  answer.kind = directory.kinds().at(key.kind).name;
  answer.owner = owner_view(directory, key);
  if (const auto* organization = directory.organization(key.organization)) {
    answer.organization_id = organization->id;
  }
  answer.name = key.text->name();
  if (key.expires_at != domain::kNever) answer.expires_at = from_unix_milliseconds(key.expires_at);
  answer.permissions = key.policy->permissions;
  if (!key.text->metadata().empty()) {
    answer.metadata = json::Raw::trusted(std::string(key.text->metadata()));
  }
}

// Of a resource that is ours: its id, also where the check named it by its slug.
const Uuid* own_id(const domain::Resource& resource) {
  if (resource.record == nullptr) return nullptr;
  switch (resource.type) {
    case domain::ResourceType::mcp_server:
      return &static_cast<const domain::McpServer*>(resource.record)->id.value;
    case domain::ResourceType::platform:
      return &static_cast<const domain::Platform*>(resource.record)->id.value;
    case domain::ResourceType::target:
      return &static_cast<const domain::Target*>(resource.record)->id.value;
    case domain::ResourceType::service:
      return &static_cast<const domain::Service*>(resource.record)->id.value;
    case domain::ResourceType::none:
    case domain::ResourceType::external: break;
  }
  return nullptr;
}

// JSON put together from pieces; every text that somebody chose is quoted.
class AnswerWriter {
 public:
  explicit AnswerWriter(std::string& out) : out_(out) {}

  void piece(std::string_view json) { out_ += json; }
  void text(std::string_view text) { json::append_quoted(out_, text); }
  void plain(std::string_view text) {  // known to need no escaping
    out_ += '"';
    out_ += text;
    out_ += '"';
  }
  void id(const Uuid& id) {
    constexpr char kHex[] = "0123456789abcdef";
    char text[38];
    char* end = text;
    *end++ = '"';
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) *end++ = '-';
      *end++ = kHex[id.bytes[i] >> 4];
      *end++ = kHex[id.bytes[i] & 15];
    }
    *end++ = '"';
    out_.append(text, sizeof text);
  }
  void number(std::int64_t value) {
    char digits[24];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    out_.append(digits, end);
  }
  void time(Time time) {
    out_ += '"';
    append_rfc3339(out_, time);
    out_ += '"';
  }

  void owner(const Directory& directory, const KeyRecord& key);
  void key(const Directory& directory, const KeyRecord& key);
  void limits(const Decision& decision);
  void failed(const Decision& decision);

 private:
  template <class Owner>
  void named(const Owner* owner) {
    if (owner == nullptr) return piece("\"\",\"name\":\"\"}");
    id(owner->id.value);
    piece(",\"name\":");
    text(owner->name);
    piece("}");
  }

  std::string& out_;
};

void AnswerWriter::owner(const Directory& directory, const KeyRecord& key) {
  piece("{\"type\":");
  plain(json::enum_name(key.owner_type));
  piece(",\"id\":");
  switch (key.owner_type) {
    case domain::OwnerType::user: return named(directory.user(key.owner));
    case domain::OwnerType::organization: return named(directory.organization(key.owner));
    case domain::OwnerType::project: return named(directory.project(key.owner));
    case domain::OwnerType::target: return named(directory.target(key.owner));
    case domain::OwnerType::external: break;
  }
  text(key.text->external_owner());
  piece(",\"name\":");
  text(key.text->external_owner());
  piece("}");
}

void AnswerWriter::key(const Directory& directory, const KeyRecord& key) {
  piece(",\"key_id\":");
  plain(key.id.view());
  piece(",\"kind\":");
  plain(directory.kinds().at(key.kind).name);
  piece(",\"owner\":");
  owner(directory, key);
  piece(",\"organization_id\":");
  const auto* organization = directory.organization(key.organization);
  organization ? id(organization->id.value) : piece("null");
  piece(",\"name\":");
  text(key.text->name());
  piece(",\"expires_at\":");
  key.expires_at != domain::kNever ? time(from_unix_milliseconds(key.expires_at)) : piece("null");
  piece(",\"permissions\":");
  if (key.policy->permissions) {
    char separator = '[';
    for (const std::string& permission : *key.policy->permissions) {
      out_ += separator;
      text(permission);
      separator = ',';
    }
    piece(separator == '[' ? "[]" : "]");
  } else {
    piece("null");
  }
  piece(",\"metadata\":");
  piece(key.text->metadata().empty() ? std::string_view("null") : key.text->metadata());
}

void AnswerWriter::limits(const Decision& decision) {
  piece(",\"limits\":[");
  for (std::size_t i = 0; i < decision.limits_count; ++i) {
    const domain::LimitView& view = decision.limits[i];
    piece(i == 0 ? "{\"name\":" : ",{\"name\":");
    text(view.limit->name);
    piece(",\"limit\":");
    number(view.limit->limit);
    piece(",\"window_seconds\":");
    number(view.limit->window_seconds);
    piece(",\"algorithm\":");
    plain(json::enum_name(view.limit->algorithm));
    piece(",\"remaining\":");
    number(view.answer.remaining);
    piece(",\"reset_seconds\":");
    number(view.answer.reset_seconds);
    piece("}");
  }
  piece("],\"credits_remaining\":");
  decision.credits_remaining ? number(*decision.credits_remaining) : piece("null");
  piece(",\"retry_after_seconds\":");
  decision.retry_after_seconds > 0 ? number(decision.retry_after_seconds) : piece("null");
}

void AnswerWriter::failed(const Decision& decision) {
  piece(",\"failed\":[");
  for (std::size_t i = 0; i < decision.failed.size(); ++i) {
    piece(i == 0 ? "{\"check\":" : ",{\"check\":");
    text(decision.failed[i].check);
    piece(",\"code\":");
    plain(domain::name_of(decision.failed[i].code));
    piece(",\"detail\":");
    text(decision.failed[i].detail);
    piece("}");
  }
  piece("]");
}

}  // namespace

Verification verification_of(const Directory& directory, const Decision& decision, bool explain,
                             Time now) {
  Verification answer;
  answer.valid = decision.outcome == Outcome::valid;
  answer.code = decision.outcome;
  answer.as_of = now;
  if (decision.key != nullptr) describe_key(directory, *decision.key, answer);
  if (decision.resource.type != domain::ResourceType::none) {
    const Uuid* own = own_id(decision.resource);
    answer.resource =
        ResolvedResource{std::string(decision.resource.type_name),
                         own != nullptr ? own->to_string() : std::string(decision.resource.id),
                         std::string(decision.resource.name)};
  }
  for (std::size_t i = 0; i < decision.limits_count; ++i) {
    const domain::LimitView& view = decision.limits[i];
    answer.limits.push_back({view.limit->name, view.limit->limit, view.limit->window_seconds,
                             view.limit->algorithm, view.answer.remaining,
                             view.answer.reset_seconds});
  }
  answer.credits_remaining = decision.credits_remaining;
  if (decision.retry_after_seconds > 0) answer.retry_after_seconds = decision.retry_after_seconds;
  if (explain) {
    std::vector<CheckFailure> failed;
    for (const domain::FailedCheck& check : decision.failed) {
      failed.push_back({std::string(check.check), check.code, check.detail});
    }
    answer.failed = json::Patch<std::vector<CheckFailure>>(std::move(failed));
  }
  return answer;
}

void write_verification(std::string& out, const Directory& directory, const Decision& decision,
                        bool explain, Time now) {
  AnswerWriter writer(out);
  writer.piece(decision.outcome == Outcome::valid ? "{\"valid\":true,\"code\":"
                                                  : "{\"valid\":false,\"code\":");
  writer.plain(domain::name_of(decision.outcome));
  if (decision.key != nullptr) {
    writer.key(directory, *decision.key);
  } else {
    writer.piece(
        ",\"key_id\":null,\"kind\":null,\"owner\":null,\"organization_id\":null,\"name\":null,"
        "\"expires_at\":null,\"permissions\":null,\"metadata\":null");
  }
  if (decision.resource.type != domain::ResourceType::none) {
    writer.piece(",\"resource\":{\"type\":");
    writer.text(decision.resource.type_name);
    writer.piece(",\"id\":");
    const Uuid* own = own_id(decision.resource);
    own != nullptr ? writer.id(*own) : writer.text(decision.resource.id);
    writer.piece(",\"name\":");
    writer.text(decision.resource.name);
    writer.piece("}");
  } else {
    writer.piece(",\"resource\":null");
  }
  writer.limits(decision);
  if (explain) writer.failed(decision);
  writer.piece(",\"as_of\":");
  writer.time(now);
  writer.piece("}");
}

}  // namespace keywright::app
