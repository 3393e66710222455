// Audit events that come many at once: packs hold what rows would, lists and checks see no
// difference.
#include "store/sqlite/audit_pack.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/random.h"
#include "store/conformance/conformance.h"
#include "store/sqlite/open_store_test.h"

namespace keywright::store {
namespace {

using domain::AuditEvent;

std::vector<std::string> forms(const std::vector<AuditEvent>& events) {
  std::vector<std::string> all;
  for (const AuditEvent& event : events) all.push_back(canonical_form(event));
  return all;
}

class AuditPackTest : public testing::Test {
 protected:
  // Each field with a few values, so that filters find some of them.
  AuditEvent event(std::uint64_t number) {
    AuditEvent made = samples_.event(kActions[number % 5]);
    if (number % 7 == 0) made.organization_id = {samples_.other_organization};
    made.actor = {"key", number % 3 == 0 ? "" : "user-" + std::to_string(number % 4),
                  number % 5 == 0 ? "" : "key-" + std::to_string(number % 6)};
    made.object = {"mcp_server",
                   number % 11 == 0 ? "key-1" : "server-" + std::to_string(number % 2), "Zoë"};
    made.request_id = std::to_string(number);
    if (number % 4 != 0) made.details = json::Raw::trusted(R"({"method":"tools/call"})");
    return made;
  }
  void put(std::size_t count) {
    Transaction transaction;
    for (std::size_t i = 0; i < count; ++i) {
      transaction.events.push_back(event(written_.size()));
      written_.push_back(transaction.events.back());
    }
    ASSERT_TRUE(store()->commit({&transaction, 1})[0].has_value());
  }
  SqliteStore* store() { return open_.store.get(); }
  std::filesystem::path database() const { return directory_.path() / "keywright.db"; }
  std::int64_t count(Sql sql) {
    auto opened = Database::open(database().string(), Database::Access::read_only, "");
    return *opened->integer(sql);
  }

  // What a list has to be, without any index.
  std::vector<std::string> expected(const AuditFilter& filter) const {
    std::vector<AuditEvent> found;
    for (auto each = written_.rbegin(); each != written_.rend(); ++each) {
      if (filter.from && each->time < *filter.from) continue;
      if (filter.to && each->time >= *filter.to) continue;
      if (matches(filter, *each)) found.push_back(*each);
    }
    return forms(found);
  }
  std::vector<std::string> listed(const AuditFilter& filter, int page_size) {
    std::vector<std::string> all;
    Page page{.limit = page_size};
    do {
      auto one = store()->list_audit(filter, page);
      EXPECT_TRUE(one.has_value());
      EXPECT_LE(std::ssize(one->items), page_size);
      for (const std::string& form : forms(one->items)) all.push_back(form);
      page.after = one->next;
    } while (!page.after.empty());
    return all;
  }

