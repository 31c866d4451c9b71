// What purchase learns from payment: outcomes that no call has brought.
#pragma once

#include "common/db/database.h"
#include "common/events/consumer.h"
#include "playmesh/payment/v1/payment_events.pb.h"
#include "services/purchase/order_saga.h"

namespace playmesh::purchase {

class PurchaseEvents {
 public:
  // `saga` must outlive it.
  explicit PurchaseEvents(OrderSaga& saga) : saga_(saga) {}

  void Register(Consumer& consumer);

  absl::Status OnCaptured(Transaction& tx, const payment::v1::PaymentCaptured& event,
                          const EventInfo& info);
  absl::Status OnFailed(Transaction& tx, const payment::v1::PaymentFailed& event,
                        const EventInfo& info);
  absl::Status OnRefunded(Transaction& tx, const payment::v1::PaymentRefunded& event,
                          const EventInfo& info);

 private:
  OrderSaga& saga_;
};

}  // namespace playmesh::purchase
