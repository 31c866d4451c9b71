// The inbox and its live stream.
#pragma once

#include "common/base/clock.h"
#include "common/db/database.h"
#include "playmesh/notification/v1/notification_service.playmesh.h"
#include "services/notification/notification_hub.h"

namespace playmesh::notification {

class NotificationService : public v1::NotificationServiceBase {
 public:
  struct Deps {
    Database& db;
    const Clock& clock;
  };
  explicit NotificationService(const Deps& deps)
      : db_(deps.db), clock_(deps.clock), hub_(deps.db, deps.clock) {}

  absl::StatusOr<ListNotificationsResponse> ListNotifications(
      const Caller& caller, const ListNotificationsRequest& request) override;
  absl::StatusOr<MarkNotificationsReadResponse> MarkNotificationsRead(
      const Caller& caller, const MarkNotificationsReadRequest& request) override;
  absl::Status WatchNotifications(const Caller& caller, const WatchNotificationsRequest& request,
                                  rpc::ServerStream<WatchNotificationsResponse> stream) override;

 private:
  Database& db_;
  const Clock& clock_;
  NotificationHub hub_;
};

}  // namespace playmesh::notification
