#include "common/config/config.h"

#include <catch2/catch.hpp>

namespace playmesh::config {
namespace {

using Variables = absl::flat_hash_map<std::string, std::string>;

}  // namespace

TEST_CASE("All missing and malformed variables are reported at once") {
  Environment env(
      Variables{{"COUNT", "many"}, {"WAIT", "10"}, {"FLAG", "yes"}, {"KEY", "/does/not/exist"}});
  env.String("NAME");
  env.Int("COUNT", 1, 0, 10);
  env.Duration("WAIT");
  env.File("KEY");
  const std::string message(env.status().message());
  for (const char* name : {"NAME", "COUNT", "WAIT", "KEY"})
    CHECK(message.find(name) != std::string::npos);
}

TEST_CASE("Values are read, and defaults stand in for what is not set") {
  Environment env(Variables{{"COUNT", "7"}, {"WAIT", "1h30m"}});
  CHECK(env.Int("COUNT", std::nullopt, 0, 10) == 7);
  CHECK(env.Duration("WAIT") == absl::Minutes(90));
  CHECK(env.String("NAME", "fallback") == "fallback");
  CHECK(env.status().ok());
}

TEST_CASE("A number out of its range is refused") {
  Environment env(Variables{{"COUNT", "11"}});
  env.Int("COUNT", 1, 0, 10);
  CHECK_FALSE(env.status().ok());
}

}  // namespace playmesh::config
