#include <algorithm>
#include <array>

#include "api/graphql/objects.h"
#include "base/encoding.h"

namespace keywright::graphql_face {
namespace {

using app::KeyView;
using graphql::Resolving;
using graphql::Value;

const KeyView& key_of(Resolving& field) { return field.parent<KeyView>(); }

Value text_or_null(const std::optional<std::string>& text) {
  return text ? Value::text(*text) : Value::null();
}

Value key_id(Resolving& field) { return Value::text(key_of(field).id); }
Value key_name(Resolving& field) { return Value::text(key_of(field).name); }
Value key_kind(Resolving& field) { return enum_value(field, key_of(field).kind); }
Value key_prefix(Resolving& field) { return text_or_null(key_of(field).prefix); }
Value key_status(Resolving& field) { return enum_value(field, key_of(field).status); }
Value created_at(Resolving& field) { return time_value(field, key_of(field).created_at); }
Value expires_at(Resolving& field) { return time_value(field, key_of(field).expires_at); }
Value last_used_at(Resolving& field) { return time_value(field, key_of(field).last_used_at); }
Value revoked_at(Resolving& field) { return time_value(field, key_of(field).revoked_at); }
Value no_token(Resolving&) { return Value::null(); }

Value expire_reason(Resolving& field) {
  const KeyView& key = key_of(field);
  if (key.status == "revoked") return Value::text("REVOKED");
  const bool idle = key.status == "expired" && key.status_reason == "idle_timeout";
  return idle ? Value::text("IDLE_TIMEOUT") : Value::null();
}

constexpr std::string_view kReason =
    "Why it stopped working; null while it works, and for a fixed expiry of a kind that does not "
    "call this idle.";

void add_personal_key(graphql::SchemaBuilder& builder) {
  builder.object("PersonalAPIKey", "A key that acts for its owner, with the owner's rights.")
      .implements("Node")
      .field("id", "ID!", "Id of the key, 12 characters.", &key_id)
      .field("name", "String!", "Shown to people.", &key_name)
      .field("kind", "PersonalAPIKeyKind!", "What it is for.", &key_kind)
      .field("prefix", "String!", "First characters of the token.", &key_prefix)
      .field("status", "APIKeyStatus!", "Whether it works.", &key_status)
      .field("expireReason", "APIKeyExpireReason", kReason, &expire_reason)
      .field("createdAt", "DateTime!", "When it was made.", &created_at)
      .field("expiresAt", "DateTime", "When it expires; null: never.", &expires_at)
      .field("lastUsedAt", "DateTime", "Last accepted use; null: never used.", &last_used_at)
      .field("revokedAt", "DateTime", "When it was revoked; null: it is not.", &revoked_at)
      .field("token", "String", "Always null: a token is shown once, when the key is made.",
             &no_token);
  add_connection<KeyView>(builder, "PersonalAPIKey");
  builder.enumeration("PersonalAPIKeyKind", "Keys that act for a person.")
      .value("PERSONAL", "For this GraphQL API and the REST API.")
      .value("MCP", "For the MCP server.")
      .value("ACCESS", "For the APIs, the MCP server and services.");
  builder.enumeration("APIKeyStatus", "Whether a key works.")
      .value("ACTIVE", "It works.")
      .value("DISABLED", "It is stopped for a while, or its owner is.")
      .value("EXPIRED", "Its time is over, or it was not used for too long.")
      .value("REVOKED", "It was taken back for ever.");
  builder.enumeration("APIKeyExpireReason", "Why a key stopped working.")
      .value("IDLE_TIMEOUT", "It expired.")
      .value("REVOKED", "It was revoked.");
  builder.input_object("PersonalAPIKeyFilter", "Which of your keys to list.")
      .input("status", "[APIKeyStatus!]", "Only these; REVOKED lists revoked keys, too.")
      .input("kind", "[PersonalAPIKeyKind!]", "Only these.")
      .input("query", "String", "Part of name, id or prefix.")
      .input("includeRevoked", "Boolean", "Revoked keys, too?", "false");
}

}  // namespace

bool is_personal(const KeyView& key) {
  static constexpr std::array<std::string_view, 3> kKinds{"personal", "mcp", "access"};
  return std::find(kKinds.begin(), kKinds.end(), key.kind) != kKinds.end();
}

std::string key_cursor(const KeyView& key) {
  std::array<std::uint8_t, kKeyCursor> bytes;
  auto rest = static_cast<std::uint64_t>(key.serial);
  for (std::size_t i = bytes.size(); i-- > 0; rest >>= 8) bytes[i] = rest & 0xff;
  return encode_base64url(bytes);
}

void add_keys(graphql::SchemaBuilder& builder) {
  add_personal_key(builder);
  builder.object("APIKey", "A key of any kind, as an administrator sees it.")
      .field("id", "ID!", "Id of the key, 12 characters.", &key_id)
      .field("name", "String!", "Shown to people.", &key_name)
      .field("kind", "APIKeyKind!", "What it is for.", &key_kind)
      .field("prefix", "String", "First characters of the token that may be shown.", &key_prefix)
      .field("mask", "String!", "The token as it may be shown.",
             [](Resolving& field) { return Value::text(key_of(field).mask); })
      .field("owner", "APIKeyOwner!", "Who it acts for.",
             [](Resolving& field) { return Value::object(&key_of(field).owner); })
      .field("status", "APIKeyStatus!", "Whether it works.", &key_status)
      .field("expireReason", "APIKeyExpireReason", kReason, &expire_reason)
      .field("createdAt", "DateTime!", "When it was made.", &created_at)
      .field("expiresAt", "DateTime", "When it expires; null: never.", &expires_at)
      .field("lastUsedAt", "DateTime", "Last accepted use; null: never used.", &last_used_at)
      .field("revokedAt", "DateTime", "When it was revoked; null: it is not.", &revoked_at);
  add_connection<KeyView>(builder, "APIKey");
  builder.object("APIKeyOwner", "Who a key acts for.")
      .field("type", "APIKeyOwnerType!", "What sort of owner.",
             [](Resolving& field) {
               return enum_value(field, json::enum_name(field.parent<app::OwnerView>().type));
             })
      .field("id", "ID!", "Id of the owner.",
             [](Resolving& field) { return Value::text(field.parent<app::OwnerView>().id); })
      .field("name", "String!", "Its name; empty once it is gone.",
             [](Resolving& field) { return Value::text(field.parent<app::OwnerView>().name); });
  auto owners = builder.enumeration("APIKeyOwnerType", "Sorts of owners.");
  owners.value("USER", "A person or service account.")
      .value("ORGANIZATION", "An organization.")
      .value("PROJECT", "A project.")
      .value("TARGET", "A target.")
      .value("EXTERNAL", "A customer of yours.");
  auto kinds = builder.enumeration("APIKeyKind", "Kinds of keys.");
  for (const domain::Kind& kind : domain::shipped_kinds().all()) {
    std::string name;
    for (char c : kind.name) name += static_cast<char>(c - 'a' + 'A');
    kinds.value(name, "To " + kind.summary + ".");
  }
}

}  // namespace keywright::graphql_face
