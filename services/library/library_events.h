// What library makes of purchases and of changes in the catalogue.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/db/database.h"
#include "common/events/consumer.h"
#include "common/events/outbox.h"
#include "playmesh/catalog/v1/catalog_events.pb.h"
#include "playmesh/purchase/v1/purchase_events.pb.h"

namespace playmesh::library {

class LibraryEvents {
 public:
  struct Deps {
    Clock& clock;
    Outbox& outbox;
  };
  explicit LibraryEvents(Deps deps) : clock_(deps.clock), outbox_(deps.outbox) {}

  void Register(Consumer& consumer);

  // Each item of an order makes one licence, whatever the number of deliveries.
  absl::Status GrantLicenses(Transaction& tx, const purchase::v1::PurchaseCompleted& event,
                             const EventInfo& info);
  // Takes the licences of an order back; also before it made any, which it then never will.
  absl::Status RevokeLicenses(Transaction& tx, const purchase::v1::PurchaseRefunded& event,
                              const EventInfo& info);
  absl::Status PublishGame(Transaction& tx, const catalog::v1::GamePublished& event,
                           const EventInfo& info);
  absl::Status UpdateGame(Transaction& tx, const catalog::v1::GameUpdated& event,
                          const EventInfo& info);

 private:
  absl::Status RevokeLicense(Transaction& tx, const purchase::v1::PurchaseRefunded& event,
                             const purchase::v1::OrderItem& item);
  absl::Status ActivateReserve(Transaction& tx, const std::string& user_id,
                               const std::string& game_id);

  Clock& clock_;
  Outbox& outbox_;
};

}  // namespace playmesh::library
