#include "api/rest/metrics.h"

#include <gtest/gtest.h>

namespace keywright::rest {
namespace {

TEST(Metrics, AFamilyIsNameHelpTypeAndSamples) {
  std::string out;
  MetricsText text(out);
  text.counter("a_total", "Things.").sample({{"class", "2xx"}}, 3).sample({{"class", "4xx"}}, 0.5);
  text.gauge("b", "Now.", 12);
  EXPECT_EQ(out,
            "# HELP a_total Things.\n# TYPE a_total counter\n"
            "a_total{class=\"2xx\"} 3\na_total{class=\"4xx\"} 0.5\n"
            "# HELP b Now.\n# TYPE b gauge\nb 12\n");
}

TEST(Metrics, LabelValuesAreEscaped) {
  std::string out;
  MetricsText(out).gauge("a", "A.").sample({{"x", "q\"b\\n\n"}}, 1);
  EXPECT_NE(out.find("a{x=\"q\\\"b\\\\n\\n\"} 1\n"), std::string::npos) << out;
}

TEST(Metrics, TheHttpServersCountersHaveAllClasses) {
  http::ServerCounters counters;
  counters.responses[4] = 7;
  std::string out;
  MetricsText text(out);
  write_http_metrics(text, counters);
  EXPECT_NE(out.find("keywright_http_requests_total{class=\"4xx\"} 7\n"), std::string::npos);
  EXPECT_NE(out.find("keywright_http_requests_total{class=\"5xx\"} 0\n"), std::string::npos);
}

}  // namespace
}  // namespace keywright::rest
