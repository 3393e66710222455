// app/verification.h - the question and the answer of a check, and how the answer is written.
//
//   const Decision decision = decide(input.key, ask, directory, now);
//   write_verification(out, directory, decision, input.explain, now);
//
// `Verification` is the description: the API reference and everybody who reads an answer go by it.
// On the way of a check the answer is written from the decision itself, without building one first;
// verification_test.cc holds the two to the same text.
//
// Threading: io threads. Cost: writing takes a quarter of a microsecond, and no heap but `out`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/key_views.h"
#include "domain/keys/decide.h"

namespace keywright::app {

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
KW_DESCRIBE(Verify,
            field<&Verify::key>("key", "The token that was presented.", required, secret, any_text),
            field<&Verify::audience>("audience", "What it is to open; left out: not checked."),
            field<&Verify::resource>("resource", "Which resource; left out: not checked."),
            field<&Verify::permissions>("permissions", "All of these must be held.", max_items(100),
                                        max_length(255)),
            field<&Verify::client_ip>("client_ip",
                                      "Where the request came from; needed for keys with "
                                      "allowed_cidrs."),
            field<&Verify::method>("method", "Method of the request, for your own records.",
                                   max_length(32)),
            field<&Verify::cost>("cost", "What this use costs; 0 spends nothing.", minimum(0),
                                 maximum(1000000)),
            field<&Verify::explain>("explain",
                                    "True: run every check, say what failed, and spend "
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
  domain::LimitAlgorithm algorithm = domain::LimitAlgorithm::gcra;
  std::int64_t remaining = 0;
  std::int64_t reset_seconds = 0;
};
KW_DESCRIBE(LimitState, field<&LimitState::name>("name", "Name of the limit."),
            field<&LimitState::limit>("limit", "Uses in one window."),
            field<&LimitState::window_seconds>("window_seconds", "Length of the window."),
            field<&LimitState::algorithm>("algorithm", "How uses are counted."),
            field<&LimitState::remaining>("remaining", "Uses that would be accepted right now."),
            field<&LimitState::reset_seconds>("reset_seconds",
                                              "Until the whole limit is there again."))

struct CheckFailure {
  std::string check;
  domain::Outcome code = domain::Outcome::valid;
  std::string detail;
};
KW_DESCRIBE(CheckFailure, field<&CheckFailure::check>("check", "Which check."),
            field<&CheckFailure::code>("code", "What it would have answered."),
            field<&CheckFailure::detail>("detail", "Why, in words."))

struct Verification {
  bool valid = false;
  domain::Outcome code = domain::Outcome::malformed;
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
  json::Patch<std::vector<CheckFailure>> failed;
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
            field<&Verification::resource>("resource",
                                           "The resource asked for, if it was reached."),
            field<&Verification::limits>("limits", "Its rate limits after this check."),
            field<&Verification::credits_remaining>("credits_remaining",
                                                    "Checks left; null: not counted."),
            field<&Verification::retry_after_seconds>("retry_after_seconds",
                                                      "For RATE_LIMITED and USAGE_EXCEEDED."),
            field<&Verification::failed>("failed", "With explain: every check that fails."),
            field<&Verification::as_of>("as_of", "When this was decided."))

// The answer as a value.
Verification verification_of(const Directory& directory, const domain::Decision& decision,
                             bool explain, Time now);

// The answer as JSON, appended: the same text that encoding verification_of() gives.
void write_verification(std::string& out, const Directory& directory,
                        const domain::Decision& decision, bool explain, Time now);

}  // namespace keywright::app
