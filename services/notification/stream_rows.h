// The table of notifications as streams read it: in the order of cursors, which no row joins late.
#pragma once

#include <string>
#include <vector>

#include "common/db/database.h"
#include "playmesh/notification/v1/notification_service.playmesh.h"
#include "services/notification/cursor.h"

namespace playmesh::notification {

// A notification on its way to the streams of a user.
struct Delivery {
  std::string user_id;
  Cursor cursor;
  WatchNotificationsResponse message;
};

// What the transactions under way say about the order.
struct Horizon {
  Cursor settled;      // nothing can join before here
  uint64_t next_txid;  // no transaction has this id yet
};
absl::StatusOr<Horizon> ReadHorizon(Database& db);

// Settled notifications of all users after `from`.
absl::StatusOr<std::vector<Delivery>> ReadSettled(Database& db, const Cursor& from, int limit);

// Those of one user after `from` up to `to`, which must be settled.
absl::StatusOr<std::vector<Delivery>> ReadMissed(Database& db, const std::string& user_id,
                                                 const Cursor& from, const Cursor& to, int limit);

}  // namespace playmesh::notification
