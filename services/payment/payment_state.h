// The life of a payment, as one table: what the answer to a call, a webhook and reconciliation do
// to it is the same.
#pragma once

#include <string>
#include <vector>

#include "playmesh/payment/v1/payment_service.playmesh.h"

namespace playmesh::payment {

// What a provider told about a payment.
struct Outcome {
  enum class Kind { kPending, kRequiresAction, kCaptured, kFailed, kRefunded };
  Kind kind = Kind::kPending;
  std::string reference{};  // the provider's own id of the payment, when it told one
  // Only with kFailed: in Stripe's words, and a sentence for the buyer. Never empty then.
  std::string decline_code{};
  std::string decline_message{};
  // Only with kRequiresAction. The URL is empty when the provider's script finds the way by itself.
  std::string redirect_url{};
  std::string client_secret{};
};

// The states through which a payment goes from `state` when this is told, the last being where it
// stays; none when it is no news: outcomes come twice and in any order, and what was decided stays
// decided. A refund implies the capture before it.
std::vector<PaymentState> StatesAfter(PaymentState state, Outcome::Kind told);

}  // namespace playmesh::payment
