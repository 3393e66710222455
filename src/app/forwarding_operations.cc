// Forwarding: where the traces of a platform are sent on to.
#include <algorithm>

#include <fmt/format.h>

#include "app/listing.h"
#include "app/operations.h"
#include "app/recording.h"
#include "app/scheduler.h"
#include "app/trace_forwarding.h"
#include "app/trace_reader.h"
#include "app/upstream.h"
#include "base/encoding.h"
#include "base/text.h"

namespace keywright::app {

std::string forwarding_place(domain::PlatformId platform) {
  return "forwarding/" + platform.to_string();
}

std::string forwarding_secret_place(domain::PlatformId platform) {
  return forwarding_place(platform) + "/secret";
}

namespace {

using domain::Platform;
using domain::PlatformId;
using domain::Right;
using json::Patch;
using Headers = std::map<std::string, std::string>;

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::size_t kSecretBytes = 32;
constexpr std::int64_t kOverlapSeconds = 24 * 3600;
constexpr std::int64_t kOverlapSecondsMax = 7 * 24 * 3600;
constexpr int kDeadLettersAtOnce = 50;

struct ForwardingView {
  PlatformId platform_id;
  ForwardingType type = ForwardingType::webhook;
  std::string url;
  std::optional<OtlpEncoding> encoding;
  std::vector<std::string> header_names;
  bool enabled = true;
  std::optional<std::string> disabled_reason;
  std::optional<Time> previous_secret_until;
  Time created_at;
  Time updated_at;
  ForwardingState state;
  Patch<Secret<std::string>> secret;
};
KW_DESCRIBE(
    ForwardingView, field<&ForwardingView::platform_id>("platform_id", "Whose traces are sent."),
    field<&ForwardingView::type>("type",
                                 "webhook: signed as Standard Webhooks say; otlp: OTLP "
                                 "over HTTP."),
    field<&ForwardingView::url>("url", "Where they are sent."),
    field<&ForwardingView::encoding>("encoding", "Of OTLP: protobuf or json; null for a webhook."),
    field<&ForwardingView::header_names>("header_names", "Headers added on the way."),
    field<&ForwardingView::enabled>("enabled", "False: traces wait until it is enabled again."),
    field<&ForwardingView::disabled_reason>("disabled_reason",
                                            "gone (the receiver answered 410) or failing (for five "
                                            "days); null if a person disabled it.",
                                            keyword("gone, failing")),
    field<&ForwardingView::previous_secret_until>("previous_secret_until",
                                                  "Until when the secret before signs, too."),
    field<&ForwardingView::created_at>("created_at", "When it was set up."),
    field<&ForwardingView::updated_at>("updated_at", "When its settings changed last."),
    field<&ForwardingView::state>("state", "How it goes."),
    field<&ForwardingView::secret>("secret",
                                   "What webhooks are signed with, `whsec_...`: shown once, in the "
                                   "answer that makes it.",
                                   shown))

struct SetForwarding {
  std::string id;
  ForwardingType type = ForwardingType::webhook;
  std::string url;
  std::optional<OtlpEncoding> encoding;
  Patch<Headers> headers;
  bool enabled = true;
};
KW_DESCRIBE(SetForwarding, field<&SetForwarding::id>("id", "Id of the platform.", in_path),
            field<&SetForwarding::type>("type", "webhook or otlp.", required),
            field<&SetForwarding::url>("url",
                                       "Where to send them; for OTLP the whole address, with "
                                       "/v1/traces.",
                                       required, format("uri"), max_length(2048),
                                       example("https://example.com/hooks/traces")),
            field<&SetForwarding::encoding>("encoding", "Of OTLP; protobuf if left out."),
            field<&SetForwarding::headers>("headers",
                                           "Added to each request; stored sealed, never shown "
                                           "again. Those from before stay if left out; null for "
                                           "none.",
                                           write_only, max_items(32)),
            field<&SetForwarding::enabled>("enabled", "False: traces wait."))

struct RotateForwardingSecret {
  std::string id;
  std::int64_t overlap_seconds = kOverlapSeconds;
};
KW_DESCRIBE(RotateForwardingSecret,
            field<&RotateForwardingSecret::id>("id", "Id of the platform.", in_path),
            field<&RotateForwardingSecret::overlap_seconds>(
                "overlap_seconds",
                "How long messages are signed with the old secret, too; a day if left out.",
                minimum(0), maximum(kOverlapSecondsMax)))

struct ListDeadLetters {
  std::string id;
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
};
KW_DESCRIBE(ListDeadLetters, field<&ListDeadLetters::id>("id", "Id of the platform.", in_path),
            field<&ListDeadLetters::limit>("limit", "Most items in one answer, 50 if left out.",
                                           in_query, minimum(1), maximum(200)),
            field<&ListDeadLetters::cursor>("cursor", "`next_cursor` of the page before.",
                                            in_query))

KW_LIST_OF(DeadTraceList, DeadTrace)

struct Redrive {
  std::string id;
  std::optional<std::string> dead_letter_id;
};
KW_DESCRIBE(Redrive, field<&Redrive::id>("id", "Id of the platform.", in_path),
            field<&Redrive::dead_letter_id>("dead_letter_id", "This one; all if left out."))

struct Redriven {
  std::int64_t redriven = 0;
};
KW_DESCRIBE(Redriven,
            field<&Redriven::redriven>("redriven", "How many went back to the end of the queue."))

Error no_forwarding() { return not_found("forwarding of a platform"); }

Result<TraceForwarding*> service_of(const App& app) {
  TraceForwarding* forwarding = app.traces != nullptr ? app.traces->forwarding() : nullptr;
  if (forwarding == nullptr) {
    return fail(Code::unavailable, "traces_off", "This server keeps no traces.");
  }
  return forwarding;
}

ForwardingView view_of(const Forwarding& forwarding) {
  ForwardingView view;
  view.platform_id = forwarding.platform_id;
  view.type = forwarding.type;
  view.url = forwarding.url;
  if (forwarding.type == ForwardingType::otlp) view.encoding = forwarding.encoding;
  view.header_names = forwarding.header_names;
  view.enabled = forwarding.enabled;
  view.disabled_reason = forwarding.disabled_reason;
  view.previous_secret_until = forwarding.previous_secret_until;
  view.created_at = forwarding.created_at;
  view.updated_at = forwarding.updated_at;
  return view;
}

// parse_upstream() knows what may be called; hooks often carry a query, too.
Result<void> check_url(const std::string& url, std::span<const Cidr> allowed) {
  const std::size_t end = std::min(url.find('?'), url.size());
  KW_CHECK_OK(parse_upstream("url", url.substr(0, end), allowed));
  const std::string_view query = std::string_view(url).substr(end);
  const bool clean = std::all_of(query.begin(), query.end(), [](char c) {
    return c > ' ' && c < '\x7f' && std::string_view("\"#<>\\^`{|}").find(c) == std::string::npos;
  });
  if (!clean) return fail(invalid_field("url", "must have a query that is written as in a URL"));
  return {};
}

Result<void> check_header_names(const Headers& headers) {
  for (const auto& [name, value] : headers) {
    const std::string lower = to_ascii_lower(name);
    if (lower.starts_with("webhook-") || lower.starts_with("content-") || lower == "user-agent") {
      return fail(invalid_field("headers." + name, "is set by Keywright itself"));
    }
  }
  return {};
}

Secret<std::string> new_secret(Random& random) {
  const auto bytes = random_bytes<kSecretBytes>(random);
  return Secret<std::string>(std::string(kSecretPrefix) + encode_base64(ByteView(bytes)));
}

// Binary as the sealer gives it, as text for JSON.
std::string sealed_secret(Change& change, const Forwarding& forwarding,
                          const Secret<std::string>& secret) {
  const std::string sealed = change.keyring().sealer().seal(
      secret.reveal(), forwarding_secret_place(forwarding.platform_id), change.random());
  return encode_base64url(view_bytes(sealed));
}

void audit(Change& change, const Call& call, const Platform& platform, json::Raw details = {}) {
  auto event = audit_event(change, call, platform.organization_id, "platform",
                           platform.id.to_string(), platform.name);
  event.details = std::move(details);
  change.audit(std::move(event));
}

// What a change makes of the settings, to be written beside the traces afterwards.
struct Saved {
  Forwarding forwarding;
  Secret<std::string> secret;
};

Result<Saved> make_forwarding(Change& change, Call& call, const SetForwarding& input,
                              const std::optional<Forwarding>& before) {
  KW_TRY(const Platform* platform, visible<Platform>(change, call, id_from(input.id), "platform"));
  KW_CHECK_OK(check_url(input.url, change.settings().allowed_upstreams));
  Saved saved;
  Forwarding& after = saved.forwarding;
  if (before) after = *before;
  after.platform_id = platform->id;
  after.project_id = platform->project_id;
  after.type = input.type;
  after.url = input.url;
  after.encoding = input.encoding.value_or(OtlpEncoding::protobuf);
  after.enabled = input.enabled;
  after.disabled_reason.reset();
  after.updated_at = change.now;
  if (!before) after.created_at = change.now;
  if (!input.headers.is_unset()) {
    const Headers headers = input.headers.has_value() ? input.headers.value() : Headers{};
    KW_CHECK_OK(check_header_names(headers));
    KW_TRY(after.sealed_headers,
           seal_headers(change, forwarding_place(after.platform_id), headers));
    after.header_names = names_of(after.sealed_headers);
  }
  if (after.type == ForwardingType::otlp) {
    after.sealed_secret.clear();
    after.sealed_previous_secret.clear();
    after.previous_secret_until.reset();
  } else if (after.sealed_secret.empty()) {
    saved.secret = new_secret(change.random());
    after.sealed_secret = sealed_secret(change, after, saved.secret);
  }
  const std::string old_text = before ? json::encode(view_of(*before)) : "{}";
  audit(change, call, *platform, difference(old_text, json::encode(view_of(after))));
  return saved;
}

Result<Saved> rotate_secret(Change& change, Call& call, const RotateForwardingSecret& input,
                            const std::optional<Forwarding>& before) {
  KW_TRY(const Platform* platform, visible<Platform>(change, call, id_from(input.id), "platform"));
  if (!before) return fail(no_forwarding());
  if (before->type != ForwardingType::webhook) {
    return fail(Code::conflict, "no_secret", "OTLP is not signed, so there is no secret.");
  }
  Saved saved;
  Forwarding& after = saved.forwarding;
  after = *before;
  after.updated_at = change.now;
  after.sealed_previous_secret.clear();
  after.previous_secret_until.reset();
  if (input.overlap_seconds > 0) {
    after.sealed_previous_secret = before->sealed_secret;
    after.previous_secret_until = change.now + std::chrono::seconds(input.overlap_seconds);
  }
  saved.secret = new_secret(change.random());
  after.sealed_secret = sealed_secret(change, after, saved.secret);
  audit(change, call, *platform,
        json::Raw::trusted(fmt::format("{{\"overlap_seconds\":{}}}", input.overlap_seconds)));
  return saved;
}

// The rules and the audit line are one change; what it made is written beside the traces after it.
template <class Input>
Task<Result<ForwardingView>> save(App& app, Call& call, Input input,
                                  Result<Saved> (*make)(Change&, Call&, const Input&,
                                                        const std::optional<Forwarding>&)) {
  KW_CO_TRY(TraceForwarding * service, service_of(app));
  KW_CO_TRY(const Platform* platform,
            visible<Platform>(app.directory, call, id_from(input.id), "platform"));
  const PlatformId id = platform->id;
  auto find = [&] { return service->find(id); };
  auto before = co_await app.readers.run(find);
  if (!before) co_return fail(std::move(before).error());
  Forwarding made;
  std::optional<ForwardingView> view;
  const std::function<Result<ForwardingView>(Change&)> work =
      [&](Change& change) -> Result<ForwardingView> {
    KW_TRY(Saved saved, make(change, call, input, *before));
    ForwardingView shown = view_of(saved.forwarding);
    made = std::move(saved.forwarding);
    if (!saved.secret.empty()) shown.secret = Patch<Secret<std::string>>(std::move(saved.secret));
    return shown;
  };
  auto done = co_await submit_change(app, call, work, view);
  if (!done) co_return fail(std::move(done).error());
  if (call.reply.replayed) co_return ForwardingView();
  auto put = [&]() -> Result<ForwardingState> {
    KW_CHECK_OK(service->put(made));
    return service->state(id);
  };
  auto state = co_await app.readers.run(put);
  if (!state) co_return fail(std::move(state).error());
  view->state = std::move(*state);
  if (!*before) call.reply.status = 201;
  co_return std::move(*view);
}

Task<Result<ForwardingView>> set_forwarding(App& app, Call& call, SetForwarding input) {
  auto view = co_await save<SetForwarding>(app, call, std::move(input), &make_forwarding);
  co_return view;
}

Task<Result<ForwardingView>> rotate_forwarding_secret(App& app, Call& call,
                                                      RotateForwardingSecret input) {
  auto view = co_await save<RotateForwardingSecret>(app, call, std::move(input), &rotate_secret);
  co_return view;
}

Task<Result<ForwardingView>> get_forwarding(App& app, Call& call, ById input) {
  KW_CO_TRY(TraceForwarding * service, service_of(app));
  const Uuid id = id_from(input.id);
  KW_CO_CHECK_OK(visible<Platform>(app.directory, call, id, "platform"));
  std::optional<Forwarding> found;
  auto read = [&]() -> Result<ForwardingState> {
    KW_TRY(found, service->find(PlatformId{id}));
    if (!found) return fail(no_forwarding());
    return service->state(PlatformId{id});
  };
  auto state = co_await app.readers.run(read);
  if (!state) co_return fail(std::move(state).error());
  KW_CO_CHECK_OK(visible<Platform>(app.directory, call, id, "platform"));
  ForwardingView view = view_of(*found);
  view.state = std::move(*state);
  co_return view;
}

Task<Result<Nothing>> delete_forwarding(App& app, Call& call, ById input) {
  KW_CO_TRY(TraceForwarding * service, service_of(app));
  const Uuid id = id_from(input.id);
  KW_CO_CHECK_OK(visible<Platform>(app.directory, call, id, "platform"));
  auto find = [&] { return service->find(PlatformId{id}); };
  auto before = co_await app.readers.run(find);
  if (!before) co_return fail(std::move(before).error());
  std::optional<Nothing> nothing;
  const std::function<Result<Nothing>(Change&)> work = [&](Change& change) -> Result<Nothing> {
    KW_TRY(const Platform* platform, visible<Platform>(change, call, id, "platform"));
    if (!*before) return fail(no_forwarding());
    audit(change, call, *platform);
    return Nothing{};
  };
  auto done = co_await submit_change(app, call, work, nothing);
  if (!done) co_return fail(std::move(done).error());
  if (call.reply.replayed) co_return Nothing{};
  auto remove = [&] { return service->remove(PlatformId{id}); };
  auto removed = co_await app.readers.run(remove);
  if (!removed) co_return fail(std::move(removed).error());
  co_return Nothing{};
}

Task<Result<DeadTraceList>> list_dead_letters(App& app, Call& call, ListDeadLetters input) {
  KW_CO_TRY(TraceForwarding * service, service_of(app));
  const Uuid id = id_from(input.id);
  KW_CO_CHECK_OK(visible<Platform>(app.directory, call, id, "platform"));
  auto read = [&]() -> Result<DeadTracePage> {
    KW_TRY(const auto found, service->find(PlatformId{id}));
    if (!found) return fail(no_forwarding());
    const int limit = static_cast<int>(input.limit.value_or(kDeadLettersAtOnce));
    return service->dead_letters(PlatformId{id}, input.cursor.value_or(""), limit);
  };
  auto page = co_await app.readers.run(read);
  if (!page) co_return fail(std::move(page).error());
  KW_CO_CHECK_OK(visible<Platform>(app.directory, call, id, "platform"));
  DeadTraceList list;
  list.items = std::move(page->items);
  list.next_cursor = std::move(page->next_cursor);
  co_return list;
}

Task<Result<Redriven>> redrive(App& app, Call& call, Redrive input) {
  KW_CO_TRY(TraceForwarding * service, service_of(app));
  const Uuid id = id_from(input.id);
  KW_CO_CHECK_OK(visible<Platform>(app.directory, call, id, "platform"));
  auto dig_up = [&]() -> Result<Redriven> {
    KW_TRY(const auto found, service->find(PlatformId{id}));
    if (!found) return fail(no_forwarding());
    KW_TRY(const std::int64_t count, service->redrive(PlatformId{id}, input.dead_letter_id));
    if (count == 0 && input.dead_letter_id) return fail(not_found("dead letter"));
    return Redriven{count};
  };
  auto dug_up = co_await app.readers.run(dig_up);
  if (!dug_up) co_return fail(std::move(dug_up).error());
  std::optional<Redriven> redriven;
  const std::function<Result<Redriven>(Change&)> work = [&](Change& change) -> Result<Redriven> {
    KW_TRY(const Platform* platform, visible<Platform>(change, call, id, "platform"));
    audit(change, call, *platform,
          json::Raw::trusted(fmt::format("{{\"redriven\":{}}}", dug_up->redriven)));
    return *dug_up;
  };
  auto done = co_await submit_change(app, call, work, redriven);
  if (!done) co_return fail(std::move(done).error());
  co_return *dug_up;
}

// co_await it on an io thread.
class Testing {
 public:
  Testing(TraceForwarding& service, PlatformId platform) : service_(service), platform_(platform) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    Scheduler* home = Scheduler::current();
    service_.test(platform_, [this, home, waiting](Result<ForwardingTest> tested) {
      tested_.emplace(std::move(tested));
      if (home == nullptr) return waiting.resume();
      home->post([waiting] { waiting.resume(); });
    });
  }
  Result<ForwardingTest> await_resume() { return std::move(*tested_); }

