#include "gateway/gateway.h"

#include <algorithm>
#include <limits>

#include "api/admission/client_address.h"
#include "api/admission/credentials.h"
#include "app/slow_hashes.h"
#include "base/text.h"
#include "gateway/header_rules.h"

namespace keywright::gateway {

namespace {

using http::Field;
using http::Request;

constexpr std::string_view kAuth = "/auth/";
constexpr std::string_view kServices = "/services/";
constexpr std::string_view kReserved[] = {"obtain", "verify", "refresh", "revoke"};
constexpr std::string_view kUriFields[] = {"X-Original-URI", "X-Original-URL", "X-Forwarded-Uri"};

struct Address {
  bool forward_auth = false;
  std::string_view slug;
  std::string_view rest;  // after the slug: "" or begins with a slash
};

Address address_of(std::string_view path) {
  Address address;
  address.forward_auth = path.starts_with(kAuth);
  path.remove_prefix(address.forward_auth ? kAuth.size() : kServices.size());
  address.slug = path.substr(0, path.find('/'));
  address.rest = path.substr(address.slug.size());
  return address;
}

Verdict verdict_of(const Error& error) {
  switch (error.code()) {
    case Code::unauthenticated: return Verdict::unauthenticated;
    case Code::permission_denied: return Verdict::forbidden;
    case Code::rate_limited: return Verdict::limited;
    default: return Verdict::bad_request;
  }
}

// A key in the address of the request that the proxy asks about.
bool original_has_credential(const Request& request) {
  return std::any_of(request.headers.begin(), request.headers.end(), [](const Field& field) {
    if (field.name.size() < 14 || field.name.size() > 15) return false;
    const auto names = [&](std::string_view name) {
      return equals_ignoring_case(field.name, name);
    };
    if (!std::any_of(std::begin(kUriFields), std::end(kUriFields), names)) return false;
    const std::size_t query = field.value.find('?');
    return query != std::string_view::npos && has_credential(field.value.substr(query + 1));
  });
}

// Tells the limits of the key that passed, unless the upstream has limits of its own to tell.
class LimitedAnswer final : public ProxyHooks {
 public:
  explicit LimitedAnswer(std::vector<std::pair<std::string, std::string>> fields)
      : fields_(std::move(fields)) {}
  bool replaces_answer(const http::h1::ResponseHead& head, http::Response& response) override {
    if (head.headers.find("RateLimit") || head.headers.find("RateLimit-Policy")) return false;
    for (const auto& [name, value] : fields_) response.header(name, value);
    return false;
  }

