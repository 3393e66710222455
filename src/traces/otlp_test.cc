#include "traces/otlp.h"

#include <gtest/gtest.h>

#include "traces/wire.h"

namespace keywright::traces {
namespace {

using namespace std::string_literals;

const std::string kTrace(32, 'a');
const std::string kSpan(16, 'b');

Result<OtlpRequest> read(const std::string& text) {
  KW_TRY(OtlpJson read, read_otlp_json(text));
  return std::move(read.request);
}

// A request of one span with these further fields.
std::string request_of(const std::string& fields, const std::string& resource = "[]") {
  return R"({"resourceSpans":[{"resource":{"attributes":)" + resource +
         R"(},"scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":")" + kTrace +
         R"(","spanId":")" + kSpan + "\"" + fields + "}]}]}]}";
}

std::string stored(const OtlpRequest& request) {
  if (request.traces.empty()) return "";
  const OtlpTrace& trace = request.traces[0];
  std::string text(request.json(trace.spans[0]));
  EXPECT_EQ(unpack(pack_spans(request, trace)[0].json).value(), text);
  return text;
}

TEST(OtlpJson, ASpanIsStoredAsItCameWithoutWhatOtlpDoesNotKnow) {
  const std::string known =
      R"(,"parentSpanId":"cccccccccccccccc","name":"n","kind":2,"startTimeUnixNano":"5",)"
      R"("endTimeUnixNano":"9","attributes":[{"key":"i","value":{"intValue":"9007199254740993"}},)"
      R"({"key":"j","value":{"intValue":7}},{"key":"d","value":{"doubleValue":0.5}},)"
      R"({"key":"b","value":{"boolValue":true}},{"key":"y","value":{"bytesValue":"AA=="}},)"
      R"({"key":"l","value":{"arrayValue":{"values":[{"stringValue":"x"}]}}},)"
      R"({"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"intValue":1}}]}}}],)"
      R"("events":[{"timeUnixNano":"6","name":"e"}],"links":[],"status":{"code":2},"flags":257)";
  const auto request = read(request_of(known + R"(,"unknown":{"x":1})"));
  ASSERT_TRUE(request);
  EXPECT_EQ(stored(*request),
            "{\"traceId\":\"" + kTrace + "\",\"spanId\":\"" + kSpan + "\"" + known + "}");
  EXPECT_TRUE(request->traces[0].failed);
  EXPECT_EQ(request->traces[0].spans[0].start, 5);
  EXPECT_EQ(request->rejected, 0);
}

TEST(OtlpJson, SpansThatAreNotWellFormedAreCountedAndTheOthersGoOn) {
  for (const char* wrong :
       {R"(,"traceState":7)", R"(,"kind":"SPAN_KIND_SERVER")", R"(,"startTimeUnixNano":"x")",
        R"(,"attributes":{})", R"(,"attributes":[{"value":{}}])",
        R"(,"attributes":[{"key":"k","value":{"intValue":"x"}}])", R"(,"events":[1])",
        R"(,"links":[{"traceId":"short"}])", R"(,"status":[])", R"(,"parentSpanId":"xyz")"}) {
    const auto request = read(request_of(wrong));
    ASSERT_TRUE(request) << wrong;
    EXPECT_EQ(request->rejected, 1) << wrong;
    EXPECT_FALSE(request->problem.empty()) << wrong;
    EXPECT_TRUE(request->traces.empty()) << wrong;
  }
}

TEST(OtlpJson, IdsAreHexOfTheRightLengthAndNotZero) {
  for (const std::string& id : {std::string(32, '0'), std::string(31, 'a'), std::string(32, 'g'),
                                "qqqqqqqqqqqqqqqqqqqqqg=="s}) {
    const auto request = read(R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":")" + id +
                              R"(","spanId":"bbbbbbbbbbbbbbbb"}]}]}]})");
    EXPECT_EQ(request->rejected, 1) << id;
  }
  const auto upper = read(R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":")" +
                          std::string(32, 'A') + R"(","spanId":"BBBBBBBBBBBBBBBB"}]}]}]})");
  EXPECT_EQ(upper->traces[0].trace_id, kTrace);
}

