// A card network for development and tests, driven by Stripe's published test PaymentMethods
// (docs.stripe.com/testing).
//
// It behaves as an outside party: it keeps its own books in its own transactions, answers the same
// to the same idempotency key, and tells by webhooks in Stripe's wire format, signed as Stripe's
// are. Beyond Stripe's tokens there are two: `pm_card_timeoutAfterCharge` charges and never says
// so, and `pm_card_lateWebhook` is decided seconds later, told by webhook.
#pragma once

#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/db/database.h"
#include "services/payment/payment_provider.h"

namespace playmesh::payment {

struct SandboxOptions {
  std::string webhook_secret;
  // How long late outcomes take.
  absl::Duration webhook_delay = absl::Seconds(2);
  // Where its page of the bank is.
  std::string challenge_url;
};

class SandboxProvider : public PaymentProvider {
 public:
  // `db` and `clock` must outlive the provider.
  SandboxProvider(Database& db, const Clock& clock, SandboxOptions options);

  std::string name() const override { return "sandbox"; }
  absl::StatusOr<Outcome> Charge(const ProviderPayment& payment) override;
  absl::StatusOr<Outcome> Retrieve(const ProviderPayment& payment) override;
  absl::StatusOr<Outcome> Cancel(const ProviderPayment& payment) override;
  absl::StatusOr<Outcome> Refund(const ProviderPayment& payment) override;
  absl::StatusOr<ProviderEvent> ParseWebhook(const std::string& body, const std::string& signature,
                                             absl::Time now) const override;
  absl::Status CompleteChallenge(const std::string& client_secret, bool approve) override;

  // Sends the webhooks that are due, some at a time; one that `endpoint` does not acknowledge is
  // sent again, later and later.
  using Endpoint =
      std::function<absl::Status(const std::string& body, const std::string& signature)>;
  absl::Status DeliverWebhooks(const Endpoint& endpoint);

 private:
  // Writes what happened to a charge, and changes nothing unless it waits for the buyer.
  absl::StatusOr<Outcome> Decide(const std::string& intent_id, const std::string& decline_code,
                                 bool announce);

  Database& db_;
  const Clock& clock_;
  const SandboxOptions options_;
};

}  // namespace playmesh::payment
