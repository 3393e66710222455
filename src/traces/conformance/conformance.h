// traces/conformance/conformance.h - one suite that every trace store must pass.
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, TraceStoreConformance,
//                            testing::Values(Engine{"sqlite", make_place}), engine_name);
//
// The tests are in the *_test.cc files of this folder; a store's room lists them among its own
// TESTS, and instantiates both suites. Each test has a new, empty place.
//
// Threading: one thread. Lifetime: a place outlives the stores that it opened.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "traces/native.h"
#include "traces/trace_store.h"

namespace keywright::traces {

// Where a store keeps what it is given; opened again it is still there.
class Place {
 public:
  virtual ~Place() = default;
  virtual Result<std::unique_ptr<TraceStore>> open(std::int64_t spans_per_trace_max,
                                                   const Clock& clock, Random& random) = 0;
};

struct Engine {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};

inline void PrintTo(const Engine& engine, std::ostream* out) { *out << engine.name; }
inline std::string engine_name(const testing::TestParamInfo<Engine>& info) {
  return info.param.name;
}

inline Result<std::vector<StoredTrace>> submit_to(TraceStore& store,
                                                  std::vector<TraceWrite> writes) {
  std::promise<Result<std::vector<StoredTrace>>> promise;
  store.submit(std::move(writes), [&](auto stored) { promise.set_value(std::move(stored)); });
  return promise.get_future().get();
}

inline StoredTrace put_in(TraceStore& store, TraceWrite write) {
  std::vector<TraceWrite> writes;
  writes.push_back(std::move(write));
  return submit_to(store, std::move(writes)).value().front();
}

// Plain, valid writes; tests change what they care about.
class Samples {
 public:
  explicit Samples(const Clock& clock) : ids_(clock, random_) {}

  Uuid id() { return ids_.next(); }

  TraceWrite native(const std::string& body, const std::string& external_id = "") const {
    TraceWrite write;
    write.project = project;
    write.platform = platform;
    write.external_id = external_id;
    write.key_id = "key";
    write.routed_by = "platformId";
    write.warnings = {"metadata_mismatch", "another"};
    write.status = "accepted";
    write.size_bytes = static_cast<std::int64_t>(body.size());
    write.digest = crypto::sha256(body);
    write.body = pack(body);
    return write;
  }
  TraceWrite otlp(const std::string& trace_id, const std::vector<std::string>& spans,
                  const std::string& name = "") const {
    TraceWrite write = native("", trace_id);
    write.source = Source::otlp;
    write.body = {};
    write.name = name;
    write.status = kStatusSuccess;
    write.contexts = {R"({"resource":{}})"};
    for (const std::string& id : spans) {  // of one digit: also when they began
      write.spans.push_back({id, id.front() - '0', 0, pack("{\"spanId\":\"" + id + "\"}")});
    }
    return write;
  }

 private:
  SeededRandom random_{7};
  UuidGenerator ids_;

 public:
  domain::ProjectId project{ids_.next()};
  domain::PlatformId platform{ids_.next()};
};

class TraceStoreConformance : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override { open(); }
  void TearDown() override { store_.reset(); }

  void open(std::int64_t spans_per_trace_max = kSpansPerTraceMax) {
    store_.reset();
    auto opened = place_->open(spans_per_trace_max, clock_, random_);
    ASSERT_TRUE(opened) << opened.error().detail() << " " << opened.error().internal();
    store_ = std::move(*opened);
  }

  TraceWrite native(const std::string& body, const std::string& external_id = "") const {
    return samples_.native(body, external_id);
  }
  TraceWrite otlp(const std::string& trace_id, const std::vector<std::string>& spans,
                  const std::string& name = "") const {
    return samples_.otlp(trace_id, spans, name);
  }
  Result<std::vector<StoredTrace>> submit(std::vector<TraceWrite> writes) {
    return submit_to(*store_, std::move(writes));
  }
  StoredTrace put(TraceWrite write) { return put_in(*store_, std::move(write)); }

  std::optional<WholeTrace> get(const Uuid& id, std::string_view cursor = "", int limit = 100) {
    return store_->get(project_, id, cursor, limit).value();
  }
  std::vector<Uuid> listed(Query query = {}) {
    query.project = project_;
    std::vector<Uuid> ids;
    const Page page = store_->list(query).value();
    for (const TraceRow& row : page.rows) ids.push_back(row.id);
    return ids;
  }

  TestClock clock_;
  SeededRandom random_{5};
  UuidGenerator ids_{clock_, random_};
  Samples samples_{clock_};
  const domain::ProjectId project_ = samples_.project;
  const domain::PlatformId platform_ = samples_.platform;
  std::unique_ptr<Place> place_ = GetParam().make();
  std::unique_ptr<TraceStore> store_;
};

class OutboxConformance : public TraceStoreConformance {
 protected:
  void work(TraceStore::Work work) {
    const auto done = store_->run_work(std::move(work));
    ASSERT_TRUE(done) << done.error().detail();
  }
  void forward(domain::PlatformId platform) {
    work([&](Outbox& outbox) { return outbox.put({platform, project_, "{}", "{}"}); });
  }
  void deliver(std::int64_t sequence) {
    work([&](Outbox& outbox) { return outbox.delivered(platform_, sequence, "{\"n\":1}"); });
  }
  std::vector<Queued> queued(std::int64_t after = 0) {
    return store_->queued(platform_, after, 100).value();
  }
  std::vector<std::string> spans_of(const Queued& row) {
    std::vector<std::string> texts;
    const auto trace = store_->to_send(row).value();
    for (const SpanToSend& span : trace->spans) texts.push_back(span.json);
    return texts;
  }
};

}  // namespace keywright::traces