 private:
  const std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace

bool serves(std::string_view path) {
  if (path.starts_with(kServices)) return path.size() > kServices.size() && path[10] != '/';
  if (!path.starts_with(kAuth)) return false;
  const std::string_view slug = address_of(path).slug;
  return !slug.empty() &&
         std::find(std::begin(kReserved), std::end(kReserved), slug) == std::end(kReserved);
}

std::string_view name_of(Verdict verdict) {
  constexpr std::string_view kNames[kVerdicts] = {"passed", "bad_request", "unauthenticated",
                                                  "forbidden", "limited"};
  return kNames[static_cast<std::size_t>(verdict)];
}

Gateway::Gateway(app::App& app, Proxy& proxy, GatewayOptions options)
    : app_(app),
      proxy_(proxy),
      options_(std::move(options)),
      prepared_(app.settings.allowed_upstreams) {}

VerdictTotals Gateway::totals(const Counters& counters) {
  VerdictTotals sum{};
  for (std::size_t i = 0; i < kVerdicts; ++i) sum[i] = counters[i].load(std::memory_order_relaxed);
  return sum;
}

// What goes to an upstream is relayed, not kept: it may be of any size.
std::size_t Gateway::body_limit(const Request& request) {
  return streams_body(request) ? std::numeric_limits<std::size_t>::max() : http::kDefaultBodyLimit;
}

bool Gateway::streams_body(const Request& request) { return request.path.starts_with(kServices); }

std::optional<Task<void>> Gateway::handle(http::Exchange& exchange) {
  return visit(exchange, Slow::try_it);
}

std::optional<Task<void>> Gateway::visit(http::Exchange& exchange, Slow slow) {
  const Request& request = exchange.request;
  const Address address = address_of(request.path);
  Counters& counters = address.forward_auth ? forward_auth_ : services_;
  const Time now = app_.clock.now();
  const IpAddress client = admission::client_address(request, options_.trusted_proxies);
  const bool secure = admission::is_secure(request, app_.settings);
  Passage passage;
  if (address.forward_auth && original_has_credential(request)) {
    passage.refusal = credential_in_query();
  } else {
    passage = ask_passage(app_.directory, request, admission::session_cookie_name(secure),
                          kServiceDoor, address.slug, client, now);
  }
  if (passage.refusal && slow == Slow::try_it && passage.key == nullptr &&
      app_.slow_hashes.could_be(app_.directory, passage.token)) {
    return try_slow_hash(exchange, std::string(passage.token));
  }
  if (!passage.refusal && !address.forward_auth) {
    if (auto good = check_forwarded_path(address.rest); !good) passage.refusal = good.error();
  }
  const Verdict verdict = passage.refusal ? verdict_of(*passage.refusal) : Verdict::passed;
  counters[static_cast<std::size_t>(verdict)].fetch_add(1, std::memory_order_relaxed);
  if (passage.refusal) {
    write_refusal(exchange, *passage.refusal, passage.presence);
    add_limit_headers(app_.directory, passage, now, exchange.response);
    return std::nullopt;
  }
  if (!address.forward_auth) return send_on(exchange, passage, address.rest, client, now);
  const Identity identity(app_.directory, *passage.key);
  for (const Field& field : identity.fields()) exchange.response.header(field.name, field.value);
  exchange.response.header("Cache-Control", "no-store");
  add_limit_headers(app_.directory, passage, now, exchange.response);
  return std::nullopt;
}

Task<void> Gateway::try_slow_hash(http::Exchange& exchange, std::string token) {
  const IpAddress address = admission::client_address(exchange.request, options_.trusted_proxies);
  const auto tried = co_await app_.slow_hashes.try_token(app_, std::move(token), address);
  if (!tried) {
    write_refusal(exchange, tried.error(), Presence::presented);
    co_return;
  }
  auto task = visit(exchange, Slow::tried);
  if (task) co_await std::move(*task);
}

bool Gateway::is_trusted(const IpAddress& address) const {
  return std::any_of(options_.trusted_proxies.begin(), options_.trusted_proxies.end(),
                     [&](const Cidr& proxy) { return proxy.contains(address); });
}

Result<std::string> Gateway::write_head(const Request& request, const Passage& passage,
                                        const PreparedUpstream& prepared, std::string_view rest,
                                        bool upgrades) const {
  std::string head;
  head.reserve(1024);
  head.append(request.method_text).append(" ").append(prepared.target->base_path);
  head.append(rest.empty() && prepared.target->base_path.empty() ? "/" : rest);
  if (!request.query.empty()) head.append("?").append(request.query);
  head.append(" HTTP/1.1\r\nHost: ").append(prepared.target->authority).append("\r\n");

  const Identity identity(app_.directory, *passage.key);
  std::vector<Field> added;
  for (const auto& [name, value] : prepared.headers) added.push_back({name, value.reveal()});
  added.insert(added.end(), identity.fields().begin(), identity.fields().end());

  const bool trusted = is_trusted(request.peer);
  std::string chain;
  if (trusted) {
    for (const Field& field : request.headers) {
      if (equals_ignoring_case(field.name, "X-Forwarded-For")) chain.append(field.value) += ", ";
    }
  }
  chain += request.peer.to_string();
  ForwardContext context;
  context.forwarded_for = chain;
  const auto proto = request.headers.find("X-Forwarded-Proto");
  context.secure = trusted && proto ? equals_ignoring_case(*proto, "https") : request.secure;
  context.upgrades = upgrades;
  context.token = passage.token;
  KW_CHECK_OK(append_request_fields(head, request, added, context));
  return head;
}

std::optional<Task<void>> Gateway::send_on(http::Exchange& exchange, const Passage& passage,
                                           std::string_view rest, const IpAddress& address,
                                           Time now) {
  const Request& request = exchange.request;
  const auto& service = *static_cast<const domain::Service*>(passage.record);
  const auto prepared = prepared_.prepare(
      app_.directory, {service.id.value, "service", service.upstream_url, service.sealed_headers});
  if (!prepared) {
    ProxyHooks().answer_failure(exchange, 502, "upstream_not_allowed",
                                "The service's upstream address may not be used.");
    return std::nullopt;
  }
  const bool upgrades = asks_for_websocket(request);
  auto head = write_head(request, passage, **prepared, rest, upgrades);
  if (!head) {
    write_refusal(exchange, head.error(), Presence::presented);
    return std::nullopt;
  }
  ProxyRequest sent;
  sent.target = (*prepared)->target;
  sent.head = std::move(*head);
  sent.upgrades = upgrades;
  sent.standing.caller = caller_of(app_.directory, passage, kServiceDoor, address);
  sent.standing.resource_type = domain::ResourceType::service;
  sent.standing.resource_id = service.id.to_string();
  if (sent.standing.caller.limited) {
    sent.hooks =
        std::make_unique<LimitedAnswer>(app::rate_limit_headers(app_.directory, passage.key, now));
  }
  return proxy_.forward(exchange, std::move(sent));
}

}  // namespace keywright::gateway
