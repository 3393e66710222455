// api/rest/metrics.h - the Prometheus text format, and who has something to say in it.
//
//   MetricsText text(response.body);
//   text.gauge("keywright_keys", "Keys in memory, revoked ones included.", keys.size());
//   text.counter("keywright_http_requests_total", "Answers by class of status.")
//       .sample({{"class", "2xx"}}, counters.responses[2]);
//
//   MetricsSource source = [&](MetricsText& text) { ... };     // called for each GET /metrics
//
// A family is written in one piece: name, help, type, then its samples. No label ever holds a key,
// an id, an address or anything else that a caller chooses.
//
// Threading: sources are called on an io thread and must neither block nor wait.
// Source: Prometheus exposition format 0.0.4.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "http/server.h"

namespace keywright::rest {

using MetricLabels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// A count or a measurement: to Prometheus all numbers are alike.
class MetricValue {
 public:
  template <class Number>
    requires std::is_arithmetic_v<Number>
  MetricValue(Number number) : number_(static_cast<double>(number)) {}

  double number() const { return number_; }

 private:
  double number_;
};

class MetricsText {
 public:
  explicit MetricsText(std::string& out) : out_(out) {}

  // Begins a family; samples follow.
  MetricsText& counter(std::string_view name, std::string_view help);
  MetricsText& gauge(std::string_view name, std::string_view help);
  // One sample of the family begun last.
  MetricsText& sample(MetricLabels labels, MetricValue value);

  // A family of one sample without labels.
  void counter(std::string_view name, std::string_view help, MetricValue value);
  void gauge(std::string_view name, std::string_view help, MetricValue value);

 private:
  void begin(std::string_view name, std::string_view help, std::string_view type);

  std::string& out_;
  std::string name_;
};

using MetricsSource = std::function<void(MetricsText&)>;

// What the HTTP server counts.
void write_http_metrics(MetricsText& text, const http::ServerCounters& counters);

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace keywright::rest
