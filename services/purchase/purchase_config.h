// Purchase's settings.
#pragma once

#include "absl/time/time.h"
#include "common/config/config.h"

namespace playmesh::purchase {

struct PurchaseConfig {
  explicit PurchaseConfig(config::Environment& env)
      : reconcile_interval(env.Duration("PLAYMESH_ORDER_RECONCILE_INTERVAL", absl::Seconds(1))),
        order_lifetime(env.Duration("PLAYMESH_ORDER_LIFETIME", absl::Minutes(30))) {}

  // How often to look for orders whose payment is not known, and for those that have expired.
  absl::Duration reconcile_interval;
  absl::Duration order_lifetime;  // how long an order can be paid
};

}  // namespace playmesh::purchase
