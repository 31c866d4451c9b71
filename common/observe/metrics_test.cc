#include "common/observe/metrics.h"

#include <catch2/catch.hpp>

namespace playmesh::observe {

TEST_CASE("A metric is the same one wherever it is looked up, and shown with its prefix") {
  Counter("things_total", "Things.", {{"kind", "a"}}).Increment();
  Counter("things_total", "Things.", {{"kind", "a"}}).Increment();
  Counter("things_total", "Things.", {{"kind", "b"}}).Increment();
  const std::string text = Expose();
  CHECK(text.find("playmesh_things_total{kind=\"a\"} 2") != std::string::npos);
  CHECK(text.find("playmesh_things_total{kind=\"b\"} 1") != std::string::npos);
}

TEST_CASE("An address that cannot be had is an error, not an exception") {
  REQUIRE(Exporter::Start("127.0.0.1:0").ok());
  CHECK_FALSE(Exporter::Start("no such host:1").ok());
}

}  // namespace playmesh::observe
