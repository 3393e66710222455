// Records: what is kept of them, and lists of them.
#include "store/conformance/conformance.h"

#include <algorithm>

namespace keywright::store {
namespace {

std::vector<std::string> bodies(const std::vector<Record>& records) {
  std::vector<std::string> all;
  for (const Record& record : records) all.push_back(record.body);
  return all;
}

using Bodies = std::vector<std::string>;

TEST_P(StoreConformance, ARecordIsReplacedAndDeletedByTypeAndId) {
  Record project = samples.record(RecordType::project, "1");
  Record target = samples.record(RecordType::target, "2");
  target.id = project.id;  // the same id under another type is another record
  put(project);
  put(target);
  project.body = "3";
  project.organization = samples.other_organization;
  put(project);
  EXPECT_EQ(bodies(load().records), (Bodies{"3", "2"}));
  EXPECT_EQ(load().records[0].organization, samples.other_organization);

  Transaction removal;
  removal.removes_access = true;
  removal.records.push_back(
      {.record = {.type = RecordType::project, .id = project.id}, .deleted = true});
  removal.records.push_back({.record = samples.record(RecordType::user, ""), .deleted = true});
  ASSERT_TRUE(commit(removal).has_value());
  EXPECT_EQ(bodies(load().records), (Bodies{"2"}));
}

TEST_P(StoreConformance, RecordsLoadByTypeThenId) {
  std::vector<Record> records;
  for (RecordType type : {RecordType::ticket, RecordType::organization, RecordType::user}) {
    for (int i = 0; i < 3; ++i) records.push_back(samples.record(type, "{}"));
  }
  std::ranges::reverse(records);
  for (const Record& record : records) put(record);
  std::ranges::sort(records, {}, [](const Record& r) { return std::pair(r.type, r.id); });
  const Loaded loaded = load();
  ASSERT_EQ(loaded.records.size(), records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(text_of(loaded.records[i]), text_of(records[i]));
  }
}

TEST_P(StoreConformance, AnyBodyComesBackAsItWas) {
  const std::string bodies_in[] = {
      "", std::string(1, '\0'), "a\0b", "Zoë 日本語 🔑", std::string(3'000'000, 'x'), "\xff\xfe"};
  for (const std::string& body : bodies_in) {
    const Record record = samples.record(RecordType::mcp_server, body);
    put(record);
    EXPECT_EQ(load().records.back().body, body);
  }
}

TEST_P(StoreConformance, RecordsAreFilteredByOrganizationAndParent) {
  const Uuid parent = samples.id();
  Record plain = samples.record(RecordType::session, "plain");
  Record child = samples.record(RecordType::session, "child");
  child.parent = parent;
  Record foreign = samples.record(RecordType::session, "foreign");
  foreign.organization = samples.other_organization;
  foreign.parent = parent;
  const Record other_type = samples.record(RecordType::ticket, "ticket");
  for (const Record& record : {plain, child, foreign, other_type}) put(record);

  auto list = [&](RecordFilter filter) { return bodies(store().list_records(filter, {})->items); };
  EXPECT_EQ(list({RecordType::session}), (Bodies{"foreign", "child", "plain"}));
  EXPECT_EQ(list({RecordType::session, samples.organization}), (Bodies{"child", "plain"}));
  EXPECT_EQ(list({RecordType::session, {}, parent}), (Bodies{"foreign", "child"}));
  EXPECT_EQ(list({RecordType::session, samples.organization, parent}), (Bodies{"child"}));
  EXPECT_EQ(list({RecordType::user}), (Bodies{}));
}

TEST_P(StoreConformance, PagesOfRecordsStayWhereTheyAreWhileNewOnesCome) {
  for (int i = 0; i < 7; ++i) put(samples.record(RecordType::target, std::to_string(i)));
  const RecordFilter filter{RecordType::target, samples.organization};
  auto first = store().list_records(filter, {.limit = 3});
  EXPECT_EQ(bodies(first->items), (Bodies{"6", "5", "4"}));
  put(samples.record(RecordType::target, "new"));
  auto second = store().list_records(filter, {.limit = 3, .after = first->next});
  EXPECT_EQ(bodies(second->items), (Bodies{"3", "2", "1"}));
  auto last = store().list_records(filter, {.limit = 3, .after = second->next});
  EXPECT_EQ(bodies(last->items), (Bodies{"0"}));
  EXPECT_EQ(last->next, "");
}

TEST_P(StoreConformance, APageThatIsExactlyFullHasNoNext) {
  for (int i = 0; i < 3; ++i) put(samples.record(RecordType::target, std::to_string(i)));
  const RecordFilter filter{RecordType::target};
  EXPECT_EQ(store().list_records(filter, {.limit = 3})->next, "");
  EXPECT_NE(store().list_records(filter, {.limit = 2})->next, "");
  EXPECT_EQ(store().list_records(filter, {.limit = 0})->items.size(), 1u);
  EXPECT_EQ(store().list_records(filter, {.limit = 1'000'000})->items.size(), 3u);
}

TEST_P(StoreConformance, ACursorNobodyGaveIsRefused) {
  for (const char* cursor : {"x", "AAAA", "!!!!!!!!!!!!!!!!!!!!!!",
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    const Page page{.limit = 5, .after = cursor};
    auto records = store().list_records({RecordType::target}, page);
    ASSERT_FALSE(records.has_value());
    EXPECT_EQ(records.error().code(), Code::invalid_argument);
    ASSERT_EQ(records.error().problems().size(), 1u);
    EXPECT_EQ(records.error().problems()[0].field, "cursor");
    EXPECT_FALSE(store().list_keys({}, page).has_value());
    EXPECT_FALSE(store().list_audit({}, page).has_value());
  }
}

}  // namespace
}  // namespace keywright::store