TEST(OtlpJson, AParentOfZerosIsNone) {
  const auto request = read(request_of(R"(,"parentSpanId":"0000000000000000","name":"root")"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->rejected, 0);
  EXPECT_EQ(stored(*request).find("parentSpanId"), std::string::npos);
  EXPECT_EQ(request->traces.at(0).name, "root");
}

TEST(OtlpJson, LogsAndMetricsAreRefused) {
  for (const char* other : {R"({"resourceLogs":[{}]})", R"({"resourceMetrics":[]})"}) {
    const auto request = read(other);
    ASSERT_FALSE(request) << other;
    EXPECT_EQ(request.error().problems().front().field, "resourceSpans");
  }
  EXPECT_TRUE(read(R"({"resourceSpans":[],"resourceLogs":[]})"));
}

TEST(OtlpJson, TimesAreNumbersOfSixtyFourBitsHoweverTheyAreWritten) {
  const auto time_of = [](const std::string& json) {
    const auto request = read(request_of(",\"endTimeUnixNano\":" + json));
    if (!request || request->rejected > 0) return "rejected"s;
    const std::string text = stored(*request);
    return text.substr(text.find("Nano\":") + 6);
  };
  EXPECT_EQ(time_of("7"), "\"7\"}");
  EXPECT_EQ(time_of("\"0\""), "\"0\"}");
  EXPECT_EQ(time_of("\"007\""), "\"7\"}");
  EXPECT_EQ(time_of("\"9999999999999999999\""), "\"9999999999999999999\"}");
  EXPECT_EQ(time_of("\"18446744073709551615\""), "\"18446744073709551615\"}");
  for (const char* wrong :
       {"\"\"", "\"18446744073709551616\"", "\"-1\"", "\"1x\"", "\"+1\"", "-1", "1.5"}) {
    EXPECT_EQ(time_of(wrong), "rejected") << wrong;
  }
}

TEST(OtlpJson, ValuesThatAreTooDeepAreRejected) {
  std::string value = R"({"stringValue":"x"})";
  for (int i = 0; i < 18; ++i) value = R"({"arrayValue":{"values":[)" + value + "]}}";
  const auto request = read(request_of(R"(,"attributes":[{"key":"k","value":)" + value + "}]"));
  EXPECT_TRUE(!request || request->rejected == 1);
}

TEST(OtlpJson, TheResourceNamesThePlatform) {
  const auto request = read(request_of(
      R"(,"attributes":[{"key":"n8n.workflow.id","value":{"intValue":"7"}}])",
      R"([{"key":"service.name","value":{"stringValue":"agent"}},{"key":"mibo.platform_id",)"
      R"("value":{"stringValue":"018F0000-0000-7000-8000-000000000001"}}])"));
  ASSERT_TRUE(request);
  const domain::RoutingHints& hints = request->traces[0].hints;
  EXPECT_EQ(hints.service_names, std::vector{"agent"s});
  EXPECT_EQ(hints.platform_ids, std::vector{"018f0000-0000-7000-8000-000000000001"s});
  EXPECT_EQ(hints.workflow_ids, std::vector{"7"s});
}

TEST(OtlpJson, MembersMayComeInAnyOrder) {
  const auto request =
      read(R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"n","attributes":[{"value":)"
           R"({"stringValue":"w7"},"key":"workflowId"}],"spanId":")" +
           kSpan + R"(","traceId":")" + kTrace +
           R"("}],"scope":{"version":"1","name":"s"}}],"resource":{"attributes":[{"value":)"
           R"({"stringValue":"agent"},"key":"service.name"}]}}],"metadata":{"chatflowId":"c"}})");
  ASSERT_TRUE(request);
  const OtlpTrace& trace = request->traces.at(0);
  EXPECT_EQ(stored(*request), R"({"name":"n","attributes":[{"value":{"stringValue":"w7"},)"
                              R"("key":"workflowId"}],"spanId":")" +
                                  kSpan + R"(","traceId":")" + kTrace + "\"}");
  EXPECT_EQ(trace.contexts[0], R"({"resource":{"attributes":[{"value":{"stringValue":"agent"},)"
                               R"("key":"service.name"}]},"scope":{"version":"1","name":"s"}})");
  EXPECT_EQ(trace.name, "n");
  EXPECT_EQ(trace.hints.workflow_ids, std::vector{"w7"s});
  EXPECT_EQ(trace.hints.service_names, std::vector{"agent"s});
  EXPECT_EQ(trace.hints.chatflow_ids, std::vector{"c"s});
}

