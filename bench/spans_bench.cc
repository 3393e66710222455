// What reading a batch of spans costs, without the network and the store: 100 spans of about 1 KB
// from the bytes of a body to what is stored of them.
//
//   spans_bench json|protobuf|native [TIMES]     -> {"nanoseconds":...,"spans":...,"bytes":...} of
//   CPU
//
// The input is fixed, so instructions counted by callgrind (the difference of two TIMES) repeat to
// the digit. native: 100 bodies of one trace each.

#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "ingest/decode.h"
#include "traces/wire.h"

namespace keywright::bench {
namespace {

constexpr int kSpans = 100;
constexpr std::size_t kTextBytes = 750;
constexpr std::size_t kNativeBytes = 900;

// Words of hex digits, never the same ones.
std::string words(std::uint64_t& seed, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    text += fmt::format("w{:x} ", seed >> 40);
  }
  text.resize(bytes);
  return text;
}

std::string json_span(int number, std::string_view text) {
  return fmt::format(
      R"({{"traceId":"{:032x}","spanId":"{:016x}","name":"work","kind":1,)"
      R"("startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000001000000000",)"
      R"("attributes":[{{"key":"gen_ai.response.text","value":{{"stringValue":"{}"}}}}]}})",
      77, number + 1, text);
}

std::string json_batch(std::uint64_t& seed) {
  std::string spans;
  for (int i = 0; i < kSpans; ++i) {
    if (i > 0) spans += ',';
    spans += json_span(i, words(seed, kTextBytes));
  }
  return R"({"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"spans":[)" + spans +
         "]}]}]}";
}

void append_fixed64(std::string& out, char number, std::uint64_t value) {
  out.push_back(static_cast<char>(number << 3 | 1));
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

std::string protobuf_span(int number, std::string_view text) {
  std::string value;
  traces::append_wire_bytes(value, 1, text);
  std::string attribute;
  traces::append_wire_bytes(attribute, 1, "gen_ai.response.text");
  traces::append_wire_bytes(attribute, 2, value);
  std::string span;
  traces::append_wire_bytes(span, 1, std::string(16, '\x4d'));
  traces::append_wire_bytes(span, 2, std::string(7, '\0') + static_cast<char>(number + 1));
  traces::append_wire_bytes(span, 5, "work");
  traces::append_wire_varint(span, 6, 1);
  append_fixed64(span, 7, 1'700'000'000'000'000'000);
  append_fixed64(span, 8, 1'700'000'001'000'000'000);
  traces::append_wire_bytes(span, 9, attribute);
  return span;
}

std::string protobuf_batch(std::uint64_t& seed) {
  std::string scope;
  for (int i = 0; i < kSpans; ++i) {
    traces::append_wire_bytes(scope, 2, protobuf_span(i, words(seed, kTextBytes)));
  }
  std::string resource;
  traces::append_wire_bytes(resource, 2, scope);
  std::string batch;
  traces::append_wire_bytes(batch, 1, resource);
  return batch;
}

std::string native_body(std::uint64_t& seed) {
  return R"({"data":{"input":"7","output":")" + words(seed, kNativeBytes) +
         R"("},"platformId":"018f0000-0000-7000-8000-000000000001"})";
}

int run(std::string_view form, int times) {
  std::uint64_t seed = 7;
  const bool protobuf = form == "protobuf";
  std::vector<std::string> bodies;
  if (form == "native") {
    for (int i = 0; i < kSpans; ++i) bodies.push_back(native_body(seed));
  } else {
    bodies.push_back(protobuf ? protobuf_batch(seed) : json_batch(seed));
  }
  std::size_t bytes = 0;
  for (const std::string& body : bodies) bytes += body.size();
  const std::clock_t began = std::clock();
  for (int i = 0; i < times; ++i) {
    for (const std::string& body : bodies) {
      const auto form_of_body = protobuf ? ingest::Form::protobuf : ingest::Form::json;
      const auto read = ingest::decode(body, form_of_body, ingest::Door::any);
      if (!read || (read->otlp && read->otlp->spans != kSpans)) return EXIT_FAILURE;
    }
  }
  const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  fmt::print("{{\"nanoseconds\":{:.0f},\"spans\":{},\"bytes\":{}}}\n",
             seconds * 1e9 / kSpans / times, kSpans, bytes);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace keywright::bench

int main(int count, char** arguments) {
  const std::string_view form = count > 1 ? arguments[1] : "json";
  const int times = count > 2 ? std::atoi(arguments[2]) : 200;
  return keywright::bench::run(form, times);
}
