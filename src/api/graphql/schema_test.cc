#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "api/graphql/objects.h"
#include "graphql/print_schema.h"

namespace keywright::graphql_face {
namespace {

TEST(Schema, IsTheOneInTheRepository) {
  const std::string sdl = graphql::print_schema(*make_schema());
  const std::string path = "tests/golden/schema.graphql";
  if (std::getenv("KEYWRIGHT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << sdl;
  }
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(golden.str(), sdl) << "KEYWRIGHT_UPDATE_GOLDEN=1 rewrites " << path;
}

}  // namespace
}  // namespace keywright::graphql_face
