// Library's settings: none beside those of every service.
#pragma once

#include "common/config/config.h"

namespace playmesh::library {

struct LibraryConfig {
  explicit LibraryConfig(config::Environment&) {}
};

}  // namespace playmesh::library
