#include "services/purchase/purchase_events.h"

namespace playmesh::purchase {
namespace {

template <typename Event>
payment::Payment PaymentOf(const Event& event, payment::PaymentState state) {
  payment::Payment payment;
  payment.set_payment_id(event.payment_id());
  payment.set_order_id(event.order_id());
  payment.set_state(state);
  return payment;
}

}  // namespace

void PurchaseEvents::Register(Consumer& consumer) {
  consumer.On<payment::PaymentCaptured>(&PurchaseEvents::OnCaptured, this);
  consumer.On<payment::PaymentFailed>(&PurchaseEvents::OnFailed, this);
  consumer.On<payment::PaymentRefunded>(&PurchaseEvents::OnRefunded, this);
}

absl::Status PurchaseEvents::OnCaptured(Transaction& tx, const payment::PaymentCaptured& event,
                                        const EventInfo& info) {
  return saga_.Apply(tx, PaymentOf(event, payment::PAYMENT_STATE_CAPTURED));
}

absl::Status PurchaseEvents::OnFailed(Transaction& tx, const payment::PaymentFailed& event,
                                      const EventInfo& info) {
  payment::Payment payment = PaymentOf(event, payment::PAYMENT_STATE_FAILED);
  payment.set_decline_code(event.decline_code());
  payment.set_decline_message(event.decline_message());
  return saga_.Apply(tx, payment);
}

absl::Status PurchaseEvents::OnRefunded(Transaction& tx, const payment::PaymentRefunded& event,
                                        const EventInfo& info) {
  return saga_.Apply(tx, PaymentOf(event, payment::PAYMENT_STATE_REFUNDED));
}

}  // namespace playmesh::purchase
