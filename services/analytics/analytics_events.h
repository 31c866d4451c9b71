// Turns purchases and refunds into facts.
#pragma once

#include "common/events/consumer.h"
#include "playmesh/purchase/v1/purchase_events.pb.h"

namespace playmesh::analytics {

class AnalyticsEvents {
 public:
  void Register(Consumer& consumer);

 private:
  absl::Status AddSales(Transaction& tx, const purchase::v1::PurchaseCompleted& event,
                        const EventInfo& info);
  absl::Status AddRefunds(Transaction& tx, const purchase::v1::PurchaseRefunded& event,
                          const EventInfo& info);
};

}  // namespace playmesh::analytics
