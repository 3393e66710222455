#include "mcp_connect/probe.h"

#include <optional>

#include <fmt/format.h>

#include "app/blot.h"
#include "base/text.h"
#include "json/document.h"
#include "json/writer.h"
#include "mcp/protocol.h"
#include "mcp/sse.h"

namespace keywright::mcp_connect {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{3'000};
constexpr milliseconds kAnswerTimeout{3'000};
constexpr std::size_t kAnswerBytesMax = 4 * 1024 * 1024;
constexpr int kPagesMax = 20;
constexpr std::string_view kAccepted = "application/json, text/event-stream";
constexpr std::string_view kId = "\"keywright-probe\"";
constexpr std::string_view kLegacyVersion = mcp::kLegacyVersions.front();

// The params of a request: `own` is JSON members, with a comma after each.
std::string modern_params(std::string_view own) {
  return fmt::format(R"({{{}"_meta":{{"{}":"{}","{}":{{}},"io.modelcontextprotocol/clientInfo":)"
                     R"({{"name":"keywright","version":"1"}}}}}})",
                     own, mcp::kMetaProtocolVersion, mcp::kModernVersion,
                     mcp::kMetaClientCapabilities);
}

std::string request_text(std::string_view method, std::string_view params) {
  return fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"{}","params":{}}})", kId, method,
                     params);
}

std::string cursor_member(const std::string& cursor) {
  if (cursor.empty()) return "";
  std::string text;
  json::Writer(text).string(cursor);
  return fmt::format(R"("cursor":{},)", text);
}

// One JSON-RPC answer, read.
struct Answer {
  int status = 0;
  std::string session;
  std::optional<json::Document> document;

  std::optional<json::Value> member(std::string_view name) const {
    return document ? document->root().find(name) : std::nullopt;
  }
  std::optional<json::Value> result() const {
    auto found = member("result");
    return found && found->kind() == json::ValueKind::object ? found : std::nullopt;
  }
};

bool answers_us(const json::Document& document) {
  const auto id = document.root().find("id");
  return id && id->as_string() == kId.substr(1, kId.size() - 2);
}

std::optional<json::Document> read_answer(const http::ClientResponse& response) {
  const std::string* type = response.header("Content-Type");
  const std::string_view name =
      type == nullptr ? "" : trim(std::string_view(*type).substr(0, type->find(';')));
  if (!equals_ignoring_case(name, "text/event-stream")) {
    auto document = json::Document::parse(response.body);
    if (document) return std::move(*document);
    return std::nullopt;
  }
  mcp::SseReader events(kAnswerBytesMax);
  events.feed(response.body);
  while (const auto event = events.next()) {
    if (!event->has_data) continue;
    auto document = json::Document::parse(event->data);
    if (document && answers_us(*document)) return std::move(*document);
  }
  return std::nullopt;
}

std::optional<std::string> shown(std::optional<json::Value> value) {
  const auto text = value ? value->as_string() : std::nullopt;
  if (!text || text->empty()) return std::nullopt;
  return app::blotted(*text);
}

class Probe {
 public:
  Probe(const ProbeTarget& target, const Clock& clock)
      : target_(target), clock_(clock), client_(options()), began_(clock.boot_time()) {
    health_.checked_at = clock.now();
  }

  app::McpHealth run() {
    // An old server may make anything of a request that it does not know, even nothing at all.
    const bool modern = ask_modern();
    if (!modern && (!health_.problem || may_ask_on_)) {
      health_.problem.reset();
      ask_legacy();
    }
    return std::move(health_);
  }

 private:
  http::ClientOptions options() const {
    http::ClientOptions made;
    made.connect_timeout = kConnectTimeout;
    made.request_timeout = kAnswerTimeout;
    made.max_response_bytes = kAnswerBytesMax;
    made.allow = target_.allow;
    return made;
  }

  milliseconds elapsed() const {
    return std::chrono::duration_cast<milliseconds>(clock_.boot_time() - began_);
  }

  // Nothing, with a problem, if no answer came.
  std::optional<Answer> send(std::string_view method, http::HeaderList fields, std::string body) {
    if (elapsed() >= kProbeSeconds - kAnswerTimeout) {
      problem("It takes too long to answer.");
      return std::nullopt;
    }
    http::ClientRequest request(method, target_.url);
    request.headers = target_.headers;
    request.headers.emplace_back("Accept", kAccepted);
    if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    for (auto& field : fields) request.headers.push_back(std::move(field));
    request.body = std::move(body);
    auto response = client_.send(std::move(request));
    if (!response) {
      tell_failure(response.error());
      return std::nullopt;
    }
    Answer answer;
    answer.status = response->status;
    const std::string* session = response->header("Mcp-Session-Id");
    if (session != nullptr) answer.session = *session;
    answer.document = read_answer(*response);
    return answer;
  }

  void problem(std::string text) {
    if (!health_.problem) health_.problem = std::move(text);
  }