  static constexpr const char* kActions[] = {"mcp.call", "mcp.call", "keys.create", "keys.revoke",
                                             "keyspaces.create"};
  TestDirectory directory_;
  OpenStore open_{directory_.path()};
  Samples samples_{open_.clock};
  std::vector<AuditEvent> written_;
};

TEST_F(AuditPackTest, ListsAreThoseOfRows) {
  const std::size_t sizes[] = {1, 40, 7, 8, 300, 2, 600, 9, 1};
  for (std::size_t i = 0; i < std::size(sizes); ++i) {
    put(sizes[i]);
    if (i % 2 == 0) open_.clock.advance(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(count("SELECT count(*) FROM audit_events"), 11);
  EXPECT_EQ(count("SELECT sum(last - first + 1) FROM audit_packs"), 957);
  std::vector<AuditFilter> filters(1);
  const std::optional<Uuid> organizations[] = {{}, samples_.organization};
  const std::optional<Time> times[] = {{}, written_[60].time};
  for (const auto& organization : organizations) {
    for (const char* key : {"", "key-1", "key-9"}) {
      for (const char* actor : {"", "user-1"}) {
        for (const char* action : {"", "keys.*", "mcp.call", "key.*", "keys"}) {
          for (const char* object : {"", "server-1"}) {
            filters.push_back({organization, key, actor, action, object, times[1], {}});
            filters.push_back({organization, key, actor, action, object, {}, times[0]});
          }
        }
      }
    }
  }
  for (const AuditFilter& filter : filters) {
    ASSERT_EQ(listed(filter, 1000), expected(filter)) << filter.key_id << ' ' << filter.action;
  }
  for (std::size_t i = 0; i < filters.size(); i += 17) {
    ASSERT_EQ(listed(filters[i], 13), expected(filters[i]));
  }
}

TEST_F(AuditPackTest, TheChainGoesThroughRowsAndPacks) {
  for (std::size_t size : {1, 20, 3, 500}) put(size);
  crypto::Sha256 head{};
  for (const AuditEvent& event : written_) head = chain_hash(head, event);
  const auto found = store()->verify_audit();
  EXPECT_TRUE(found->intact) << found->problem;
  EXPECT_EQ(found->events, 524u);
  EXPECT_EQ(found->head, head);
}

TEST_F(AuditPackTest, AnAlteredEventOfAPackIsNamed) {
  for (std::size_t size : {2, 100}) put(size);
  // The last event's hash, and then the first letter of its id.
  run_sql(database(),
          "UPDATE audit_packs SET events = CAST(substr(events, 1, length(events) - 1) || x'7f' "
          "AS BLOB)");
  EXPECT_TRUE(store()->verify_audit()->problem.starts_with("event 102 ("))
      << store()->verify_audit()->problem;
  run_sql(database(), "UPDATE audit_packs SET events = CAST(x'7f' || substr(events, 2) AS BLOB)");
  EXPECT_TRUE(store()->verify_audit()->problem.starts_with("event 3 ("))
      << store()->verify_audit()->problem;
}

TEST_F(AuditPackTest, ADroppedPackIsNamed) {
  for (std::size_t size : {2, 10, 1, 10}) put(size);
  run_sql(database(), "DELETE FROM audit_packs WHERE first = 3");
  EXPECT_EQ(store()->verify_audit()->problem, "event 3 is missing");
  run_sql(database(), "DELETE FROM audit_packs");
  run_sql(database(), "DELETE FROM audit_events WHERE number > 2");
  EXPECT_EQ(store()->verify_audit()->problem, "the log ends at event 2, but 23 were written");
}

TEST_F(AuditPackTest, DamagedBytesAreAnError) {
  PackWriter pack;
  std::vector<AuditEvent> events;
  for (int i = 0; i < 20; ++i) events.push_back(event(i));
  for (const AuditEvent& each : events) pack.add(each, {});
  const Bytes whole(pack.bytes().begin(), pack.bytes().end());
  const auto read = read_pack(1, events[0].time, whole);
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(canonical_form((*read)[i].event), canonical_form(events[i]));
  }
  SeededRandom random(5);
  for (std::size_t cut = 1; cut < whole.size(); cut += 7) {
    Bytes damaged(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    for (int flips = 0; flips < 3; ++flips) {
      const auto noise = random_bytes<8>(random);
      damaged[(noise[0] | noise[1] << 8) % damaged.size()] = noise[2];
      (void)read_pack(1, events[0].time, damaged);  // an error or other events, but no crash
    }
  }
  EXPECT_FALSE(read_pack(1, events[0].time, ByteView(whole).first(whole.size() - 1)).has_value());
  EXPECT_FALSE(read_pack(1, events[0].time, Bytes(100, 0xff)).has_value());
}

TEST_F(AuditPackTest, PacksAreFoundThroughTheirTerms) {
  put(10);
  auto opened = Database::open(database().string(), Database::Access::read_only, "");
  auto statement = opened->prepare(
      "EXPLAIN QUERY PLAN SELECT t.first, t.time, p.events FROM audit_pack_terms t CROSS JOIN "
      "audit_packs p ON p.first = t.first WHERE t.term = ? AND EXISTS (SELECT 1 FROM "
      "audit_pack_terms o WHERE o.term = ? AND o.time = t.time AND o.first = t.first) AND "
      "t.time <= ? AND (t.time < ? OR t.first < ?) ORDER BY t.time DESC, t.first DESC");
  ASSERT_TRUE(statement.has_value());
  Query query(*statement);
  while (*query.next()) {
    const std::string_view step = query.text(3);
    EXPECT_EQ(step.find("TEMP B-TREE"), std::string_view::npos) << step;
    EXPECT_EQ(step.find("SCAN"), std::string_view::npos) << step;
  }
}

}  // namespace
}  // namespace keywright::store
