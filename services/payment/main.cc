#include "absl/strings/match.h"
#include "common/service/platform.h"
#include "services/payment/payment_config.h"
#include "services/payment/payment_service.h"

namespace playmesh::payment {
namespace {

constexpr absl::Duration kSandboxInterval = absl::Milliseconds(250);

absl::Status SetUp(Platform& p, const PaymentConfig& config) {
  std::shared_ptr<SandboxProvider> sandbox;
  std::shared_ptr<PaymentProvider> provider;
  if (config.provider == "stripe") {
    // The secret key goes there, so only a test on this machine may do without TLS.
    if (!absl::StartsWith(config.stripe.api_base, "https://") &&
        !absl::StartsWith(config.stripe.api_base, "http://127.0.0.1:")) {
      return absl::InvalidArgumentError("PLAYMESH_STRIPE_API_BASE must begin with https://");
    }
    provider = std::make_shared<StripeProvider>(config.stripe);
  } else if (config.provider == "sandbox") {
    provider = sandbox = std::make_shared<SandboxProvider>(p.db(), p.clock(), config.sandbox);
  } else {
    return absl::InvalidArgumentError("PLAYMESH_PAYMENT_PROVIDER is neither sandbox nor stripe");
  }
  p.Keep(provider);
  auto& service = p.Serve<PaymentService>(PaymentService::Deps{p.db(), p.clock(), p.outbox(),
                                                               *provider, config.fee_basis_points,
                                                               config.reconcile_interval});
  p.Every("payment.Reconcile", config.reconcile_interval,
          [&service] { return service.Reconcile(); });
  p.Every("payment.ForgetWebhooks", absl::Hours(1),
          [&service] { return service.ForgetWebhooks(); });
  if (sandbox != nullptr) {
    p.Every("payment.DeliverSandboxWebhooks", kSandboxInterval, [&service, sandbox] {
      return sandbox->DeliverWebhooks(std::bind_front(&PaymentService::DeliverWebhook, &service));
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
