#include "services/notification/notification_events.h"

#include <algorithm>

#include "common/base/random.h"
#include "playmesh/notification/v1/notification_service.playmesh.h"
#include "services/notification/mail_queue.h"
#include "services/notification/texts.h"
#include "services/notification/update_fanout.h"

namespace playmesh::notification {
namespace {

// Puts one notification into an inbox, once for each `kind` and `source_id`. `order_id` may be
// empty.
absl::Status AddNotification(Transaction& tx, absl::Time now, const std::string& user_id,
                             NotificationKind kind, const std::string& source_id,
                             const InboxText& text, const std::string& order_id) {
  return AsStatus(tx.Execute(R"(
      insert into notifications (user_id, notification_id, kind, source_id, title, body, order_id,
                                 create_time)
      values (:user_id, :notification_id, :kind, :source_id, :title, :body, :order_id, :now)
      on conflict do nothing)",
                             user_id, NewUuid(now), kind, source_id, text.title, text.body,
                             db::NullIfEmpty(order_id), now));
}

}  // namespace

void NotificationEvents::Register(Consumer& consumer) {
  consumer.On<identity::v1::UserRegistered>(&NotificationEvents::WelcomeUser, this);
  consumer.On<purchase::v1::PurchaseCompleted>(&NotificationEvents::TellOfPurchase, this);
  consumer.On<purchase::v1::PurchaseRefunded>(&NotificationEvents::TellOfRefund, this);
  consumer.On<library::v1::LicenseGranted>(&NotificationEvents::AddOwner, this);
  consumer.On<library::v1::LicenseRevoked>(&NotificationEvents::RemoveOwner, this);
  consumer.On<catalog::v1::GameUpdated>(&NotificationEvents::AnnounceVersion, this);
}

absl::Status NotificationEvents::WelcomeUser(Transaction& tx,
                                             const identity::v1::UserRegistered& event,
                                             const EventInfo&) {
  const absl::Time now = clock_.Now();
  const NotificationKind kind = NOTIFICATION_KIND_WELCOME;
  RETURN_IF_ERROR(
      AddNotification(tx, now, event.user_id(), kind, event.user_id(), WelcomeText(), ""));
  return AddMail(tx, now, kind, event.user_id(), event.user_id(), event);
}

absl::Status NotificationEvents::TellOfPurchase(Transaction& tx,
                                                const purchase::v1::PurchaseCompleted& event,
                                                const EventInfo&) {
  const absl::Time now = clock_.Now();
  const NotificationKind kind = NOTIFICATION_KIND_PURCHASE_COMPLETED;
  RETURN_IF_ERROR(AddNotification(tx, now, event.user_id(), kind, event.order_id(),
                                  PurchaseText(event), event.order_id()));
  return AddMail(tx, now, kind, event.user_id(), event.order_id(), event);
}

absl::Status NotificationEvents::TellOfRefund(Transaction& tx,
                                              const purchase::v1::PurchaseRefunded& event,
                                              const EventInfo&) {
  const absl::Time now = clock_.Now();
  const NotificationKind kind = NOTIFICATION_KIND_PURCHASE_REFUNDED;
  RETURN_IF_ERROR(AddNotification(tx, now, event.user_id(), kind, event.order_id(),
                                  RefundText(event), event.order_id()));
  return AddMail(tx, now, kind, event.user_id(), event.order_id(), event);
}

absl::Status NotificationEvents::AddOwner(Transaction& tx, const library::v1::LicenseGranted& event,
                                          const EventInfo&) {
  return AsStatus(tx.Execute(R"(
      insert into game_owners (license_id, game_id, user_id) values (:license_id, :game_id, :user_id)
      on conflict do nothing)",
                             event.license_id(), event.game_id(), event.user_id()));
}

// The grant may come later: from dead letters, for instance.
absl::Status NotificationEvents::RemoveOwner(Transaction& tx,
                                             const library::v1::LicenseRevoked& event,
                                             const EventInfo&) {
  return AsStatus(tx.Execute(R"(
      insert into game_owners (license_id, game_id, user_id, revoke_time)
      values (:license_id, :game_id, :user_id, :revoke_time)
      on conflict (license_id) do update set revoke_time = excluded.revoke_time)",
                             event.license_id(), event.game_id(), event.user_id(),
                             event.revoke_time()));
}

absl::Status NotificationEvents::AnnounceVersion(Transaction& tx,
                                                 const catalog::v1::GameUpdated& event,
                                                 const EventInfo& info) {
  const auto& changed = event.changed_fields();
  if (std::find(changed.begin(), changed.end(), "version") == changed.end()) {
    return absl::OkStatus();
  }
  return StartFanout(tx, clock_.Now(), event, info.event_id);
}

}  // namespace playmesh::notification