TEST(OtlpJson, TextStaysAsItWasEscapedAndIsUnderstood) {
  const auto request = read(request_of(
      R"(,"\u006eame":"a\u00e9\n","attributes":[{"key":"workflow\u0049d","value":)"
      R"({"stringValue":"\u0077"}},{"key":"z","value":null}],"kind" : 1 , "flags":null)"));
  ASSERT_TRUE(request);
  EXPECT_EQ(stored(*request),
            "{\"traceId\":\"" + kTrace + "\",\"spanId\":\"" + kSpan +
                R"(","name":"a\u00e9\n","attributes":[{"key":"workflow\u0049d","value":)"
                R"({"stringValue":"\u0077"}},{"key":"z"}],"kind":1})");
  EXPECT_EQ(request->traces[0].name, "aé\n");
  EXPECT_EQ(request->traces[0].hints.workflow_ids, std::vector{"w"s});
}

TEST(OtlpJson, ASpanThatIsRejectedIsStillLookedAt) {
  const std::string wrong = R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":7,"x":)";
  EXPECT_EQ(read(wrong + "[1,2]}]}]}]}")->rejected, 1);
  for (const char* rest :
       {"[1,]}]}]}]}", "{\"a\":1,\"a\":2}}]}]}]}", "[1,2]}]}]}", "\"\xff\"}]}]}]}"}) {
    EXPECT_EQ(read(wrong + rest).error().reason(), "malformed_json") << rest;
  }
  EXPECT_EQ(read(R"({"resourceSpans":7,"a":})").error().reason(), "malformed_json");
}

TEST(OtlpJson, EmptyRequestsAreFineAndWrongContainersAreNot) {
  EXPECT_TRUE(read("{}"));
  EXPECT_TRUE(read(R"({"resourceSpans":[]})"));
  for (const char* wrong :
       {R"({"resourceSpans":{}})", R"({"resourceSpans":[{"scopeSpans":{}}]})",
        R"({"resourceSpans":[{"scopeSpans":[{"spans":{}}]}]})",
        R"({"resourceSpans":[{"resource":7,"scopeSpans":[{}]}]})", "[]", R"({"resourceSpans":[7]})",
        R"({"resourceSpans":[{"scopeSpans":[7]}]})"}) {
    EXPECT_EQ(read(wrong).error().code(), Code::invalid_argument) << wrong;
  }
}

// The same span as the wire has it.
std::string wire_span(const std::string& trace_id, const std::string& more = "") {
  std::string span;
  append_wire_bytes(span, 1, trace_id);
  append_wire_bytes(span, 2, std::string(8, '\xbb'));
  append_wire_bytes(span, 5, "n");
  append_wire_varint(span, 6, 2);
  return span + more;
}

std::string wire_request(const std::string& span) {
  std::string service;
  append_wire_bytes(service, 1, "service.name");
  std::string value;
  append_wire_bytes(value, 1, "agent");
  append_wire_bytes(service, 2, value);
  std::string resource;
  append_wire_bytes(resource, 1, service);
  std::string scope;
  append_wire_bytes(scope, 2, span);
  std::string spans;
  append_wire_bytes(spans, 2, scope);  // the resource may come after its spans
  append_wire_bytes(spans, 1, resource);
  std::string request;
  append_wire_bytes(request, 1, spans);
  return request;
}

TEST(OtlpProtobuf, ASpanBecomesTheSameJson) {
  std::string number;
  append_wire_varint(number, 3, static_cast<std::uint64_t>(-5));
  std::string attribute;
  append_wire_bytes(attribute, 1, "k");
  append_wire_bytes(attribute, 2, number);
  std::string more;
  append_wire_bytes(more, 9, attribute);
  append_wire_bytes(more, 1000, "a field nobody knows");
  const auto request = read_otlp_protobuf(wire_request(wire_span(std::string(16, '\xaa'), more)));
  ASSERT_TRUE(request);
  EXPECT_EQ(stored(*request),
            "{\"traceId\":\"" + kTrace + "\",\"spanId\":\"" + kSpan +
                R"(","name":"n","kind":2,"startTimeUnixNano":"0","endTimeUnixNano":"0",)"
                R"("attributes":[{"key":"k","value":{"intValue":"-5"}}]})");
  EXPECT_EQ(request->traces[0].hints.service_names, std::vector{"agent"s});
  EXPECT_EQ(request->traces[0].contexts[0],
            R"({"resource":{"attributes":[{"key":"service.name",)"
            R"("value":{"stringValue":"agent"}}]},"scope":{"name":""}})");
}

