#include "ingest/batch.h"

#include <gtest/gtest.h>

#include "ingest/decode.h"

namespace keywright::ingest {
namespace {

std::string reason_of(const std::string& body) {
  const auto items = read_batch(body);
  return items ? "ok" : items.error().reason();
}

std::string many(std::size_t count) {
  std::string body = R"({"traces":[)";
  for (std::size_t i = 0; i < count; ++i) body += i == 0 ? R"({"data":{}})" : R"(,{"data":{}})";
  return body + "]}";
}

TEST(Batch, EachItemIsReadByItself) {
  const auto items =
      read_batch(R"({"more":7,"traces":[{"id":"a","data":{"x": 1}}, {"id":"b","data":7},7,)"
                 R"({"id":7,"data":{}},{"externalId":"e","spans":[{"name":"n"}]},)"
                 R"({"id":"c","resourceSpans":[]}]})");
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 6u);
  const auto& all = *items;
  EXPECT_EQ(all[0].id, "a");
  EXPECT_EQ(all[0].body, R"({"id":"a","data":{"x": 1}})");
  EXPECT_TRUE(all[0].trace);
  EXPECT_EQ(all[1].id, "b");
  EXPECT_EQ(all[1].trace.error().problems().front().field, "data");
  EXPECT_EQ(all[2].trace.error().reason(), "invalid_request");
  EXPECT_EQ(all[3].trace.error().problems().front().field, "id");
  EXPECT_EQ(all[4].id, std::nullopt);
  EXPECT_EQ(all[4].trace->external_id, "e");
  EXPECT_EQ(all[5].id, "c");
  EXPECT_EQ(all[5].trace.error().problems().front().field, "resourceSpans");
}

TEST(Batch, ABodyThatIsNoBatchIsRefusedAsAWhole) {
  for (const char* wrong : {"", "{", R"({"traces":[{]})", R"({"traces":[]}x)",
                            R"({"traces":[{"data":{"a":1,"a":2}}]})", "{\"traces\":[\"\xff\"]}"}) {
    EXPECT_EQ(reason_of(wrong), "malformed_json") << wrong;
  }
  for (const char* wrong : {"{}", "[]", "7", R"({"traces":{}})", R"({"traces":[]})",
                            R"({"traces":null})", R"({"data":{}})"}) {
    EXPECT_EQ(reason_of(wrong), "invalid_request") << wrong;
  }
}

TEST(Batch, MoreThanFitIsNeverCut) {
  EXPECT_EQ(reason_of(many(kBatchItemsMax)), "ok");
  const auto refused = read_batch(many(kBatchItemsMax + 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::too_large);
  EXPECT_NE(refused.error().detail().find("500"), std::string::npos);
}

TEST(Batch, HalfACharacterIsMendedInEveryItem) {
  const auto decoded =
      decode(R"({"traces":[{"id":"\ud83d","data":{}},{"data":{},"platformId":"\ud83d"}]})",
             Form::json, Door::batch);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batch->at(0).body, R"({"id":"\ufffd","data":{}})");
  EXPECT_TRUE(decoded->batch->at(0).trace);
  EXPECT_FALSE(decoded->batch->at(1).trace);  // it would be routed by it
}

}  // namespace
}  // namespace keywright::ingest
