#include "ingest/answer.h"

#include <gtest/gtest.h>

#include "ingest/media_type.h"

namespace keywright::ingest {
namespace {

TEST(Refusals, ABodyThatDoesNotComeInTimeIsItsSendersFault) {
  const Refusal refusal = refusal_of(Error(Code::unavailable, "client_gone", "It did not arrive."));
  EXPECT_EQ(refusal.status, 408);
  EXPECT_EQ(refusal.code, "REQUEST_TIMEOUT");
  const Refusal ours = refusal_of(Error(Code::unavailable, "trace_store_failed", "No."));
  EXPECT_EQ(ours.status, 503);
  EXPECT_EQ(ours.code, "STORAGE_UNAVAILABLE");
}

MediaType type_of(std::string_view field) {
  http::Request request;
  request.headers.add({"Content-Type", field});
  return media_type_of(request);
}

TEST(MediaTypes, NamesCompareWithoutCaseAndAsAWhole) {
  EXPECT_TRUE(type_of("Application/X-Protobuf").is_protobuf());
  EXPECT_TRUE(type_of("application/protobuf; x=1").is_protobuf());
  EXPECT_FALSE(type_of("application/x-protobuffer").is_protobuf());
  EXPECT_EQ(type_of(" Application/JSON ;charset=UTF-8").name, "application/json");
  EXPECT_EQ(media_type_of(http::Request()).name, "");
}

TEST(MediaTypes, OnlyTheCharsetItselfCounts) {
  for (const char* utf8 :
       {"application/json", "application/json; charset=utf-8", "application/json;CHARSET=\"UTF8\"",
        "application/json; charset = us-ascii", "application/json; x=\"charset=latin1\"",
        "application/json; x=\"a\\\";charset=latin1\"", "application/json;;charset", "a;=;\"",
        "application/json; xcharset=latin1"}) {
    EXPECT_TRUE(type_of(utf8).is_utf8()) << utf8;
  }
  for (const char* other :
       {"application/json; charset=latin1", "application/json; x=\"y\" ; charset=\"utf-16\"",
        "application/json; a=b; charset=utf-8-x"}) {
    EXPECT_FALSE(type_of(other).is_utf8()) << other;
  }
}

}  // namespace
}  // namespace keywright::ingest
