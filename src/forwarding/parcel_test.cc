#include "forwarding/parcel.h"

#include <gtest/gtest.h>

#include "json/document.h"
#include "traces/otlp.h"

namespace keywright::forwarding {
namespace {

using traces::Queued;
using traces::Source;
using traces::TraceToSend;

TraceToSend native(std::string body) {
  TraceToSend trace;
  trace.row.id = Uuid::parse("019a3f5c-0000-7000-8000-0000000000ab").value();
  trace.row.source = Source::native;
  trace.row.status = "success";
  trace.row.external_id = "run-1";
  trace.row.created_at = trace.row.updated_at = TestClock::kStart;
  trace.body = std::move(body);
  return trace;
}

TraceToSend otlp(std::vector<traces::SpanToSend> spans) {
  TraceToSend trace = native("");
  trace.row.source = Source::otlp;
  trace.spans = std::move(spans);
  return trace;
}

// Reads a request back with the reader that senders meet.
std::vector<std::string> read_back(std::string_view body, bool protobuf) {
  Result<traces::OtlpRequest> request = traces::OtlpRequest();
  if (protobuf) {
    request = traces::read_otlp_protobuf(body);
  } else {
    auto read = traces::read_otlp_json(std::string(body));
    EXPECT_TRUE(read) << body;
    if (read) request = std::move(read->request);
  }
  std::vector<std::string> spans;
  EXPECT_TRUE(request) << (request ? "" : request.error().detail());
  if (!request) return spans;
  EXPECT_EQ(request->rejected, 0) << request->problem;
  for (const traces::OtlpTrace& trace : request->traces) {
    for (const traces::OtlpSpan& span : trace.spans) {
      spans.push_back(traces::with_context(request->json(span), trace.contexts[span.context]));
    }
  }
  return spans;
}

// What is empty need not be said, and protobuf does not say it.
std::vector<std::string> without_empty(std::vector<std::string> spans) {
  for (std::string& span : spans) {
    for (std::string_view empty :
         {",\"attributes\":[]", "\"attributes\":[]", ",\"scope\":{}", ",\"scope\":{\"name\":\"\"}",
          ",\"status\":{}", ",\"status\":{\"code\":0}"}) {
      for (auto at = span.find(empty); at != std::string::npos; at = span.find(empty)) {
        span.erase(at, empty.size());
      }
    }
  }
  return spans;
}

void expect_same_as_protobuf(const std::string& json) {
  const auto protobuf = otlp_protobuf_of(json);
  ASSERT_TRUE(protobuf);
  EXPECT_EQ(without_empty(read_back(json, false)), without_empty(read_back(*protobuf, true)));
}

TEST(Parcel, AWebhookCarriesANativeTraceAsItWasPosted) {
  const TraceToSend trace = native(R"({"data":{"input":"Hello"}})");
  const Queued queued;
  EXPECT_EQ(message_id(trace, queued), "msg_019a3f5c-0000-7000-8000-0000000000ab_1");
  const std::string body =
      webhook_body(event_type(trace, queued), trace, queued, TestClock::kStart);
  const auto document = json::Document::parse(body);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().find("type")->as_string(), "trace.created");
  const auto data = document->root().find("data");
  EXPECT_EQ(data->find("external_id")->as_string(), "run-1");
  EXPECT_EQ(data->find("body")->find("data")->find("input")->as_string(), "Hello");
}

TEST(Parcel, OfAnOtlpTraceAWebhookCarriesTheSpansOfOneRequest) {
  const TraceToSend trace = otlp({{R"({"spanId":"1"})", R"({"resource":{"attributes":[]}})"}});
  Queued queued;
  queued.revision = 3;
  EXPECT_TRUE(message_id(trace, queued).ends_with("_3"));
  const std::string body =
      webhook_body(event_type(trace, queued), trace, queued, TestClock::kStart);
  const auto document = json::Document::parse(body);
  ASSERT_TRUE(document) << body;
  EXPECT_EQ(document->root().find("type")->as_string(), "trace.updated");
  EXPECT_EQ(document->root().find("data")->find("spans")->size(), 1u);
}

TEST(Parcel, DataBecomesOneSpan) {
  const std::string json = otlp_json_of(std::vector{native(R"({"data":{"input":"Hello"}})")});
  const auto spans = read_back(json, false);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_NE(spans[0].find(R"("traceId":"019a3f5c0000700080000000000000ab")"), std::string::npos);
  EXPECT_NE(spans[0].find(R"({\"input\":\"Hello\"})"), std::string::npos);
  expect_same_as_protobuf(json);
}

TEST(Parcel, NativeSpansKeepIdsThatAreOnesAndGetTheSameOnesEachTime) {
  const std::string body = R"({"spans":[
    {"span_id":"00f067aa0ba902b7","name":"root","start_time_unix_nano":"1700000000000000000",
     "end_time_unix_nano":1700000001000000000,"status":{"code":2,"message":"no"},
     "attributes":{"text":"a","int":9007199254740993,"double":1.5,"flag":true,"none":null,
       "list":[1,"two",[3]],"object":{"deep":{"er":1}}},
     "events":[{"name":"tick","attributes":{"n":1}}]},
    {"span_id":"node-1","parent_span_id":"00f067aa0ba902b7","name":"child","status":"error"},
    {"name":"no id"}]})";
  const std::string json = otlp_json_of(std::vector{native(body)});
  EXPECT_EQ(json, otlp_json_of(std::vector{native(body)}));
  const auto spans = read_back(json, false);
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_NE(spans[0].find(R"("spanId":"00f067aa0ba902b7")"), std::string::npos);
  EXPECT_NE(spans[0].find("9007199254740993"), std::string::npos);
  EXPECT_NE(spans[1].find(R"("parentSpanId":"00f067aa0ba902b7")"), std::string::npos);
  expect_same_as_protobuf(json);
}

