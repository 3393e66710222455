// store/conformance/postgres_server.h - a PostgreSQL for the tests of one program.
//
//   PostgresServer* const server = PostgresServer::of_this_program();
//   const Secret<std::string> url = server->make_schema();     // empty; one for each test
//
// The program that includes this defines KEYWRIGHT_POSTGRES_SCRIPT.
//
// Threading: one thread. Lifetime: of the program.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/secret.h"

namespace keywright::store {

class PostgresServer : public testing::Environment {
 public:
  static PostgresServer* of_this_program() {
    auto* made = new PostgresServer;
    testing::AddGlobalTestEnvironment(made);
    return made;
  }

  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "keywright-pg-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    url_ = output_of("FSYNC=off " KEYWRIGHT_POSTGRES_SCRIPT " start " + folder_);
  }
  void TearDown() override { (void)output_of(KEYWRIGHT_POSTGRES_SCRIPT " remove " + folder_); }

  Secret<std::string> make_schema() {
    const std::string name = "test" + std::to_string(++schemas_);
    (void)output_of("psql -q '" + url_ + "' -c 'CREATE SCHEMA " + name + "'");
    return Secret<std::string>(url_ + "?options=-csearch_path%3D" + name);
  }
  void stop() { (void)output_of(KEYWRIGHT_POSTGRES_SCRIPT " stop " + folder_); }
  void start_again() { (void)output_of(KEYWRIGHT_POSTGRES_SCRIPT " again " + folder_); }

 private:
  static std::string output_of(const std::string& command) {
    std::string output;
    FILE* pipe = ::popen(command.c_str(), "r");
    std::array<char, 512> part;
    while (std::fgets(part.data(), part.size(), pipe) != nullptr) output += part.data();
    EXPECT_EQ(::pclose(pipe), 0) << command;
    while (output.ends_with('\n')) output.pop_back();
    return output;
  }

  std::string folder_;
  std::string url_;
  int schemas_ = 0;
};

}  // namespace keywright::store
