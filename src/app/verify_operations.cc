#include "app/keys.h"
#include "app/operations.h"
#include "app/slow_hashes.h"

namespace keywright::app {
namespace {

using domain::Decision;
using domain::Outcome;
using domain::Right;
using json::Patch;

struct ResourceInput {
  std::string type;
  std::string id;
};
KW_DESCRIBE(ResourceInput,
            field<&ResourceInput::type>("type",
                                        "mcp_server, platform, target or service; for customer "
                                        "keys any word.",
                                        required, non_blank, max_length(64)),
            field<&ResourceInput::id>("id", "Its id; for mcp_server and service also the slug.",
                                      required, non_blank, max_length(255)))

struct Verify {
  std::string key;
  std::optional<domain::Audience> audience;
  std::optional<ResourceInput> resource;
  std::vector<std::string> permissions;
  std::optional<IpAddress> client_ip;
  std::optional<std::string> method;
  std::int64_t cost = 1;
  bool explain = false;
};
KW_DESCRIBE(Verify, field<&Verify::key>("key", "The token that was presented.", required, secret),
            field<&Verify::audience>("audience", "What it is to open; left out: not checked."),
            field<&Verify::resource>("resource", "Which resource; left out: not checked."),
            field<&Verify::permissions>("permissions", "All of these must be held.",
                                        max_items(100), max_length(255)),
            field<&Verify::client_ip>("client_ip",
                                      "Where the request came from; needed for keys with "
                                      "allowed_cidrs."),
            field<&Verify::method>("method", "Method of the request, for your own records.",
                                   max_length(32)),
            field<&Verify::cost>("cost", "What this use costs; 0 spends nothing.", minimum(0),
                                 maximum(1000000)),
            field<&Verify::explain>("explain", "True: run every check, say what failed, and spend "
                                               "nothing."))

struct ResolvedResource {
  std::string type;
  std::string id;
  std::string name;
};
KW_DESCRIBE(ResolvedResource, field<&ResolvedResource::type>("type", "As asked."),
            field<&ResolvedResource::id>("id", "Its id."),
            field<&ResolvedResource::name>("name", "Its name, if it has one."))

struct LimitState {
  std::string name;
  std::int64_t limit = 0;
  std::int64_t window_seconds = 0;
  std::int64_t remaining = 0;
  std::int64_t reset_seconds = 0;
};
KW_DESCRIBE(LimitState, field<&LimitState::name>("name", "Name of the limit."),
            field<&LimitState::limit>("limit", "Uses in one window."),
            field<&LimitState::window_seconds>("window_seconds", "Length of the window."),
            field<&LimitState::remaining>("remaining", "Uses that would be accepted right now."),
            field<&LimitState::reset_seconds>("reset_seconds",
                                              "Until the whole limit is there again."))

struct CheckFailure {
  std::string check;
  Outcome code = Outcome::valid;
  std::string detail;
};
KW_DESCRIBE(CheckFailure, field<&CheckFailure::check>("check", "Which check."),
            field<&CheckFailure::code>("code", "What it would have answered."),
            field<&CheckFailure::detail>("detail", "Why, in words."))

struct Verification {
  bool valid = false;
  Outcome code = Outcome::malformed;
  std::optional<std::string> key_id;
  std::optional<std::string> kind;
  std::optional<OwnerView> owner;
  std::optional<domain::OrganizationId> organization_id;
  std::optional<std::string> name;
  std::optional<Time> expires_at;
  std::optional<std::vector<std::string>> permissions;
  json::Raw metadata;
  std::optional<ResolvedResource> resource;
  std::vector<LimitState> limits;
  std::optional<std::int64_t> credits_remaining;
  std::optional<std::int64_t> retry_after_seconds;
  Patch<std::vector<CheckFailure>> failed;
  Time as_of;
};
KW_DESCRIBE(Verification, field<&Verification::valid>("valid", "True only with code VALID."),
            field<&Verification::code>("code", "The first check that failed, or VALID."),
            field<&Verification::key_id>("key_id", "Id of the key; null if there is none."),
            field<&Verification::kind>("kind", "Its kind."),
            field<&Verification::owner>("owner", "Who it acts for."),
            field<&Verification::organization_id>("organization_id", "Where it was made."),
            field<&Verification::name>("name", "Its name."),
            field<&Verification::expires_at>("expires_at", "When it expires; null: never."),
            field<&Verification::permissions>("permissions", "What it holds."),
            field<&Verification::metadata>("metadata", "What was attached to it."),
            field<&Verification::resource>("resource", "The resource asked for, if it was reached."),
            field<&Verification::limits>("limits", "Its rate limits after this check."),
            field<&Verification::credits_remaining>("credits_remaining",
                                                    "Checks left; null: not counted."),
            field<&Verification::retry_after_seconds>("retry_after_seconds",
                                                      "For RATE_LIMITED and USAGE_EXCEEDED."),
            field<&Verification::failed>("failed", "With explain: every check that fails."),
            field<&Verification::as_of>("as_of", "When this was decided."))

struct VerifyBatch {
  std::vector<Verify> items;
};
KW_DESCRIBE(VerifyBatch,
            field<&VerifyBatch::items>("items", "Up to 1000 checks.", required, max_items(1000)))

struct Verifications {
  std::vector<Verification> items;
};
KW_DESCRIBE(Verifications, field<&Verifications::items>("items", "In the order of the request."))

// Whose keys the caller may ask about.
struct Reach {
  domain::Slot organization = domain::kNoSlot;  // every key made there
  domain::UserId only_owner;                    // or only this person's own keys; nil: all
};

// A management key asks about its organization; a session about the organizations where it may read
// all keys, else about the person's own keys.
Result<Reach> reach_of(const Directory& directory, const Call& call) {
  KW_CHECK_OK(check_key_manager(directory, call));
  if (call.caller.is_key()) {
    KW_CHECK_OK(authorise(directory, call, call.caller.organization));
    return Reach{directory.organization_slot(call.caller.organization), {}};
  }
  return Reach{domain::kNoSlot, call.caller.user};
}

bool in_reach(const Directory& directory, const Reach& reach, const domain::KeyRecord& key) {
  if (reach.only_owner.is_nil()) return true;  // decide() compared the organization
  const domain::User* user = directory.find<domain::User>(reach.only_owner.value);
  const auto* organization = directory.organization(key.organization);
  if (user == nullptr || organization == nullptr) return false;
  const auto role = role_in(user, organization->id);
  if (role && domain::allows(*role, Right::keys_read_all)) return true;
  const auto* owner =
      key.owner_type == domain::OwnerType::user ? directory.user(key.owner) : nullptr;
  return owner != nullptr && owner->id == reach.only_owner;
}

domain::Ask ask_from(const Verify& input, const Reach& reach) {
  domain::Ask ask;
  ask.audience = input.audience;
  if (input.resource) {
    const auto type = json::enum_value<domain::ResourceType>(input.resource->type);
    ask.resource = domain::ResourceRef{type.value_or(domain::ResourceType::external),
                                       input.resource->type, input.resource->id};
  }
  ask.permissions = input.permissions;
  ask.client_ip = input.client_ip;
  ask.ip_known = input.client_ip.has_value();
  ask.cost = input.cost;
  ask.explain = input.explain;
  ask.organization = reach.organization;
  return ask;
}

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

Verification answer_for(const Directory& directory, const Decision& decision, bool explain,
                        Time now) {
  Verification answer;
  answer.valid = decision.outcome == Outcome::valid;
  answer.code = decision.outcome;
  answer.as_of = now;
  if (decision.key != nullptr) describe_key(directory, *decision.key, answer);
  if (decision.resource.type != domain::ResourceType::none) {
    answer.resource = ResolvedResource{std::string(decision.resource.type_name),
                                       std::string(decision.resource.id),
                                       std::string(decision.resource.name)};
  }
  for (std::size_t i = 0; i < decision.limits_count; ++i) {
    const domain::LimitView& view = decision.limits[i];
    answer.limits.push_back({view.limit->name, view.limit->limit, view.limit->window_seconds,
                             view.answer.remaining, view.answer.reset_seconds});
  }
  answer.credits_remaining = decision.credits_remaining;
  if (decision.retry_after_seconds > 0) answer.retry_after_seconds = decision.retry_after_seconds;
  if (explain) {
    std::vector<CheckFailure> failed;
    for (const domain::FailedCheck& check : decision.failed) {
      failed.push_back({std::string(check.check), check.code, check.detail});
    }
    answer.failed = Patch<std::vector<CheckFailure>>(std::move(failed));
  }
  return answer;
}

Verification unknown_key(bool explain, Time now) {
  Verification answer;
  answer.code = Outcome::not_found;
  answer.as_of = now;
  if (explain) {
    answer.failed = Patch<std::vector<CheckFailure>>(
        std::vector<CheckFailure>{{"token", Outcome::not_found, "No key has this token."}});
  }
  return answer;
}

// A key that the caller may not ask about is decided by nobody: nothing is spent, nothing is told.
Verification verify_one(const Directory& directory, const Reach& reach, const Verify& input,
                        Time now) {
  if (!reach.only_owner.is_nil()) {
    const domain::KeyRecord* key = directory.find_token(input.key);
    if (key != nullptr && !in_reach(directory, reach, *key)) return unknown_key(input.explain, now);
  }
  const Decision decision = decide(input.key, ask_from(input, reach), directory, now);
  return answer_for(directory, decision, input.explain, now);
}

bool is_unknown(const Verification& answer) {
  return answer.code == Outcome::not_found || answer.code == Outcome::malformed;
}

Result<Verification> verify(const Directory& directory, Call& call, const Verify& input) {
  KW_TRY(const Reach reach, reach_of(directory, call));
  Verification answer = verify_one(directory, reach, input, call.now);
  if (is_unknown(answer) && directory.keys().has_slow()) {
    return fail(Code::unavailable, kTryRun, "");
  }
  return answer;
}

Result<Verifications> verify_batch(const Directory& directory, Call& call,
                                   const VerifyBatch& input) {
  KW_TRY(const Reach reach, reach_of(directory, call));
  Verifications answers;
  answers.items.reserve(input.items.size());
  for (const Verify& item : input.items) {
    answers.items.push_back(verify_one(directory, reach, item, call.now));
    if (is_unknown(answers.items.back()) && directory.keys().has_slow()) {
      return fail(Code::unavailable, kTryRun, "");
    }
  }
  return answers;
}

// The same once more, with the imported slow hashes tried for tokens that nobody knows yet.
Task<Result<Verification>> verify_slowly(App& app, Call& call, Verify input) {
  KW_CO_CHECK_OK(reach_of(app.directory, call));
  if (app.slow_hashes.could_be(app.directory, input.key)) {
    KW_CO_CHECK_OK(co_await app.slow_hashes.try_token(app, input.key));
  }
  KW_CO_TRY(const Reach reach, reach_of(app.directory, call));
  co_return verify_one(app.directory, reach, input, app.clock.now());
}

Task<Result<Verifications>> verify_batch_slowly(App& app, Call& call, VerifyBatch input) {
  KW_CO_CHECK_OK(reach_of(app.directory, call));
  Verifications answers;
  for (const Verify& item : input.items) {
    const bool known = app.directory.find_token(item.key) != nullptr;
    if (!known && app.slow_hashes.could_be(app.directory, item.key)) {
      KW_CO_CHECK_OK(co_await app.slow_hashes.try_token(app, item.key));
    }
    KW_CO_TRY(const Reach reach, reach_of(app.directory, call));
    answers.items.push_back(verify_one(app.directory, reach, item, app.clock.now()));
  }
  co_return answers;
}

}  // namespace

void add_verify_operations(std::vector<Operation>& operations) {
  Operation one = operation<&verify>(
      {.name = "keys.verify", .method = "POST", .path = "/keys/verify",
       .summary = "Check a key", .tag = "Keys", .admits = Admits::key_managers,
       .permission = "keys:verify", .unchanging = true,
       .description = "Always 200: a refusal is an answer. Checks run in a fixed order, and a "
                      "refusal spends no limit."});
  one.run = operation<&verify_slowly>({}).run;
  operations.push_back(one);
  Operation batch = operation<&verify_batch>(
      {.name = "keys.verify_batch", .method = "POST", .path = "/keys/verify-batch",
       .summary = "Check up to 1000 keys", .tag = "Keys", .admits = Admits::key_managers,
       .permission = "keys:verify", .unchanging = true});
  batch.run = operation<&verify_batch_slowly>({}).run;
  operations.push_back(batch);
}

}  // namespace keywright::app
