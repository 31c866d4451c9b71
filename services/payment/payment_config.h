// The payment service's settings.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/config/config.h"
#include "services/payment/revenue_split.h"

namespace playmesh::payment {

struct PaymentConfig {
  explicit PaymentConfig(config::Environment& env)
      : provider(env.String("PLAYMESH_PAYMENT_PROVIDER", "sandbox")),
        fee_basis_points(
            static_cast<int>(env.Int("PLAYMESH_PLATFORM_FEE_BASIS_POINTS", 3000, 0, kBasisPoints))),
        reconcile_interval(env.Duration("PLAYMESH_RECONCILE_INTERVAL", absl::Seconds(2))),
        sandbox_webhook_secret(
            env.File("PLAYMESH_SANDBOX_WEBHOOK_SECRET_FILE", provider == "sandbox")),
        sandbox_webhook_delay(env.Duration("PLAYMESH_SANDBOX_WEBHOOK_DELAY", absl::Seconds(2))),
        sandbox_challenge_url(env.String("PLAYMESH_SANDBOX_CHALLENGE_URL",
                                         "/v1/payments/sandbox/challenges:complete")),
        stripe_api_base(env.String("PLAYMESH_STRIPE_API_BASE", "https://api.stripe.com")),
        stripe_secret_key(env.File("PLAYMESH_STRIPE_SECRET_KEY_FILE", provider == "stripe")),
        stripe_webhook_secret(
            env.File("PLAYMESH_STRIPE_WEBHOOK_SECRET_FILE", provider == "stripe")),
        stripe_return_url(env.String("PLAYMESH_STRIPE_RETURN_URL", "")) {}

  std::string provider;  // "sandbox" or "stripe"
  int fee_basis_points;  // of each sale, what the platform keeps; holds for new payments
  absl::Duration reconcile_interval;     // between looks for overdue outcomes
  std::string sandbox_webhook_secret;    // with which the sandbox signs
  absl::Duration sandbox_webhook_delay;  // how long the sandbox's late outcomes take
  std::string sandbox_challenge_url;     // where a page plays the buyer's bank; by default the RPC
                                         // itself, under the edge
  std::string stripe_api_base;           // without a slash at the end
  std::string stripe_secret_key;
  std::string stripe_webhook_secret;
  std::string stripe_return_url;  // where the bank sends the buyer back to; empty for Stripe.js
};

}  // namespace playmesh::payment
