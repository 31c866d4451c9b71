// The life of an order, as rules without IO.
//
//      ┌─────────── failed ──────────┐
//      v                             │
//   PENDING ──> PAYING <──> REQUIRES_ACTION ──captured──> COMPLETED ──> REFUNDING ──> REFUNDED
//      │
//      └──> CANCELLED
//
// PAYING fails and is captured as REQUIRES_ACTION is. A buyer who does not confirm, but gives the
// order up or takes another card, makes the payment of REQUIRES_ACTION fail first. CANCELLED (by
// the buyer, or at the order's expire_time) and REFUNDED are final.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "playmesh/payment/v1/payment_service.pb.h"
#include "playmesh/purchase/v1/purchase_service.pb.h"

namespace playmesh::purchase {

// How long a completed order can be given back: Directive 2011/83/EU, article 9.
inline constexpr absl::Duration kRefundWindow = absl::Hours(14 * 24);

// The next state of an order, once its latest payment is known to be in state `payment`; `order`
// itself when there is nothing to do. Goes one step: ask again until it stays. What is late or
// comes twice changes nothing.
v1::OrderState AfterPayment(v1::OrderState order, payment::v1::PaymentState payment);

// How long after entering `state` to ask payment for the outcome, for when neither its answer nor
// its event came; none in states that do not wait for payment.
std::optional<absl::Duration> FirstCheck(v1::OrderState state);

// Whether the order's expire_time has come; never for one that was paid, or given up before.
bool HasExpired(const v1::Order& order, absl::Time now);

// FAILED_PRECONDITION: ORDER_EXPIRED when the order was not paid in time, whether or not it is
// CANCELLED yet; ORDER_NOT_PAYABLE when it was given up or given back. An order whose payment is
// under way is fine at any time.
absl::Status CheckPayable(const v1::Order& order, absl::Time now);

// FAILED_PRECONDITION (ORDER_NOT_CANCELLABLE) unless the order is PENDING or CANCELLED.
absl::Status CheckCancellable(v1::OrderState state);

// FAILED_PRECONDITION: ORDER_NOT_REFUNDABLE unless the order was completed, REFUND_WINDOW_CLOSED
// when that was kRefundWindow ago or longer. An order that is refunded already, or about to be, is
// fine at any time.
absl::Status CheckRefundable(const v1::Order& order, absl::Time now);

}  // namespace playmesh::purchase
