#include "common/service/platform.h"
#include "services/analytics/analytics_events.h"
#include "services/analytics/analytics_service.h"
#include "services/analytics/sales_rollup.h"

int main(int argc, char** argv) {
  using namespace playmesh;             // NOLINT(google-build-using-namespace)
  using namespace playmesh::analytics;  // NOLINT(google-build-using-namespace)
  return Run("analytics", argc, argv, [](Platform& p) {
    p.Serve<AnalyticsService>(AnalyticsService::Deps{p.db(), p.clock()});
    p.Consume<AnalyticsEvents>();
    p.Every("analytics.RollUpSales", kRollupInterval, [&p] { return RollUpSales(p.db()); });
    return absl::OkStatus();
  });
}
