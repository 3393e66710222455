#include <algorithm>
#include <array>

#include "app/keys.h"
#include "app/operations.h"
#include "app/slow_hashes.h"
#include "app/verification.h"

namespace keywright::app {
namespace {

using domain::Decision;
using domain::KeyRecord;
using domain::Outcome;
using domain::Right;

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
  ask.asked_by_its_organization = true;
  return ask;
}

// A key that the caller may not ask about is decided by nobody: nothing is spent, nothing is told.
Decision decide_for(const Directory& directory, const Reach& reach, const Verify& input,
                    const KeyRecord* key, Time now) {
  if (key != nullptr && !in_reach(directory, reach, *key)) {
    Decision unknown;
    unknown.outcome = Outcome::not_found;
    if (input.explain) {
      unknown.failed.push_back({"token", Outcome::not_found, "No key has this token."});
    }
    return unknown;
  }
  const domain::Ask ask = ask_from(input, reach);
  Decision decision =
      key != nullptr ? decide(*key, ask, directory, now) : decide(input.key, ask, directory, now);
  directory.note(decision);
  return decision;
}

tl::unexpected<Error> try_run() { return fail(Code::unavailable, kTryRun, ""); }

Result<void> verify_now(const App& app, Call& call, const Arguments& arguments, std::string& out) {
  Verify input;
  KW_CHECK_OK(
      json::decode_request(json::type_of<Verify>(), &input, arguments.parameters, arguments.body));
  const Directory& directory = app.directory;
  KW_TRY(const Reach reach, reach_of(directory, call));
  const KeyRecord* key = directory.find_token(input.key);
  if (key == nullptr && app.slow_hashes.could_be(directory, input.key)) return try_run();
  const Decision decision = decide_for(directory, reach, input, key, call.now);
  write_verification(out, directory, decision, input.explain, call.now);
  return {};
}

// Of one item, about: a large answer then grows once, and is not copied again and again.
constexpr std::size_t kAnswerBytes = 448;

// In groups, so that the memory is asked for the records of many keys at once.
void decide_group(const Directory& directory, const Reach& reach, std::span<const Verify> group,
                  std::span<const KeyRecord* const> keys, Time now, std::string& out) {
  for (std::size_t i = 0; i < group.size(); ++i) {
    const Decision decision = decide_for(directory, reach, group[i], keys[i], now);
    if (out.back() != '[') out += ',';
    write_verification(out, directory, decision, group[i].explain, now);
  }
}

// Found out before the first check spends anything.
bool needs_slow_hashes(const App& app, const VerifyBatch& input) {
  if (!app.directory.keys().has_slow()) return false;
  return std::any_of(input.items.begin(), input.items.end(), [&](const Verify& item) {
    return app.directory.find_token(item.key) == nullptr &&
           app.slow_hashes.could_be(app.directory, item.key);
  });
}

Result<void> verify_batch_now(const App& app, Call& call, const Arguments& arguments,
                              std::string& out) {
  VerifyBatch input;
  KW_CHECK_OK(json::decode_request(json::type_of<VerifyBatch>(), &input, arguments.parameters,
                                   arguments.body));
  const Directory& directory = app.directory;
  KW_TRY(const Reach reach, reach_of(directory, call));
  if (needs_slow_hashes(app, input)) return try_run();
  constexpr std::size_t kAtOnce = Directory::kTokensAtOnce;
  std::array<std::string_view, kAtOnce> tokens;
  std::array<const KeyRecord*, kAtOnce> keys;
  out.reserve(out.size() + kAnswerBytes * input.items.size());
  out += "{\"items\":[";
  for (std::size_t done = 0; done < input.items.size(); done += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, input.items.size() - done);
    const std::span<const Verify> group = std::span(input.items).subspan(done, count);
    for (std::size_t i = 0; i < count; ++i) tokens[i] = group[i].key;
    directory.find_tokens(std::span(tokens).first(count), std::span(keys).first(count));
    decide_group(directory, reach, group, std::span(keys).first(count), call.now, out);
  }
  out += "]}";
  return {};
}

// The same with the imported slow hashes tried for tokens that nobody knows yet.
Task<Result<Verification>> verify(App& app, Call& call, Verify input) {
  KW_CO_TRY(const Reach reach, reach_of(app.directory, call));
  const bool known = app.directory.find_token(input.key) != nullptr;
  if (!known && app.slow_hashes.could_be(app.directory, input.key)) {
    KW_CO_CHECK_OK(co_await app.slow_hashes.try_token(app, input.key, input.client_ip));
  }
  const KeyRecord* key = app.directory.find_token(input.key);
  const Time now = app.clock.now();
  const Decision decision = decide_for(app.directory, reach, input, key, now);
  co_return verification_of(app.directory, decision, input.explain, now);
}

Task<Result<Verifications>> verify_batch(App& app, Call& call, VerifyBatch input) {
  Verifications answers;
  for (Verify& item : input.items) {
    KW_CO_TRY(Verification answer, co_await verify(app, call, std::move(item)));
    answers.items.push_back(std::move(answer));
  }
  co_return answers;
}

}  // namespace

// What the description binds may wait for a slow hash; `look` answers at once where none is
// waiting.
void add_verify_operations(std::vector<Operation>& operations) {
  Operation one = operation<&verify>(
      {.name = "keys.verify",
       .method = "POST",
       .path = "/keys/verify",
       .summary = "Check a key",
       .tag = "Keys",
       .admits = Admits::key_managers,
       .permission = "keys:verify",
       .unchanging = true,
       .description = "Always 200: a refusal is an answer. Checks run in a fixed order, and a "
                      "refusal spends no limit."});
  one.look = &verify_now;
  operations.push_back(one);
  Operation batch = operation<&verify_batch>({.name = "keys.verify_batch",
                                              .method = "POST",
                                              .path = "/keys/verify-batch",
                                              .summary = "Check up to 1000 keys",
                                              .tag = "Keys",
                                              .admits = Admits::key_managers,
                                              .permission = "keys:verify",
                                              .unchanging = true});
  batch.look = &verify_batch_now;
  operations.push_back(batch);
}

}  // namespace keywright::app
