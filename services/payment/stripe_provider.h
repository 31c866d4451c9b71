// Stripe (https://stripe.com), through its HTTP API.
#pragma once

#include <string>

#include "services/payment/payment_provider.h"
#include "services/payment/stripe_wire.h"

namespace playmesh::payment {

struct StripeOptions {
  std::string api_base;  // "https://api.stripe.com"
  std::string secret_key;
  std::string webhook_secret;
  // Where the bank's page sends the buyer back to. Empty: the page finds its own way with Stripe.js
  // and the client secret.
  std::string return_url;
};

class StripeProvider : public PaymentProvider {
 public:
  explicit StripeProvider(StripeOptions options);

  std::string name() const override { return "stripe"; }
  absl::StatusOr<Outcome> Charge(const ProviderPayment& payment) override;
  absl::StatusOr<Outcome> Retrieve(const ProviderPayment& payment) override;
  absl::StatusOr<Outcome> Cancel(const ProviderPayment& payment) override;
  absl::StatusOr<Outcome> Refund(const ProviderPayment& payment) override;
  absl::StatusOr<ProviderEvent> ParseWebhook(const std::string& body, const std::string& signature,
                                             absl::Time now) const override;

 private:
  absl::StatusOr<HttpAnswer> Get(const std::string& path) const;
  absl::StatusOr<HttpAnswer> Post(const std::string& path, const Form& form,
                                  const std::string& idempotency_key) const;
  absl::StatusOr<HttpAnswer> Send(const std::string& path, const std::string* body,
                                  const std::string& idempotency_key) const;

  const StripeOptions options_;
};

}  // namespace playmesh::payment
