// What the service reads from the environment beside the platform's variables: nothing.
#pragma once

#include "common/config/config.h"

namespace playmesh::analytics {

struct AnalyticsConfig {
  explicit AnalyticsConfig(config::Environment&) {}
};

}  // namespace playmesh::analytics
