#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "common/log/log.h"

int main(int argc, char** argv) {
  // Tests provoke errors; what they log is of interest only to who looks for it.
  using playmesh::log::Level;
  playmesh::log::Configure("test", playmesh::log::Format::kText,
                           std::getenv("PLAYMESH_TEST_LOG") ? Level::kDebug : Level::kError);
  return Catch::Session().run(argc, argv);
}
