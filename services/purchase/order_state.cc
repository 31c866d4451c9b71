#include "services/purchase/order_state.h"

#include "common/base/clock.h"
#include "common/status/status.h"

namespace playmesh::purchase {

using namespace v1;           // NOLINT: as in the generated headers
using namespace payment::v1;  // NOLINT

namespace {

absl::Status Refuse(v1::ErrorReason reason, absl::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

absl::Status Expired() {
  return Refuse(ERROR_REASON_ORDER_EXPIRED,
                "the time to pay this order is over; order again, at today's prices");
}

OrderState WhilePaying(OrderState order, PaymentState payment) {
  switch (payment) {
    case PAYMENT_STATE_PROCESSING:
      return ORDER_STATE_PAYING;
    case PAYMENT_STATE_REQUIRES_ACTION:
      return ORDER_STATE_REQUIRES_ACTION;
    case PAYMENT_STATE_FAILED:
      return ORDER_STATE_PENDING;
    case PAYMENT_STATE_CAPTURED:
    case PAYMENT_STATE_REFUNDING:  // what goes back was captured before
    case PAYMENT_STATE_REFUNDED:
      return ORDER_STATE_COMPLETED;
    default:
      return order;
  }
}

}  // namespace

OrderState AfterPayment(OrderState order, PaymentState payment) {
  switch (order) {
    case ORDER_STATE_PAYING:
    case ORDER_STATE_REQUIRES_ACTION:
      return WhilePaying(order, payment);
    case ORDER_STATE_COMPLETED:
    case ORDER_STATE_REFUNDING:
      if (payment == PAYMENT_STATE_REFUNDING) return ORDER_STATE_REFUNDING;
      if (payment == PAYMENT_STATE_REFUNDED) return ORDER_STATE_REFUNDED;
      return order;
    default:
      return order;
  }
}

std::optional<absl::Duration> FirstCheck(OrderState state) {
  switch (state) {
    case ORDER_STATE_PAYING:
    case ORDER_STATE_REFUNDING:
      return absl::Seconds(5);
    case ORDER_STATE_REQUIRES_ACTION:
      return absl::Minutes(1);
    default:
      return std::nullopt;
  }
}

bool HasExpired(const Order& order, absl::Time now) {
  return order.has_expire_time() && FromTimestamp(order.expire_time()) <= now;
}

absl::Status CheckPayable(const Order& order, absl::Time now) {
  switch (order.state()) {
    case ORDER_STATE_PENDING:
      return HasExpired(order, now) ? Expired() : absl::OkStatus();
    case ORDER_STATE_CANCELLED:
      if (HasExpired(order, now)) return Expired();
      return Refuse(ERROR_REASON_ORDER_NOT_PAYABLE, "the order was cancelled");
    case ORDER_STATE_REFUNDING:
    case ORDER_STATE_REFUNDED:
      return Refuse(ERROR_REASON_ORDER_NOT_PAYABLE, "the order was refunded");
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckCancellable(OrderState state) {
  if (state == ORDER_STATE_PENDING || state == ORDER_STATE_CANCELLED) return absl::OkStatus();
  return Refuse(ERROR_REASON_ORDER_NOT_CANCELLABLE,
                "only an order that waits for a payment can be cancelled");
}

absl::Status CheckRefundable(const Order& order, absl::Time now) {
  switch (order.state()) {
    case ORDER_STATE_REFUNDING:
    case ORDER_STATE_REFUNDED:
      return absl::OkStatus();
    case ORDER_STATE_COMPLETED:
      if (now - FromTimestamp(order.complete_time()) < kRefundWindow) return absl::OkStatus();
      return Refuse(ERROR_REASON_REFUND_WINDOW_CLOSED,
                    "an order can be refunded within 14 days of its completion");
    default:
      return Refuse(ERROR_REASON_ORDER_NOT_REFUNDABLE, "only a completed order can be refunded");
  }
}

}  // namespace playmesh::purchase
