#include "services/notification/stream_rows.h"

#include <optional>
#include <tuple>

#include "common/base/clock.h"

namespace playmesh::notification {
namespace {

// The columns of the two queries below.
using Row =
    std::tuple<std::string, int64_t, int64_t, std::string, std::string, std::string, std::string,
               std::string, std::string, absl::Time, std::optional<absl::Time>>;

std::vector<Delivery> ToDeliveries(std::vector<Row> rows) {
  std::vector<Delivery> deliveries;
  deliveries.reserve(rows.size());
  for (auto& [user_id, txid, sequence, notification_id, kind_name, title, body, order_id, game_id,
              create_time, read_time] : rows) {
    Delivery& delivery = deliveries.emplace_back();
    delivery.user_id = std::move(user_id);
    delivery.cursor = {static_cast<uint64_t>(txid), sequence};
    delivery.message.set_cursor(FormatCursor(delivery.cursor));
    Notification& notification = *delivery.message.mutable_notification();
    notification.set_notification_id(std::move(notification_id));
    NotificationKind kind = NOTIFICATION_KIND_UNSPECIFIED;
    NotificationKind_Parse("NOTIFICATION_KIND_" + kind_name, &kind);
    notification.set_kind(kind);
    notification.set_title(std::move(title));
    notification.set_body(std::move(body));
    notification.set_order_id(std::move(order_id));
    notification.set_game_id(std::move(game_id));
    *notification.mutable_create_time() = ToTimestamp(create_time);
    if (read_time) *notification.mutable_read_time() = ToTimestamp(*read_time);
  }
  return deliveries;
}

}  // namespace

absl::StatusOr<Horizon> ReadHorizon(Database& db) {
  using Txids = std::tuple<int64_t, int64_t>;
  ASSIGN_OR_RETURN(const Txids txids, db.Transact([](Transaction& tx) {
    return tx.QueryOne<Txids>(R"(
        select pg_snapshot_xmin(snapshot), pg_snapshot_xmax(snapshot)
        from pg_current_snapshot() as snapshot)");
  }));
  const auto [oldest, next] = txids;
  return Horizon{{static_cast<uint64_t>(oldest), 0}, static_cast<uint64_t>(next)};
}

absl::StatusOr<std::vector<Delivery>> ReadSettled(Database& db, const Cursor& from, int limit) {
  ASSIGN_OR_RETURN(auto rows, db.Transact([&](Transaction& tx) {
    return tx.Query<Row>(R"(
        select user_id, txid, sequence, notification_id, upper(kind), title, body, order_id, game_id,
               create_time, read_time
        from notifications
        where (txid, sequence) > (:txid::xid8, :sequence)
          and txid < pg_snapshot_xmin(pg_current_snapshot())
        order by txid, sequence
        limit :limit)",
                         from.txid, from.sequence, limit);
  }));
  return ToDeliveries(std::move(rows));
}

absl::StatusOr<std::vector<Delivery>> ReadMissed(Database& db, const std::string& user_id,
                                                 const Cursor& from, const Cursor& to, int limit) {
  ASSIGN_OR_RETURN(auto rows, db.Transact([&](Transaction& tx) {
    return tx.Query<Row>(R"(
        select user_id, txid, sequence, notification_id, upper(kind), title, body, order_id, game_id,
               create_time, read_time
        from notifications
        where user_id = :user_id and (txid, sequence) > (:from_txid::xid8, :from_sequence)
          and (txid, sequence) <= (:to_txid::xid8, :to_sequence)
        order by txid, sequence
        limit :limit)",
                         user_id, from.txid, from.sequence, to.txid, to.sequence, limit);
  }));
  return ToDeliveries(std::move(rows));
}

}  // namespace playmesh::notification
