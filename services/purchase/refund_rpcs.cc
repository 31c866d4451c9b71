#include "common/rpc/idempotency.h"
#include "services/purchase/order_state.h"
#include "services/purchase/orders.h"
#include "services/purchase/purchase_service.h"

namespace playmesh::purchase {

absl::StatusOr<RefundOrderResponse> PurchaseService::RefundOrder(
    const Caller& caller, const RefundOrderRequest& request) {
  bool started = false;
  const auto start = [&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(LockedOrder order, LockOrderOf(tx, caller.user_id, request.order_id()));
    RETURN_IF_ERROR(CheckRefundable(order.order, clock_.Now()));
    if (order.order.state() != ORDER_STATE_COMPLETED) return absl::OkStatus();  // under way or done
    started = true;
    return saga_.StartRefund(tx, order, request.reason());
  };
  RETURN_IF_ERROR(db_.Transact([&](Transaction& tx) {
    started = false;
    // As in CheckoutOrder: the answer is the order as it is when somebody asks.
    RefundOrderResponse nothing;
    return rpc::RunIdempotent(tx, caller, request, nothing, [&] { return start(tx); });
  }));

  RefundOrderResponse response;
  ASSIGN_OR_RETURN(*response.mutable_order(), started ? DriveAndFind(caller, request.order_id())
                                                      : FindOrder(caller, request.order_id()));
  return response;
}

}  // namespace playmesh::purchase
