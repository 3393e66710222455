#include "forwarding/retry.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

#include "base/media_type.h"
#include "json/document.h"
#include "traces/wire.h"

namespace keywright::forwarding {
namespace {

using app::ForwardingType;

constexpr std::chrono::milliseconds kFirstDelay{1'000};
constexpr std::chrono::milliseconds kLongestDelay = std::chrono::minutes(10);
constexpr std::chrono::seconds kLongestRetryAfter = std::chrono::hours(1);
constexpr std::int64_t kDoublingsMax = 20;

bool passes(ForwardingType type, int status) {
  if (status == 429 || (status >= 502 && status <= 504)) return true;
  if (type == ForwardingType::otlp) return false;
  return status == 408 || status == 425 || status >= 500;
}

std::string rejected_in_json(const std::string& body) {
  const auto document = json::Document::parse(body);
  const auto partial = document ? document->root().find("partialSuccess") : std::nullopt;
  const auto rejected = partial ? partial->find("rejectedSpans") : std::nullopt;
  if (!rejected) return "";
  if (const auto text = rejected->as_string()) return std::string(*text);
  return std::to_string(rejected->as_int64().value_or(0));
}

// ExportTraceServiceResponse.partial_success.rejected_spans: field 1 of field 1.
std::string rejected_in_protobuf(const std::string& body) {
  std::uint64_t rejected = 0;
  traces::WireReader answer(body);
  while (answer.next()) {
    if (answer.number() != 1) continue;
    traces::WireReader partial(answer.bytes());
    while (partial.next()) {
      if (partial.number() == 1) rejected = partial.varint();
    }
  }
  return std::to_string(rejected);
}

// A receiver may take a request and refuse some of its spans: final, and worth a word.
std::string partial_success(const http::ClientResponse& response) {
  const std::string* type = response.header("Content-Type");
  const bool is_protobuf = type != nullptr && !is_json_type(*type);
  const std::string count =
      is_protobuf ? rejected_in_protobuf(response.body) : rejected_in_json(response.body);
  if (count.empty() || count == "0") return "";
  return "The receiver rejected spans of a request that it took: " + count.substr(0, 20) + ".";
}

}  // namespace

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, Time now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size() && seconds >= 0) {
    return std::min(std::chrono::seconds(seconds), kLongestRetryAfter);
  }
  std::tm parts{};
  const std::string copy(text);
  const char* rest = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  const auto until = from_unix_milliseconds(std::int64_t{::timegm(&parts)} * 1'000) - now;
  return std::clamp(std::chrono::ceil<std::chrono::seconds>(until), std::chrono::seconds(0),
                    kLongestRetryAfter);
}

Verdict verdict_of(ForwardingType type, const Result<http::ClientResponse>& response, Time now) {
  Verdict verdict;
  if (!response) {
    verdict.fate = Fate::later;
    verdict.problem = response.error().detail();
    return verdict;
  }
  verdict.status = response->status;
  if (response->status >= 200 && response->status < 300) {
    if (type == ForwardingType::otlp) verdict.problem = partial_success(*response);
    return verdict;
  }
  verdict.problem = fmt::format("The receiver answered {}.", response->status);
  if (passes(type, response->status)) {
    verdict.fate = Fate::later;
    const std::string* header = response->header("Retry-After");
    if (header != nullptr) verdict.retry_after = parse_retry_after(*header, now);
  } else {
    const bool gone = type == ForwardingType::webhook && response->status == 410;
    verdict.fate = gone ? Fate::gone : Fate::refused;
  }
  return verdict;
}

std::chrono::milliseconds delay_after(std::int64_t failures,
                                      std::optional<std::chrono::seconds> retry_after,
                                      Random& random) {
  const std::int64_t doublings = std::clamp(failures - 1, std::int64_t{0}, kDoublingsMax);
  const auto whole = std::min(kFirstDelay * (std::int64_t{1} << doublings), kLongestDelay);
  const auto half = whole / 2;
  const auto chance = random_below(random, static_cast<std::uint64_t>(half.count()) + 1);
  const auto delay = half + std::chrono::milliseconds(chance);
  if (!retry_after) return delay;
  return std::max(delay, std::chrono::milliseconds(*retry_after));
}

}  // namespace keywright::forwarding
