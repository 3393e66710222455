#include "api/rest/metrics.h"

#include <fmt/format.h>

namespace keywright::rest {
namespace {

void append_label_value(std::string& out, std::string_view value) {
  for (char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

}  // namespace

void MetricsText::begin(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  out_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

MetricsText& MetricsText::counter(std::string_view name, std::string_view help) {
  begin(name, help, "counter");
  return *this;
}

MetricsText& MetricsText::gauge(std::string_view name, std::string_view help) {
  begin(name, help, "gauge");
  return *this;
}

MetricsText& MetricsText::sample(MetricLabels labels, MetricValue value) {
  out_ += name_;
  if (labels.size() != 0) {
    char separator = '{';
    for (const auto& [label, text] : labels) {
      out_ += separator;
      out_.append(label).append("=\"");
      append_label_value(out_, text);
      out_ += '"';
      separator = ',';
    }
    out_ += '}';
  }
  out_ += fmt::format(" {}\n", value.number());
  return *this;
}

void MetricsText::counter(std::string_view name, std::string_view help, MetricValue value) {
  counter(name, help).sample({}, value);
}

void MetricsText::gauge(std::string_view name, std::string_view help, MetricValue value) {
  gauge(name, help).sample({}, value);
}

void write_http_metrics(MetricsText& text, const http::ServerCounters& counters) {
  text.counter("keywright_http_requests_total", "Answers by class of status.");
  constexpr std::string_view kClasses[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 1; i < counters.responses.size(); ++i) {
    text.sample({{"class", kClasses[i]}}, counters.responses[i]);
  }
  text.counter("keywright_http_refused_total",
               "Requests refused before a handler saw them, by reason.");
  for (std::size_t i = 0; i < counters.refused.size(); ++i) {
    text.sample({{"reason", http::to_string(static_cast<http::Refusal>(i))}}, counters.refused[i]);
  }
  text.counter("keywright_http_connections_accepted_total", "Connections accepted.",
               counters.accepted);
  text.gauge("keywright_http_connections", "Connections open now.", counters.open);
  text.counter("keywright_http_accept_exhausted_total",
               "Times a connection had to wait because descriptors were used up.",
               counters.exhausted);
}

}  // namespace keywright::rest
