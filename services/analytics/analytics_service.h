// Sales figures for publishers.
#pragma once

#include "common/base/clock.h"
#include "common/db/database.h"
#include "playmesh/analytics/v1/analytics_service.playmesh.h"

namespace playmesh::analytics {

class AnalyticsService : public v1::AnalyticsServiceBase {
 public:
  struct Deps {
    Database& db;
    const Clock& clock;
  };
  explicit AnalyticsService(const Deps& deps) : db_(deps.db), clock_(deps.clock) {}

  absl::StatusOr<GetSalesReportResponse> GetSalesReport(
      const Caller& caller, const GetSalesReportRequest& request) override;
  absl::StatusOr<ListDailySalesResponse> ListDailySales(
      const Caller& caller, const ListDailySalesRequest& request) override;

 private:
  Database& db_;
  const Clock& clock_;
};

}  // namespace playmesh::analytics
