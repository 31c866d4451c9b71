#include <memory>

#include "common/service/platform.h"
#include "services/purchase/order_saga.h"
#include "services/purchase/purchase_config.h"
#include "services/purchase/purchase_events.h"
#include "services/purchase/purchase_service.h"

using playmesh::Platform;
using namespace playmesh::purchase;  // NOLINT: all that is wired here

int main(int argc, char** argv) {
  const auto setup = [](Platform& p, const PurchaseConfig& config) -> absl::Status {
    const auto catalog =
        std::make_shared<playmesh::catalog::CatalogServiceClient>(p.Channel("catalog"));
    const auto library =
        std::make_shared<playmesh::library::LibraryServiceClient>(p.Channel("library"));
    const auto payment =
        std::make_shared<playmesh::payment::PaymentServiceClient>(p.Channel("payment"));
    const auto saga =
        std::make_shared<OrderSaga>(OrderSaga::Deps{p.db(), p.clock(), p.outbox(), *payment});
    p.Keep(catalog);
    p.Keep(library);
    p.Keep(payment);
    p.Keep(saga);

    p.Serve<PurchaseService>(
        PurchaseService::Deps{p.db(), p.clock(), *saga, *catalog, *library, config.order_lifetime});
    p.Consume<PurchaseEvents>(*saga);
    p.Every("purchase.Reconcile", config.reconcile_interval, [saga] { return saga->Reconcile(); });
    p.Every("purchase.CancelExpired", config.reconcile_interval,
            [saga] { return saga->CancelExpired(); });
    return absl::OkStatus();
  };
  return playmesh::Run<PurchaseConfig>("purchase", argc, argv, setup);
}
