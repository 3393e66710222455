#include "store/policy_text.h"

#include <optional>
#include <utility>
#include <vector>

#include "json/codec.h"

namespace keywright::store {

// The stored form is the store's own: what the API shows of a policy may change, old rows do not.
struct StoredScope {
  bool all = false;
  std::vector<std::string> ids;
  std::string resource_type;
};
KW_DESCRIBE(StoredScope, field<&StoredScope::all>("all", "Every resource, those to come included."),
            field<&StoredScope::ids>("ids", "The resources."),
            field<&StoredScope::resource_type>("resource_type", "What the ids name."))

struct StoredPolicy {
  std::optional<StoredScope> scope;
  std::optional<std::vector<std::string>> permissions;
  std::vector<domain::Limit> limits;
  std::optional<domain::Refill> refill;
  bool has_credits = false;
  std::vector<Cidr> allowed_cidrs;
};
KW_DESCRIBE(StoredPolicy, field<&StoredPolicy::scope>("scope", "What the key is narrowed to."),
            field<&StoredPolicy::permissions>("permissions", "What it may do."),
            field<&StoredPolicy::limits>("limits", "How often."),
            field<&StoredPolicy::refill>("refill", "When credits return."),
            field<&StoredPolicy::has_credits>("has_credits", "Whether uses are counted down."),
            field<&StoredPolicy::allowed_cidrs>("allowed_cidrs", "From where."))

namespace {

// Enough for every deployment met so far; beyond, texts are parsed again and memory stays bounded.
constexpr std::size_t kSeenPoliciesMax = 65536;

}  // namespace

std::string policy_text(const domain::Policy& policy) {
  if (policy == domain::Policy{}) return "";
  StoredPolicy stored{.scope = std::nullopt,
                      .permissions = policy.permissions,
                      .limits = policy.limits,
                      .refill = policy.refill,
                      .has_credits = policy.has_credits,
                      .allowed_cidrs = policy.allowed_cidrs};
  if (policy.scope) {
    stored.scope = StoredScope{policy.scope->all, policy.scope->ids, policy.scope->resource_type};
  }
  return json::encode(stored, {.form = json::Form::store});
}

Result<domain::Policy> read_policy_text(std::string_view text) {
  domain::Policy policy;
  if (text.empty()) return policy;
  KW_TRY(StoredPolicy stored, json::decode<StoredPolicy>(text, {.form = json::Form::store}));
  if (stored.scope) {
    policy.scope = domain::Scope{stored.scope->all, std::move(stored.scope->ids),
                                 std::move(stored.scope->resource_type)};
  }
  policy.permissions = std::move(stored.permissions);
  policy.limits = std::move(stored.limits);
  policy.refill = stored.refill;
  policy.has_credits = stored.has_credits;
  policy.allowed_cidrs = std::move(stored.allowed_cidrs);
  return policy;
}

Result<domain::Policy> PolicyReader::read(std::string_view text) {
  if (auto found = seen_.find(text); found != seen_.end()) return found->second;
  KW_TRY(domain::Policy policy, read_policy_text(text));
  if (seen_.size() < kSeenPoliciesMax) seen_.emplace(text, policy);
  return policy;
}

}  // namespace keywright::store
