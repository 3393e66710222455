#include <fmt/format.h>

#include "app/keys.h"
#include "app/operations.h"
#include "app/slow_hashes.h"
#include "base/encoding.h"
#include "crypto/slow_hash.h"
#include "crypto/token_digest.h"

namespace keywright::app {
namespace {

using domain::Key;
using domain::Kind;

enum class HashAlgorithm : unsigned char { sha256, bcrypt, argon2id };
KW_DESCRIBE_ENUM(HashAlgorithm, sha256, bcrypt, argon2id)
enum class HashEncoding : unsigned char { hex, base64, base64url };
KW_DESCRIBE_ENUM(HashEncoding, hex, base64, base64url)

constexpr std::size_t kSlowPerPrefixMax = 8;

struct ImportItem : KeyRequest {
  HashAlgorithm algorithm = HashAlgorithm::sha256;
  std::optional<HashEncoding> encoding;
  std::string hash;
  std::optional<std::string> prefix;
};
KW_DESCRIBE(
    ImportItem, field<&ImportItem::kind>("kind", "What it is for.", required),
    field<&ImportItem::name>("name", "Shown to people.", required, non_blank, max_length(255)),
    field<&ImportItem::description>("description", "What it is used for.", max_length(2000)),
    field<&ImportItem::expires_at>("expires_at", "When it expires."),
    field<&ImportItem::idle_timeout_seconds>("idle_timeout_seconds",
                                             "It expires when unused for so long.", minimum(1),
                                             maximum(315360000)),
    field<&ImportItem::scope>("scope", "What it is narrowed to."),
    field<&ImportItem::owner>("owner", "Who it acts for."),
    field<&ImportItem::keyspace_id>("keyspace_id", "Customer keys: their keyspace."),
    field<&ImportItem::permissions>("permissions", "What it may do.", max_items(100)),
    field<&ImportItem::limits>("limits", "Rate limits.", max_items(8)),
    field<&ImportItem::credits>("credits", "Checks it has."),
    field<&ImportItem::allowed_cidrs>("allowed_cidrs", "Networks.", max_items(100)),
    field<&ImportItem::metadata>("metadata", "Whatever you want to attach.", object_only),
    field<&ImportItem::algorithm>("algorithm", "How the old system hashed the token.", required),
    field<&ImportItem::encoding>("encoding",
                                 "sha256: how the digest is written; hex if "
                                 "left out."),
    field<&ImportItem::hash>("hash", "Hash of the whole token.", required, max_length(512)),
    field<&ImportItem::prefix>("prefix",
                               "First characters of the token, at least 6; required for "
                               "bcrypt and argon2id, which cannot be looked up.",
                               non_blank, min_length(6), max_length(32)))

struct ImportKeys {
  std::optional<domain::OrganizationId> organization_id;
  std::vector<json::Raw> items;
};
KW_DESCRIBE(ImportKeys,
            field<&ImportKeys::organization_id>("organization_id", "Where to put them."),
            field<&ImportKeys::items>("items",
                                      "Up to 1000 keys: each with kind, name, owner, algorithm, "
                                      "hash, and for sha256 its encoding, for bcrypt and argon2id "
                                      "the prefix; further fields as on creation.",
                                      required, max_items(1000)))

struct ImportError {
  std::string code;
  std::string detail;
};
KW_DESCRIBE(ImportError, field<&ImportError::code>("code", "Stable name of the reason."),
            field<&ImportError::detail>("detail", "What to mend."))

struct ImportResult {
  std::int64_t index = 0;
  json::Patch<std::string> id;
  json::Patch<ImportError> error;
};
KW_DESCRIBE(ImportResult, field<&ImportResult::index>("index", "Place in the request."),
            field<&ImportResult::id>("id", "Id of the key that was made."),
            field<&ImportResult::error>("error", "Why none was made."))

struct ImportResults {
  std::vector<ImportResult> items;
};
KW_DESCRIBE(ImportResults, field<&ImportResults::items>("items", "In the order of the request."))

// Systems write both forms of base64 with and without the padding: a digest has one `=` of it.
bool decode_base64_digest(std::string_view text, bool url_safe, crypto::Sha256& digest) {
  if (text.ends_with('=')) text.remove_suffix(1);
  if (url_safe) return decode_base64url_into(text, digest);
  return decode_base64_into(std::string(text) + '=', digest);
}

Result<crypto::Sha256> decode_digest(const ImportItem& item) {
  crypto::Sha256 digest{};
  bool read = false;
  switch (item.encoding.value_or(HashEncoding::hex)) {
    case HashEncoding::hex: read = decode_hex_into(item.hash, digest); break;
    case HashEncoding::base64: read = decode_base64_digest(item.hash, false, digest); break;
    case HashEncoding::base64url: read = decode_base64_digest(item.hash, true, digest); break;
  }
  if (read) return digest;
  return fail(invalid_field("hash", "must be 32 bytes in the encoding given"));
}

Error duplicate() {
  return Error(Code::conflict, "duplicate", "hash: a key with this token exists already");
}

// Fills what finds the key: the digest at once, or the slow hash that waits for its first use.
Result<void> set_secret(Change& change, const ImportItem& item, const Kind& kind, Key& key) {
  domain::KeyVersion version;
  version.cell = key.serial;
  version.created_at = change.now;
  version.shown = domain::shown_of(kind, item.prefix.value_or(""), "");
  if (item.algorithm == HashAlgorithm::sha256) {
    KW_TRY(const crypto::Sha256 hashed, decode_digest(item));
    version.digest = crypto::token_digest_of_sha256(change.keyring().newest().digest, hashed);
    if (change.digest_taken(version.digest)) return fail(duplicate());
  } else {
    if (item.encoding) {
      return fail(invalid_field("encoding", "is only for sha256; leave it out"));
    }
    if (!item.prefix) {
      return fail(invalid_field("prefix",
                                "is required for bcrypt and argon2id: at least the first "
                                "6 characters of the token"));
    }
    KW_TRY(const crypto::SlowHash slow, crypto::inspect_slow_hash(item.hash));
    const bool bcrypt = slow.algorithm == crypto::SlowHashAlgorithm::bcrypt;
    if (bcrypt != (item.algorithm == HashAlgorithm::bcrypt)) {
      return fail(invalid_field("hash", "is not of the algorithm given"));
    }
    if (change.slow_count(*item.prefix) >= kSlowPerPrefixMax) {
      return fail(invalid_field("prefix",
                                "is shared by 8 keys that wait for their first use; give "
                                "more characters"));
    }
    version.slow_prefix = *item.prefix;
    version.sealed_slow_hash = encode_base64url(view_bytes(
        change.keyring().sealer().seal(item.hash, slow_hash_place(key.id), change.random())));
  }
  key.versions = {std::move(version)};
  return {};
}

Result<std::string> import_one(Change& change, Call& call, const json::Raw& raw,
                               domain::OrganizationId organization) {
  KW_TRY(const ImportItem item, json::decode<ImportItem>(raw.view()));
  const Kind* kind = change.directory().kinds().named(item.kind);
  if (kind == nullptr) return fail(invalid_field("kind", "names no kind of key"));
  KW_TRY(auto owner, choose_owner(change, call, *kind, item.owner, organization));
  KW_TRY(Key key, check_order(change, item, owner, organization));
  key.id = change.new_key_id();
  key.serial = change.new_key_serial();
  key.created_by = call.caller.name();
  KW_CHECK_OK(set_secret(change, item, *kind, key));
  change.put_key(key);
  return key.id.to_string();
}

Result<ImportResults> import_keys(Change& change, Call& call, const ImportKeys& input) {
  KW_CHECK_OK(check_key_manager(change.directory(), call));
  KW_TRY(auto organization, choose_organization(change, call, input.organization_id));
  KW_CHECK_OK(authorise(change, call, organization, domain::Right::keys_manage_all));
  ImportResults results;
  std::int64_t imported = 0;
  for (std::size_t i = 0; i < input.items.size(); ++i) {
    ImportResult result;
    result.index = static_cast<std::int64_t>(i);
    auto id = import_one(change, call, input.items[i], organization);
    if (id) {
      result.id = json::Patch<std::string>(std::move(*id));
      ++imported;
    } else {
      result.error =
          json::Patch<ImportError>(ImportError{id.error().reason(), id.error().detail()});
    }
    results.items.push_back(std::move(result));
  }
  if (imported > 0) {
    const auto* object = change.find<domain::Organization>(organization.value);
    auto event = audit_event(change, call, organization, "organization", organization.to_string(),
                             object->name);
    event.details =
        json::Raw::trusted(fmt::format("{{\"imported\":{},\"refused\":{}}}", imported,
                                       static_cast<std::int64_t>(input.items.size()) - imported));
    change.audit(std::move(event));
  }
  return results;
}

}  // namespace

void add_key_import_operations(std::vector<Operation>& operations) {
  operations.push_back(
      operation<&import_keys>({.name = "keys.import",
                               .method = "POST",
                               .path = "/keys/import",
                               .summary = "Bring keys from another system by their hashes",
                               .tag = "Keys",
                               .admits = Admits::key_managers,
                               .permission = "keys:write"}));
}

}  // namespace keywright::app
