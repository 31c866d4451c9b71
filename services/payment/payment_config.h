// The payment service's settings.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/config/config.h"
#include "services/payment/revenue_split.h"
#include "services/payment/sandbox_provider.h"
#include "services/payment/stripe_provider.h"

namespace playmesh::payment {

struct PaymentConfig {
  explicit PaymentConfig(config::Environment& env)
      : provider(env.String("PLAYMESH_PAYMENT_PROVIDER", "sandbox")),
        fee_basis_points(
            static_cast<int>(env.Int("PLAYMESH_PLATFORM_FEE_BASIS_POINTS", 3000, 0, kBasisPoints))),
        reconcile_interval(env.Duration("PLAYMESH_PAYMENT_RECONCILE_INTERVAL", absl::Seconds(2))),
        sandbox{env.File("PLAYMESH_SANDBOX_WEBHOOK_SECRET_FILE", provider == "sandbox"),
                env.Duration("PLAYMESH_SANDBOX_WEBHOOK_DELAY", absl::Seconds(2)),
                env.String("PLAYMESH_SANDBOX_CHALLENGE_URL",
                           "/v1/payments/sandbox/challenges:complete")},
        stripe{env.String("PLAYMESH_STRIPE_API_BASE", "https://api.stripe.com"),
               env.File("PLAYMESH_STRIPE_SECRET_KEY_FILE", provider == "stripe"),
               env.File("PLAYMESH_STRIPE_WEBHOOK_SECRET_FILE", provider == "stripe"),
               env.String("PLAYMESH_STRIPE_RETURN_URL", "")} {}

  std::string provider;  // "sandbox" or "stripe"
  int fee_basis_points;  // of each sale, what the platform keeps; holds for payments from now on
  // How often to look for payments whose outcome is overdue; also how soon the provider is asked
  // for the first time.
  absl::Duration reconcile_interval;
  SandboxOptions sandbox;
  StripeOptions stripe;
};

}  // namespace playmesh::payment