  void tell_failure(const Error& error) {
    const std::string& reason = error.reason();
    may_ask_on_ = reason == "request_timeout" || reason == "connection_lost" ||
                  reason == "malformed_response";
    if (reason == "address_not_allowed") {
      problem("Its name leads to an address that this server may not call.");
    } else if (reason == "request_timeout" || reason == "connect_timeout") {
      problem("It does not answer in time.");
    } else if (reason == "tls_failed") {
      problem("Its certificate is not accepted.");
    } else if (reason == "malformed_response" || reason == "response_too_large") {
      problem("What it answers is not well-formed HTTP.");
    } else {
      problem("It cannot be reached.");
    }
  }

  // What no other request would change. True: there is no use in asking on.
  bool is_final(int status) {
    if (status == 401 || status == 403) {
      problem(
          fmt::format("It refuses the credential that is configured for it (HTTP {}).", status));
    } else if (status >= 300 && status < 400) {
      problem("It answers with a redirect. Register the address that it redirects to.");
    }
    return health_.problem.has_value();
  }

  void found(app::McpEra era, std::string version, std::optional<json::Value> server) {
    health_.reachable = true;
    health_.era = era;
    health_.protocol_version = std::move(version);
    if (!server) return;
    health_.server_name = shown(server->find("name"));
    health_.server_version = shown(server->find("version"));
  }

  bool ask_modern() {
    const auto fields = [](std::string_view method) {
      return http::HeaderList{{"MCP-Protocol-Version", std::string(mcp::kModernVersion)},
                              {"Mcp-Method", std::string(method)}};
    };
    const auto answer =
        send("POST", fields("server/discover"), request_text("server/discover", modern_params("")));
    if (!answer || is_final(answer->status)) return false;
    const auto result = answer->result();
    const auto versions = result ? result->find("supportedVersions") : std::nullopt;
    if (answer->status != 200 || !versions) return false;
    bool known = false;
    for (const json::Value& version : versions->items()) {
      known = known || version.as_string() == mcp::kModernVersion;
    }
    if (!known) return false;
    health_.latency_ms = elapsed().count();
    const auto meta = result->find("_meta");
    found(app::McpEra::modern, std::string(mcp::kModernVersion),
          meta ? meta->find(mcp::kMetaServerInfo) : std::nullopt);
    count_tools([&](const std::string& cursor) {
      return send("POST", fields("tools/list"),
                  request_text("tools/list", modern_params(cursor_member(cursor))));
    });
    return true;
  }

  void ask_legacy() {
    const std::string params = fmt::format(R"({{"protocolVersion":"{}","capabilities":{{}},)"
                                           R"("clientInfo":{{"name":"keywright","version":"1"}}}})",
                                           kLegacyVersion);
    const auto answer = send("POST", {}, request_text("initialize", params));
    if (!answer || is_final(answer->status)) return;
    const auto result = answer->result();
    const auto version = result ? shown(result->find("protocolVersion")) : std::nullopt;
    if (answer->status == 200 && version) {
      health_.latency_ms = elapsed().count();
      found(app::McpEra::legacy, *version, result->find("serverInfo"));
      use_session(*version, answer->session);
    } else {
      problem(fmt::format("It answers (HTTP {}), but not as an MCP server.", answer->status));
    }
  }

  void use_session(const std::string& version, const std::string& session) {
    const bool usable = mcp::is_legacy_version(version);
    http::HeaderList fields;
    if (usable) fields.emplace_back("MCP-Protocol-Version", version);
    if (!session.empty()) fields.emplace_back("Mcp-Session-Id", session);
    if (send("POST", fields, R"({"jsonrpc":"2.0","method":"notifications/initialized"})")) {
      count_tools([&](const std::string& cursor) {
        const std::string member = cursor_member(cursor);
        const std::string_view own =
            std::string_view(member).substr(0, member.empty() ? 0 : member.size() - 1);
        return send("POST", fields, request_text("tools/list", fmt::format("{{{}}}", own)));
      });
    }
    if (!session.empty()) (void)send("DELETE", fields, "");
    health_.problem.reset();  // it is reachable, whatever it makes of the rest
  }

  template <class Ask>
  void count_tools(Ask ask) {
    std::int64_t count = 0;
    std::string cursor;
    for (int page = 0; page < kPagesMax; ++page) {
      const std::optional<Answer> answer = ask(cursor);
      const auto result = answer ? answer->result() : std::nullopt;
      const auto tools = result ? result->find("tools") : std::nullopt;
      if (!tools || tools->kind() != json::ValueKind::array) break;
      count += static_cast<std::int64_t>(tools->size());
      health_.tools_count = count;
      const auto next = result->find("nextCursor");
      cursor = next ? std::string(next->as_string().value_or("")) : "";
      if (cursor.empty()) break;
    }
    health_.problem.reset();
  }

  const ProbeTarget& target_;
  const Clock& clock_;
  http::BlockingClient client_;
  const std::chrono::nanoseconds began_;
  app::McpHealth health_;
  bool may_ask_on_ = false;
};

}  // namespace

app::McpHealth probe(const ProbeTarget& target, const Clock& clock) {
  return Probe(target, clock).run();
}

}  // namespace keywright::mcp_connect
