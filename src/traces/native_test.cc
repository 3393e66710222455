#include "traces/native.h"

#include <gtest/gtest.h>

namespace keywright::traces {
namespace {

Result<NativeTrace> read(std::string_view text) {
  auto document = json::Document::parse(text);
  if (!document) return fail(std::move(document).error());
  return read_native(document->root());
}

std::string field_of(std::string_view text) {
  const auto trace = read(text);
  if (trace) return "ok";
  return trace.error().problems().empty() ? trace.error().reason()
                                          : trace.error().problems().front().field;
}

TEST(NativeTrace, WhatDataSaysIsRead) {
  const std::string_view text = R"({ "data": {"a": 1}, "extra": true, "externalId": "run-1" })";
  const auto trace = read(text);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->status, kStatusUnsaid);
  EXPECT_EQ(trace->external_id, "run-1");
  EXPECT_EQ(trace->span_count, 0);
}

TEST(NativeTrace, TheSpansSayStatusNameAndCount) {
  const auto trace = read(R"({"spans":[{"span_id":"b","parent_span_id":"a","name":"child"},
                              {"span_id":"a","parent_span_id":null,"name":"root"}]})");
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->span_count, 2);
  EXPECT_EQ(trace->name, "root");
  EXPECT_EQ(trace->status, kStatusSuccess);
  EXPECT_EQ(read(R"({"spans":[{"status":{"code":2}}]})")->status, kStatusError);
  EXPECT_EQ(read(R"({"spans":[{"status":"ERROR"}]})")->status, kStatusError);
  EXPECT_EQ(read(R"({"spans":[{"status":{"code":2}}],"status":"mine"})")->status, "mine");
}

TEST(NativeTrace, WhatIsWrongIsNamed) {
  EXPECT_EQ(field_of("[]"), "invalid_request");
  EXPECT_EQ(field_of("{}"), "data");
  EXPECT_EQ(field_of(R"({"data":{},"spans":[{}]})"), "data");
  EXPECT_EQ(field_of(R"({"data":null})"), "data");
  EXPECT_EQ(field_of(R"({"spans":[]})"), "spans");
  EXPECT_EQ(field_of(R"({"spans":[1]})"), "spans[0]");
  EXPECT_EQ(field_of(R"({"spans":[{},{"span_id":""}]})"), "spans[1].span_id");
  EXPECT_EQ(field_of(R"({"data":{},"status":""})"), "status");
  EXPECT_EQ(field_of(R"({"data":{},"externalId":"a b"})"), "externalId");
}

TEST(NativeTrace, AParentMayBeMissingButNobodyIsItsOwnAncestor) {
  EXPECT_EQ(field_of(R"({"spans":[{"span_id":"a","parent_span_id":"elsewhere"}]})"), "ok");
  EXPECT_EQ(field_of(R"({"spans":[{"span_id":"a","parent_span_id":"a"}]})"), "spans");
  EXPECT_EQ(field_of(R"({"spans":[{"id":"a","parentId":"b"},{"id":"b","parentId":"c"},
                         {"id":"c","parentId":"a"},{"id":"d","parentId":"a"}]})"),
            "spans");
}

TEST(NativeTrace, ALongChainOfSpansIsWalkedOnce) {
  std::string text = R"({"spans":[{"span_id":"0"})";
  for (int i = 1; i < 20'000; ++i) {
    text += ",{\"span_id\":\"" + std::to_string(i) + "\",\"parent_span_id\":\"" +
            std::to_string(i - 1) + "\"}";
  }
  EXPECT_EQ(field_of(text + "]}"), "ok");
}

TEST(NativeTrace, MetadataHasALimitOfItsOwn) {
  const auto checked = [](std::string_view name, std::size_t size) {
    const std::string text =
        "{\"data\":{},\"" + std::string(name) + "\": \"" + std::string(size - 2, 'x') + "\"}";
    const auto document = json::Document::parse(text);
    return check_metadata(document->root());
  };
  for (const char* name : {"metadata", "externalMetadata"}) {
    EXPECT_TRUE(checked(name, kMetadataBytesMax));
    const auto refused = checked(name, kMetadataBytesMax + 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::too_large);
    EXPECT_NE(refused.error().detail().find("65537"), std::string::npos);
    EXPECT_EQ(refused.error().problems().front().field, name);
  }
  EXPECT_TRUE(checked("data2", kMetadataBytesMax + 1));
}

TEST(NativeTrace, SpansCanBeReadPageByPage) {
  const std::string_view text = R"({"spans":[{"a":1}, {"a":2}, {"a":3}]})";
  EXPECT_EQ(spans_of(text, 1, 1), std::vector<std::string>{R"({"a":2})"});
  EXPECT_EQ(spans_of(text, 2, 5).size(), 1u);
  EXPECT_TRUE(spans_of(text, 3, 5).empty());
}

}  // namespace
}  // namespace keywright::traces