TEST(OtlpProtobuf, GroupsThatNobodyKnowsAreIgnored) {
  const std::string group = "\xa3\x06\x08\x01\xa4\x06";  // number 100
  const auto request = read_otlp_protobuf(wire_request(wire_span(std::string(16, 'a'), group)));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->rejected, 0);
  EXPECT_EQ(request->traces.size(), 1u);
}

TEST(OtlpProtobuf, WrongIdsAreRejectedAndWrongBytesRefused) {
  EXPECT_EQ(read_otlp_protobuf(wire_request(wire_span(std::string(16, '\0'))))->rejected, 1);
  EXPECT_EQ(read_otlp_protobuf(wire_request(wire_span(std::string(15, 'a'))))->rejected, 1);
  EXPECT_TRUE(read_otlp_protobuf(""));
  const std::string whole = wire_request(wire_span(std::string(16, 'a')));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(read_otlp_protobuf(std::string_view(whole).substr(0, size))) << size;
  }
}

TEST(OtlpProtobuf, LogsSentToTheWrongDoorAreRefused) {
  std::string record;  // its first field is a time, where a span has its trace id
  record += "\x09"s + std::string(8, '\x01');
  EXPECT_FALSE(read_otlp_protobuf(wire_request(record)));
}

TEST(OtlpProtobuf, ValuesThatAreTooDeepAreRejected) {
  std::string value;
  append_wire_bytes(value, 1, "x");
  for (int i = 0; i < 1000; ++i) {
    std::string list;
    append_wire_bytes(list, 1, value);
    value.clear();
    append_wire_bytes(value, 5, list);
  }
  std::string attribute;
  append_wire_bytes(attribute, 1, "k");
  append_wire_bytes(attribute, 2, value);
  std::string more;
  append_wire_bytes(more, 9, attribute);
  EXPECT_EQ(read_otlp_protobuf(wire_request(wire_span(std::string(16, 'a'), more)))->rejected, 1);
}

TEST(OtlpAnswers, FullSuccessIsEmpty) {
  EXPECT_EQ(otlp_answer_json(0, ""), "{}");
  EXPECT_EQ(otlp_answer_protobuf(0, ""), "");
  EXPECT_EQ(otlp_answer_json(2, "why"),
            R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"why"}})");
  EXPECT_EQ(otlp_answer_protobuf(2, "why"), "\x0a\x07\x08\x02\x12\x03why");
  EXPECT_EQ(status_protobuf(7, "no"), "\x08\x07\x12\x02no");
}

TEST(WithContext, PutsResourceAndScopeBack) {
  EXPECT_EQ(with_context(R"({"a":1})", R"({"resource":{}})"), R"({"a":1,"resource":{}})");
  EXPECT_EQ(with_context(R"({"a":1})", "{}"), R"({"a":1})");
}

}  // namespace
}  // namespace keywright::traces
