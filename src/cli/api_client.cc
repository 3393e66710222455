#include "cli/api_client.h"

#include <chrono>

#include <fmt/format.h>

#include "cli/answer.h"
#include "cli/input_values.h"
#include "cli/session_file.h"
#include "cli/text_width.h"
#include "json/document.h"
#include "net/tls.h"

namespace keywright::cli {

namespace {

constexpr std::string_view kDefaultUrl = "http://127.0.0.1:8080";

ExitCode exit_code_of_status(int status) {
  switch (status) {
    case 401:
    case 403: return ExitCode::not_allowed;
    case 404: return ExitCode::not_found;
    case 409:
    case 412: return ExitCode::conflict;
    case 429: return ExitCode::rate_limited;
    case 502:
    case 503:
    case 504: return ExitCode::unavailable;
    default: return ExitCode::failure;
  }
}

void add_problems(const json::Value& problem, Failure& failure) {
  const auto problems = problem.find("errors");
  if (!problems) return;
  for (const json::Value& item : problems->items()) {
    failure.details.push_back(
        fmt::format("{}: {}", text_member(item, "field"), text_member(item, "message")));
  }
}

std::string advice(const http::ClientResponse& response) {
  if (response.status == 401) return "sign in: keywright login (or set KEYWRIGHT_API_KEY)";
  const std::string* retry_after = response.header("Retry-After");
  if (retry_after != nullptr && (response.status == 429 || response.status == 503)) {
    return fmt::format("try again in {} s", printable(*retry_after));
  }
  return {};
}

}  // namespace

Failure failure_of(const http::ClientResponse& response) {
  Failure failure{exit_code_of_status(response.status), {}};
  if (auto document = json::Document::parse(response.body)) {
    failure.message = text_member(document->root(), "detail");
    if (failure.message.empty()) failure.message = text_member(document->root(), "title");
    add_problems(document->root(), failure);
    // One problem is said once, below, where it can name the flag.
    if (failure.details.size() == 1 && failure.details.front() == failure.message) {
      failure.message = "the server refused the request";
    }
  }
  if (failure.message.empty()) {
    failure.message = fmt::format("the server answered with status {}", response.status);
  }
  failure.next = advice(response);
  if (const std::string* id = response.header("X-Request-Id")) failure.request_id = printable(*id);
  return failure;
}

ApiClient::ApiClient(Context& context, const Invocation& given)
    : context_(context), given_(given) {}

ApiClient::~ApiClient() = default;

Expected<std::string> ApiClient::url() const {
  const bool given = given_.has("server");
  std::string url = given
                        ? given_.value("server")
                        : context_.environment("KEYWRIGHT_URL").value_or(std::string(kDefaultUrl));
  if (url.empty() && !given) url = kDefaultUrl;
  while (url.ends_with('/')) url.pop_back();
  const auto parsed = http::parse_url(url);
  if (!parsed || url.find('?') != std::string::npos) {
    return misused(fmt::format("{}: '{}' is no address of a server",
                               given ? "--server" : "KEYWRIGHT_URL", printable(url)),
                   fmt::format("such as {}", kDefaultUrl));
  }
  return url;
}

bool ApiClient::uses_api_key() const {
  return !context_.environment("KEYWRIGHT_API_KEY").value_or("").empty();
}

Expected<void> ApiClient::find_credential() {
  if (!credential_.empty()) return {};
  if (uses_api_key()) {
    credential_ = Secret<std::string>(*context_.environment("KEYWRIGHT_API_KEY"));
    return {};
  }
  auto address = url();
  if (!address) return failed(std::move(address).error());
  auto session = SessionFiles(configuration_directory(context_.environment)).load(*address);
  if (!session) return failed(std::move(session).error());
  if (!*session) {
    return failed({ExitCode::not_allowed,
                   fmt::format("not signed in at {}", *address),
                   {},
                   "keywright login, or set KEYWRIGHT_API_KEY"});
  }
  credential_ = std::move((*session)->token);
  return {};
}

Expected<void> ApiClient::make_client() {
  if (client_) return {};
  http::ClientOptions options;
  constexpr std::size_t kLargestAnswer = 64 * 1024 * 1024;
  options.max_response_bytes = kLargestAnswer;
  if (given_.has("timeout")) {
    const std::string timeout = given_.value("timeout");
    const auto seconds = parse_duration_seconds(timeout + (timeout.ends_with('s') ? "" : "s"));
    if (!seconds || *seconds == 0) return misused("--timeout: must be a number of seconds");
    options.request_timeout = std::chrono::seconds(*seconds);
  }
  net::TlsClientOptions tls;
  tls.trust_file = given_.value("ca-file", context_.environment("KEYWRIGHT_CA_FILE").value_or(""));
  if (!tls.trust_file.empty()) {
    auto made = net::TlsClient::create(tls);
    if (!made) return failed(to_failure(made.error()));
    options.tls = std::move(*made);
  }
  client_ = std::make_unique<http::BlockingClient>(std::move(options));
  return {};
}

Expected<ApiAnswer> ApiClient::send(std::string_view method, std::string_view path,
                                    const std::string& body) {
  if (auto found = find_credential(); !found) return failed(std::move(found).error());
  return transmit(method, path, body, credential_.reveal());
}

Expected<ApiAnswer> ApiClient::send_as_nobody(std::string_view method, std::string_view path,
                                              const std::string& body) {
  return transmit(method, path, body, {});
}

Expected<ApiAnswer> ApiClient::end_session(const Secret<std::string>& token) {
  return transmit("DELETE", "/session", {}, token.reveal());
}

Expected<ApiAnswer> ApiClient::transmit(std::string_view method, std::string_view path,
                                        const std::string& body, std::string_view credential) {
  auto address = url();
  if (!address) return failed(std::move(address).error());
  http::ClientRequest request(method, fmt::format("{}/api/v1{}", *address, path));
  request.headers = {{"Accept", "application/json"}, {"User-Agent", "keywright-cli"}};
  if (!credential.empty()) {
    request.headers.emplace_back("Authorization", fmt::format("Bearer {}", credential));
  }
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.body = body;
  if (auto made = make_client(); !made) return failed(std::move(made).error());
  auto response = client_->send(std::move(request));
  if (!response) {
    Failure failure = to_failure(response.error());
    failure.message = fmt::format("{}: {}", *address, failure.message);
    if (failure.code == ExitCode::unavailable) {
      failure.next = "is the server running there? --server or KEYWRIGHT_URL names another one";
    }
    return failed(std::move(failure));
  }
  if (response->status < 200 || response->status > 299) return failed(failure_of(*response));
  const std::string* id = response->header("X-Request-Id");
  return ApiAnswer{response->status, std::move(response->body), id == nullptr ? "" : *id};
}

}  // namespace keywright::cli