TEST(Parcel, WhatIsNestedDeeplyBecomesText) {
  std::string deep = "1";
  for (int i = 0; i < 40; ++i)
    deep = (i % 2 == 0 ? "[" : "{\"a\":") + deep + (i % 2 == 0 ? "]" : "}");
  const std::string body = R"({"spans":[{"span_id":"1","attributes":{"deep":)" + deep + "}}]}";
  const std::string json = otlp_json_of(std::vector{native(body)});
  ASSERT_EQ(read_back(json, false).size(), 1u);
  expect_same_as_protobuf(json);
}

TEST(Parcel, OtlpSpansComeOutAsTheyWentInUnderTheirResources) {
  const std::string first = R"({"resource":{"attributes":[{"key":"service.name",)"
                            R"("value":{"stringValue":"a"}}]},"scope":{"name":"s","version":"1"}})";
  const std::string second = R"({"resource":{"attributes":[]},"scope":{}})";
  // Members stay in the order they came in: here that of the fields in protobuf.
  const auto span = [](const std::string& id) {
    return R"({"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":")" + id +
           R"(","traceState":"a=b","name":"n","kind":2,"startTimeUnixNano":"1700000000000000000",)"
           R"("endTimeUnixNano":"1700000000000000001","attributes":[)"
           R"({"key":"i","value":{"intValue":"-5"}},{"key":"b","value":{"bytesValue":"AQID"}},)"
           R"({"key":"d","value":{"doubleValue":2.5}},)"
           R"({"key":"w","value":{"doubleValue":"NaN"}},)"
           R"({"key":"l","value":{"doubleValue":"-Infinity"}},)"
           R"({"key":"t","value":{"boolValue":false}},)"
           R"({"key":"k","value":{"kvlistValue":{"values":[{"key":"x","value":{"arrayValue":)"
           R"({"values":[{"stringValue":""}]}}}]}}}],"droppedAttributesCount":1,)"
           R"("events":[{"timeUnixNano":"5","name":"e","attributes":[]}],)"
           R"("links":[{"traceId":"0102030405060708090a0b0c0d0e0f11",)"
           R"("spanId":"0102030405060709"}],)"
           R"("status":{"code":1},"flags":257})";
  };
  const std::string json = otlp_json_of(std::vector{otlp({{span("0102030405060701"), first},
                                                          {span("0102030405060702"), first},
                                                          {span("0102030405060703"), second}}),
                                                    native(R"({"data":{}})")});
  const auto spans = read_back(json, false);
  ASSERT_EQ(spans.size(), 4u);
  EXPECT_NE(spans[0].find("service.name"), std::string::npos);
  EXPECT_EQ(spans[2].find("service.name"), std::string::npos);
  expect_same_as_protobuf(json);
}

}  // namespace
}  // namespace keywright::forwarding
