#include "services/notification/notification_service.h"

#include <optional>

#include "common/base/random.h"
#include "common/rpc/pages.h"

namespace playmesh::notification {
namespace {

constexpr int kMaxUnreadCount = 1'000;

absl::StatusOr<int32_t> CountUnread(Transaction& tx, const std::string& user_id) {
  return tx.QueryOne<int32_t>(R"(
      select count(*) from (
        select from notifications where user_id = :user_id and read_time is null limit :limit
      ) as unread)",
                              user_id, kMaxUnreadCount);
}

}  // namespace

absl::StatusOr<ListNotificationsResponse> NotificationService::ListNotifications(
    const Caller& caller, const ListNotificationsRequest& request) {
  ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadNewestFirst(request));
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<ListNotificationsResponse> {
    ASSIGN_OR_RETURN(
        auto notifications,
        tx.Query<Notification>(R"(
        select notification_id, kind, title, body, order_id, game_id, create_time, read_time
        from notifications
        where user_id = :user_id and notification_id < :before
          and (read_time is null or not :unread_only)
        order by notification_id desc
        limit :limit)",
                               caller.user_id, page.after[0], request.unread_only(), page.limit()));
    ListNotificationsResponse response;
    response.mutable_notifications()->Assign(notifications.begin(), notifications.end());
    response.set_next_page_token(rpc::FinishPage<Notification>(
        request, page, *response.mutable_notifications(),
        [](const Notification& last) { return rpc::PageKey{last.notification_id()}; }));
    ASSIGN_OR_RETURN(const int32_t unread, CountUnread(tx, caller.user_id));
    response.set_unread_count(unread);
    return response;
  });
}

absl::StatusOr<MarkNotificationsReadResponse> NotificationService::MarkNotificationsRead(
    const Caller& caller, const MarkNotificationsReadRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<MarkNotificationsReadResponse> {
    RETURN_IF_ERROR(tx.Execute(R"(
        update notifications set read_time = :now
        where user_id = :user_id and notification_id = any(:notification_ids::uuid[])
          and read_time is null)",
                               clock_.Now(), caller.user_id, request.notification_ids()));
    MarkNotificationsReadResponse response;
    ASSIGN_OR_RETURN(const int32_t unread, CountUnread(tx, caller.user_id));
    response.set_unread_count(unread);
    return response;
  });
}

absl::Status NotificationService::WatchNotifications(
    const Caller& caller, const WatchNotificationsRequest& request,
    rpc::ServerStream<WatchNotificationsResponse> stream) {
  std::optional<Cursor> cursor;
  if (!request.cursor().empty()) {
    ASSIGN_OR_RETURN(cursor, ParseCursor(request.cursor()));
  }
  return hub_.Open(caller.user_id, cursor, std::move(stream));
}

}  // namespace playmesh::notification
