#include "common/service/platform.h"
#include "services/payment/payment_config.h"
#include "services/payment/payment_service.h"
#include "services/payment/sandbox_provider.h"
#include "services/payment/stripe_provider.h"

namespace playmesh::payment {
namespace {

constexpr absl::Duration kSandboxInterval = absl::Milliseconds(250);

absl::Status SetUp(Platform& p, const PaymentConfig& config) {
  std::shared_ptr<PaymentProvider> provider;
  std::shared_ptr<SandboxProvider> sandbox;
  if (config.provider == "stripe") {
    provider = std::make_shared<StripeProvider>(
        StripeOptions{config.stripe_api_base, config.stripe_secret_key,
                      config.stripe_webhook_secret, config.stripe_return_url});
  } else if (config.provider == "sandbox") {
    provider = sandbox = std::make_shared<SandboxProvider>(
        p.db(), p.clock(),
        SandboxOptions{config.sandbox_webhook_secret, config.sandbox_webhook_delay,
                       config.sandbox_challenge_url});
  } else {
    return absl::InvalidArgumentError("PLAYMESH_PAYMENT_PROVIDER is neither sandbox nor stripe");
  }
  p.Keep(provider);
  auto& service = p.Serve<PaymentService>(PaymentService::Deps{p.db(), p.clock(), p.outbox(),
                                                               *provider, config.fee_basis_points,
                                                               config.reconcile_interval});
  p.Every("payment.reconcile", config.reconcile_interval,
          [&service] { return service.Reconcile(); });
  p.Every("payment.forget_webhooks", absl::Hours(1),
          [&service] { return service.ForgetWebhooks(); });
  if (sandbox != nullptr) {
    p.Every("payment.sandbox_webhooks", kSandboxInterval, [&service, sandbox] {
      return sandbox->DeliverWebhooks(
          [&service](const std::string& body, const std::string& signature) {
            return service.DeliverWebhook(body, signature);
          });
    });
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace playmesh::payment

int main(int argc, char** argv) {
  return playmesh::Run<playmesh::payment::PaymentConfig>("payment", argc, argv,
                                                         &playmesh::payment::SetUp);
}
