// What others did that users are told of.
#pragma once

#include "common/base/clock.h"
#include "common/events/consumer.h"
#include "playmesh/catalog/v1/catalog_events.pb.h"
#include "playmesh/identity/v1/identity_events.pb.h"
#include "playmesh/library/v1/library_events.pb.h"
#include "playmesh/purchase/v1/purchase_events.pb.h"

namespace playmesh::notification {

class NotificationEvents {
 public:
  struct Deps {
    const Clock& clock;
  };
  explicit NotificationEvents(const Deps& deps) : clock_(deps.clock) {}

  void Register(Consumer& consumer);

 private:
  absl::Status WelcomeUser(Transaction& tx, const identity::v1::UserRegistered& event,
                           const EventInfo& info);
  absl::Status TellOfPurchase(Transaction& tx, const purchase::v1::PurchaseCompleted& event,
                              const EventInfo& info);
  absl::Status TellOfRefund(Transaction& tx, const purchase::v1::PurchaseRefunded& event,
                            const EventInfo& info);
  absl::Status AddOwner(Transaction& tx, const library::v1::LicenseGranted& event,
                        const EventInfo& info);
  absl::Status RemoveOwner(Transaction& tx, const library::v1::LicenseRevoked& event,
                           const EventInfo& info);
  absl::Status AnnounceVersion(Transaction& tx, const catalog::v1::GameUpdated& event,
                               const EventInfo& info);

  const Clock& clock_;
};

}  // namespace playmesh::notification
