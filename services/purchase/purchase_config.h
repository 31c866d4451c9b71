// Purchase's settings.
#pragma once

#include "absl/time/time.h"
#include "common/config/config.h"

namespace playmesh::purchase {

struct PurchaseConfig {
  explicit PurchaseConfig(config::Environment& env)
      : reconcile_interval(env.Duration("PLAYMESH_RECONCILE_INTERVAL", absl::Seconds(1))) {}

  absl::Duration reconcile_interval;  // how often to look for orders whose payment is not known
};

}  // namespace playmesh::purchase
