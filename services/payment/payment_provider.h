// The edge to whoever moves the money.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/payment/payment_state.h"

namespace playmesh::payment {

// A payment, with what only the provider needs to know.
struct ProviderPayment {
  Payment payment;
  std::string token;      // of the card; empty once the payment is decided
  std::string reference;  // the provider's id of the payment; empty until it told one
  std::string provider;   // name of the provider that it was made with
};

// What a webhook says.
struct ProviderEvent {
  std::string event_id;
  std::string type;          // "payment_intent.succeeded"
  std::string payment_id{};  // empty when the event only has the provider's reference
  std::string reference{};
  std::optional<Outcome> outcome{};           // none for events that tell nothing about a payment
  std::optional<type::v1::Money> refunded{};  // with kRefunded: how much is back
};

// A payment provider. Thread-safe. Calls end at the deadline of the current context. An error means
// that the outcome is not known: the same call again finds out, and never moves the money twice.
class PaymentProvider {
 public:
  virtual ~PaymentProvider() = default;

  // As in the path of its webhooks: "stripe".
  virtual std::string name() const = 0;

  // Charges the card, under the payment_id as idempotency key. INVALID_ARGUMENT when another
  // payment was charged under it.
  virtual absl::StatusOr<Outcome> Charge(const ProviderPayment& payment) = 0;

  // What became of a payment, found by its reference, else by its payment_id. NOT_FOUND when the
  // provider never heard of it.
  virtual absl::StatusOr<Outcome> Retrieve(const ProviderPayment& payment) = 0;

  // Ends a payment that waits for the buyer, so that it can never be captured. Answers with how it
  // ended: captured, when the buyer was faster.
  virtual absl::StatusOr<Outcome> Cancel(const ProviderPayment& payment) = 0;

  // Gives the whole of a captured payment back, once.
  virtual absl::StatusOr<Outcome> Refund(const ProviderPayment& payment) = 0;

  // Reads a webhook. UNAUTHENTICATED (BAD_SIGNATURE) unless `signature` signs the body at a time
  // near `now`; INVALID_ARGUMENT when the body is no event.
  virtual absl::StatusOr<ProviderEvent> ParseWebhook(const std::string& body,
                                                     const std::string& signature,
                                                     absl::Time now) const = 0;

  // What the buyer decides on the sandbox's own page of the bank. NOT_FOUND when `client_secret` is
  // of no payment.
  virtual absl::Status CompleteChallenge(const std::string& client_secret, bool approve) {
    return absl::NotFoundError("there is no such payment");
  }
};

}  // namespace playmesh::payment
