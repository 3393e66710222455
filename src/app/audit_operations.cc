#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "app/listing.h"
#include "app/operations.h"
#include "store/cursor.h"

namespace keywright::app {
namespace {

using domain::AuditEvent;
using domain::OrganizationId;
using domain::Right;

struct AuditActorView {
  std::string type;
  std::optional<std::string> id;
  std::optional<std::string> key_id;
};
KW_DESCRIBE(AuditActorView, field<&AuditActorView::type>("type", "user, key, system or anonymous."),
            field<&AuditActorView::id>("id", "The user behind it, if any."),
            field<&AuditActorView::key_id>("key_id", "The key that was used, if any."))

struct AuditObjectView {
  std::string type;
  std::optional<std::string> id;
  std::string name;
};
KW_DESCRIBE(AuditObjectView, field<&AuditObjectView::type>("type", "What kind of object."),
            field<&AuditObjectView::id>("id", "Its id."),
            field<&AuditObjectView::name>("name", "Its name at that time."))

struct AuditEventView {
  Uuid id;
  Time time;
  AuditActorView actor;
  std::string action;
  AuditObjectView object;
  std::string outcome;
  std::optional<std::string> reason;
  std::optional<std::string> request_id;
  std::optional<std::string> address;
  json::Raw details;
};
KW_DESCRIBE(AuditEventView, field<&AuditEventView::id>("id", "Id of the event."),
            field<&AuditEventView::time>("time", "When it happened."),
            field<&AuditEventView::actor>("actor", "Who did it."),
            field<&AuditEventView::action>("action", "What was done: an operation's name."),
            field<&AuditEventView::object>("object", "To what."),
            field<&AuditEventView::outcome>("outcome", "success or denied."),
            field<&AuditEventView::reason>("reason", "Why."),
            field<&AuditEventView::request_id>("request_id", "X-Request-Id of the request."),
            field<&AuditEventView::address>("address", "Where it came from."),
            field<&AuditEventView::details>("details", "More, by action: changed fields."))
KW_LIST_OF(AuditEventList, AuditEventView)

struct ListAuditEvents {
  std::optional<OrganizationId> organization_id;
  std::optional<std::string> key_id;
  std::optional<std::string> actor;
  std::optional<std::string> action;
  std::optional<std::string> object_id;
  std::optional<Time> from;
  std::optional<Time> to;
  std::optional<std::string> request_id;
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
};
KW_DESCRIBE(
    ListAuditEvents,
    field<&ListAuditEvents::organization_id>("organization_id", "Which organization.", in_query),
    field<&ListAuditEvents::key_id>("key_id", "About or by this key.", in_query),
    field<&ListAuditEvents::actor>("actor", "By this user.", in_query),
    field<&ListAuditEvents::action>("action", "This action, or all that begin so: `keys.*`.",
                                    in_query),
    field<&ListAuditEvents::object_id>("object_id", "About the object with this id.", in_query),
    field<&ListAuditEvents::from>("from", "Not before this time.", in_query),
    field<&ListAuditEvents::to>("to", "Before this time.", in_query),
    field<&ListAuditEvents::request_id>("request_id", "Of the request with this X-Request-Id.",
                                        in_query),
    field<&ListAuditEvents::limit>("limit", "Most items in one answer, 50 if left out.", in_query,
                                   minimum(1), maximum(200)),
    field<&ListAuditEvents::cursor>("cursor", "`next_cursor` of the page before.", in_query))

std::optional<std::string> none_if_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

AuditEventView view_of(const AuditEvent& event) {
  return {event.id,
          event.time,
          {event.actor.type, none_if_empty(event.actor.id), none_if_empty(event.actor.key_id)},
          event.action,
          {event.object.type, none_if_empty(event.object.id), event.object.name},
          event.outcome,
          none_if_empty(event.reason),
          none_if_empty(event.request_id),
          none_if_empty(event.address),
          event.details};
}

Task<Result<AuditEventList>> list_audit_events(App& app, Call& call, ListAuditEvents input) {
  KW_CO_TRY(const auto organization,
            choose_organization(app.directory, call, input.organization_id));
  const store::AuditFilter filter{organization.value,
                                  input.key_id.value_or(""),
                                  input.actor.value_or(""),
                                  input.action.value_or(""),
                                  input.object_id.value_or(""),
                                  input.from,
                                  input.to,
                                  input.request_id.value_or("")};
  const store::Page page = page_of(input.limit, input.cursor);
  // Events of calls that still wait for others are stored with the next change, whatever it is: of
  // this one, which refuses itself, nothing is written and no other node is told.
  const ChangeWork nothing = [](Change&) -> Result<void> {
    return fail(Code::conflict, "nothing_to_do", "");
  };
  (void)co_await app.committer.submit(nothing);
  auto read = [&] { return app.store.list_audit(filter, page); };
  KW_CO_TRY(auto events, co_await app.readers.run(read));
  KW_CO_CHECK_OK(authorise(app.directory, call, organization));
  AuditEventList list;
  for (const AuditEvent& event : events.items) list.items.push_back(view_of(event));
  list.next_cursor = cursor_of(std::move(events.next));
  co_return list;
}

struct VerifyAuditEvents {
  std::optional<OrganizationId> organization_id;
  std::optional<std::string> cursor;
};
KW_DESCRIBE(VerifyAuditEvents,
            field<&VerifyAuditEvents::organization_id>("organization_id",
                                                       "Where you may read the log; the chain is "
                                                       "one for the whole installation."),
            field<&VerifyAuditEvents::cursor>("cursor",
                                              "`next_cursor` of the answer before; left out: from "
                                              "the first event on."))

struct AuditChain {
  bool intact = false;
  std::int64_t verified = 0;
  std::int64_t events = 0;
  std::optional<std::int64_t> broken_at;
  std::optional<std::string> problem;
  Time checked_at;
  std::optional<std::string> next_cursor;
};
KW_DESCRIBE(AuditChain,
            field<&AuditChain::intact>("intact", "Every event so far follows the one before it."),
            field<&AuditChain::verified>("verified", "How many events are known to do so."),
            field<&AuditChain::events>("events", "How many were written in all."),
            field<&AuditChain::broken_at>("broken_at",
                                          "Number of the first that does not; null: none."),
            field<&AuditChain::problem>("problem", "What that means; null: nothing is wrong."),
            field<&AuditChain::checked_at>("checked_at", "When they were read."),
            field<&AuditChain::next_cursor>("next_cursor",
                                            "Go on with this; null: all of them were looked at."))

constexpr std::uint64_t kVerifiedAtOnce = 20'000;
constexpr std::size_t kNumberBytes = 8;

// How far a verification came, and the hash that it came with. Whoever makes one up is answered
// about what they made up, and nobody else.
Result<store::AuditStretch> stretch_from(const std::optional<std::string>& cursor) {
  store::AuditStretch stretch;
  stretch.events_max = kVerifiedAtOnce;
  if (!cursor) return stretch;
  KW_TRY(const auto bytes, (store::decode_cursor<kNumberBytes + sizeof(crypto::Sha256)>(*cursor)));
  const std::int64_t number = store::cursor_number(bytes);
  if (number < 0) return fail(invalid_field("cursor", "is not one that an answer gave"));
  stretch.after = static_cast<std::uint64_t>(number);
  std::ranges::copy(ByteView(bytes).subspan(kNumberBytes), stretch.head.begin());
  return stretch;
}

std::string cursor_after(const store::AuditVerification& found) {
  std::array<std::uint8_t, kNumberBytes + sizeof(crypto::Sha256)> bytes{};
  const auto number = store::cursor_bytes(static_cast<std::int64_t>(found.events));
  std::ranges::copy(found.head, std::ranges::copy(number, bytes.begin()).out);
  return store::encode_cursor(bytes);
}

Task<Result<AuditChain>> verify_audit_events(App& app, Call& call, VerifyAuditEvents input) {
  KW_CO_TRY(const auto organization,
            choose_organization(app.directory, call, input.organization_id));
  KW_CO_TRY(const store::AuditStretch stretch, stretch_from(input.cursor));
  auto read = [&] { return app.store.verify_stretch(stretch); };
  KW_CO_TRY(const store::AuditVerification found, co_await app.readers.run(read));
  KW_CO_CHECK_OK(authorise(app.directory, call, organization));
  AuditChain chain;
  chain.intact = found.intact;
  chain.verified = static_cast<std::int64_t>(found.events);
  chain.events = static_cast<std::int64_t>(found.written);
  chain.checked_at = app.clock.now();
  if (!found.intact) {
    // Which event it is may be another organization's business: the operator is told by the CLI.
    chain.broken_at = chain.verified + 1;
    chain.problem = fmt::format(
        "Event {} was altered, taken out or put in. `keywright audit verify` on the server says "
        "which one it is.",
        *chain.broken_at);
  } else if (!found.complete) {
    chain.next_cursor = cursor_after(found);
  }
  co_return chain;
}

}  // namespace

void add_audit_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&list_audit_events>({.name = "audit_events.list",
                                                      .method = "GET",
                                                      .path = "/audit-events",
                                                      .summary = "Read the audit log",
                                                      .tag = "Audit",
                                                      .right = Right::audit_read,
                                                      .permission = "audit:read"}));
  operations.push_back(operation<&verify_audit_events>(
      {.name = "audit_events.verify",
       .method = "POST",
       .path = "/audit-events/verify",
       .summary = "Verify the chain of the audit log",
       .tag = "Audit",
       .right = Right::audit_read,
       .permission = "audit:read",
       .unchanging = true,
       .description = "Follows the hashes from event to event, some ten thousand in one call; go "
                      "on with `next_cursor` until it is null."}));
}

}  // namespace keywright::app
