#include "store/sqlite/migrations.h"

#include <gtest/gtest.h>

#include "store/sqlite/open_store_test.h"

namespace keywright::store {
namespace {

class MigrationsTest : public testing::Test {
 protected:
  Database open() {
    auto database =
        Database::open((directory_.path() / "a.db").string(), Database::Access::create, "");
    EXPECT_TRUE(database.has_value());
    return std::move(*database);
  }
  // The whole schema as text, in order of its names.
  static std::string schema(Database& database) {
    auto statement = database.prepare(
        "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1");
    Query query(*statement);
    std::string text;
    while (*query.next()) text += std::string(query.text(0)) + "\n";
    return text;
  }

  TestDirectory directory_;
};

constexpr Migration kOne{1, "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);"};
constexpr Migration kTwo{2, "ALTER TABLE a ADD COLUMN y INTEGER; CREATE TABLE b (z TEXT);"};
constexpr Migration kTwoBreaks{2, "CREATE TABLE b (z TEXT); INSERT INTO nowhere VALUES (1);"};

TEST_F(MigrationsTest, EachOldSchemaBecomesTheNewest) {
  std::string newest;
  for (std::size_t from = 0; from <= migrations().size(); ++from) {
    std::filesystem::remove(directory_.path() / "a.db");
    Database database = open();
    if (from > 0) {
      ASSERT_TRUE(migrate(database, migrations().first(from)).has_value());
    }
    ASSERT_TRUE(migrate(database).has_value());
    ASSERT_TRUE(check_schema(database).has_value());
    if (newest.empty()) newest = schema(database);
    EXPECT_EQ(schema(database), newest) << "from version " << from;
  }
  EXPECT_NE(newest.find("audit_events"), std::string::npos);
}

TEST_F(MigrationsTest, AStepThatFailsLeavesTheSchemaBeforeIt) {
  const Migration breaking[] = {kOne, kTwoBreaks};
  const Migration mended[] = {kOne, kTwo};
  Database database = open();
  EXPECT_FALSE(migrate(database, breaking).has_value());
  EXPECT_EQ(*database.integer("SELECT version FROM schema_version"), 1);
  EXPECT_EQ(*database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
  EXPECT_FALSE(database.in_transaction());
  EXPECT_TRUE(migrate(database, mended).has_value());
  EXPECT_EQ(*database.integer("SELECT version FROM schema_version"), 2);
  EXPECT_EQ(*database.integer("SELECT x FROM a WHERE y IS NULL"), 7);
}

TEST_F(MigrationsTest, AFirstStepThatFailsLeavesAnEmptyFile) {
  const Migration breaking[] = {{1, "CREATE TABLE a (x INTEGER); SELECT nothing;"}};
  Database database = open();
  EXPECT_FALSE(migrate(database, breaking).has_value());
  EXPECT_EQ(schema(database), "");
  EXPECT_TRUE(migrate(database).has_value());
}

TEST_F(MigrationsTest, DoneStepsAreNotRepeated) {
  const Migration steps[] = {kOne, kTwo};
  Database database = open();
  ASSERT_TRUE(migrate(database, steps).has_value());
  ASSERT_TRUE(migrate(database, steps).has_value());
  EXPECT_EQ(*database.integer("SELECT count(*) FROM a"), 1);
}

TEST_F(MigrationsTest, ANewerStoreIsRefusedByName) {
  Database database = open();
  ASSERT_TRUE(migrate(database).has_value());
  ASSERT_TRUE(database.run("UPDATE schema_version SET version = 1000").has_value());
  for (auto result : {migrate(database), check_schema(database)}) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().reason(), "store_too_new");
    EXPECT_NE(result.error().detail().find("schema 1000"), std::string::npos);
  }
}

TEST_F(MigrationsTest, AReaderRefusesAnOlderSchema) {
  Database database = open();
  ASSERT_TRUE(migrate(database).has_value());
  ASSERT_TRUE(database.run("UPDATE schema_version SET version = 0").has_value());
  EXPECT_EQ(check_schema(database).error().reason(), "store_too_old");
}

TEST_F(MigrationsTest, SomeOtherDatabaseIsNotTouched) {
  Database database = open();
  ASSERT_TRUE(database.run("CREATE TABLE mine (x)").has_value());
  EXPECT_EQ(migrate(database).error().reason(), "not_a_store");
  EXPECT_EQ(check_schema(database).error().reason(), "not_a_store");
  EXPECT_EQ(*database.integer("SELECT count(*) FROM sqlite_schema"), 1);
}

}  // namespace
}  // namespace keywright::store
