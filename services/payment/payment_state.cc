#include "services/payment/payment_state.h"

namespace playmesh::payment {

std::vector<PaymentState> StatesAfter(PaymentState state, Outcome::Kind told) {
  const bool open = state == PAYMENT_STATE_PROCESSING || state == PAYMENT_STATE_REQUIRES_ACTION;
  const bool paid = state == PAYMENT_STATE_CAPTURED || state == PAYMENT_STATE_REFUNDING;
  switch (told) {
    case Outcome::Kind::kPending:
      break;
    case Outcome::Kind::kRequiresAction:
      if (state == PAYMENT_STATE_PROCESSING) return {PAYMENT_STATE_REQUIRES_ACTION};
      break;
    case Outcome::Kind::kCaptured:
      if (open) return {PAYMENT_STATE_CAPTURED};
      break;
    case Outcome::Kind::kFailed:
      if (open) return {PAYMENT_STATE_FAILED};
      break;
    case Outcome::Kind::kRefunded:
      if (open) return {PAYMENT_STATE_CAPTURED, PAYMENT_STATE_REFUNDED};
      if (paid) return {PAYMENT_STATE_REFUNDED};
      break;
  }
  return {};
}

}  // namespace playmesh::payment