 private:
  TraceForwarding& service_;
  PlatformId platform_;
  std::optional<Result<ForwardingTest>> tested_;
};

Task<Result<ForwardingTest>> test_forwarding(App& app, Call& call, ById input) {
  KW_CO_TRY(TraceForwarding * service, service_of(app));
  const Uuid id = id_from(input.id);
  KW_CO_CHECK_OK(visible<Platform>(app.directory, call, id, "platform"));
  auto find = [&] { return service->find(PlatformId{id}); };
  auto found = co_await app.readers.run(find);
  if (!found) co_return fail(std::move(found).error());
  if (!*found) co_return fail(no_forwarding());
  KW_CO_CHECK_OK(visible<Platform>(app.directory, call, id, "platform"));
  Testing testing(*service, PlatformId{id});
  auto tested = co_await testing;
  co_return tested;
}

}  // namespace

void add_forwarding_operations(std::vector<Operation>& operations) {
  operations.push_back(operation<&get_forwarding>({.name = "forwarding.get",
                                                   .method = "GET",
                                                   .path = "/platforms/{id}/forwarding",
                                                   .summary = "See where traces are sent on to",
                                                   .tag = "Forwarding",
                                                   .right = Right::projects_read}));
  operations.push_back(operation<&set_forwarding>({.name = "forwarding.set",
                                                   .method = "PUT",
                                                   .path = "/platforms/{id}/forwarding",
                                                   .summary = "Send the traces of a platform on",
                                                   .tag = "Forwarding",
                                                   .right = Right::projects_write,
                                                   .no_store = true}));
  operations.push_back(operation<&delete_forwarding>({.name = "forwarding.delete",
                                                      .method = "DELETE",
                                                      .path = "/platforms/{id}/forwarding",
                                                      .summary = "Send traces on no longer",
                                                      .tag = "Forwarding",
                                                      .right = Right::projects_write,
                                                      .status = 204,
                                                      .destructive = true}));
  operations.push_back(
      operation<&rotate_forwarding_secret>({.name = "forwarding.rotate_secret",
                                            .method = "POST",
                                            .path = "/platforms/{id}/forwarding/rotate-secret",
                                            .summary = "Give a webhook a new secret",
                                            .tag = "Forwarding",
                                            .right = Right::projects_write,
                                            .no_store = true}));
  operations.push_back(
      operation<&test_forwarding>({.name = "forwarding.test",
                                   .method = "POST",
                                   .path = "/platforms/{id}/forwarding/test",
                                   .summary = "Send an example now, and see what comes back",
                                   .tag = "Forwarding",
                                   .right = Right::projects_write,
                                   .unchanging = true}));
  operations.push_back(
      operation<&list_dead_letters>({.name = "forwarding.dead_letters",
                                     .method = "GET",
                                     .path = "/platforms/{id}/forwarding/dead-letters",
                                     .summary = "List what could not be sent on",
                                     .tag = "Forwarding",
                                     .right = Right::projects_read}));
  operations.push_back(operation<&redrive>({.name = "forwarding.redrive",
                                            .method = "POST",
                                            .path = "/platforms/{id}/forwarding/redrive",
                                            .summary = "Send dead letters again",
                                            .tag = "Forwarding",
                                            .right = Right::projects_write}));
}

}  // namespace keywright::app
