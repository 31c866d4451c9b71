// Tells everybody who owns a game that it has a new version, a bounded number of owners in one
// transaction.
#pragma once

#include "common/base/clock.h"
#include "common/db/database.h"
#include "playmesh/catalog/v1/catalog_events.pb.h"

namespace playmesh::notification {

// How often replicas look for owners to tell.
inline constexpr absl::Duration kFanoutInterval = absl::Milliseconds(50);
// Owners in one statement.
inline constexpr int kFanoutSize = 10'000;

// Begins to tell of `event`. Once for each `event_id`.
absl::Status StartFanout(Transaction& tx, absl::Time now, const catalog::v1::GameUpdated& event,
                         const std::string& event_id);

// Tells the next owners of one update; false when no update is left. Several may run at the
// same time.
absl::StatusOr<bool> ContinueFanout(Database& db, const Clock& clock);

// Goes on until no update is left, or for a bounded number of statements.
absl::Status TellOwners(Database& db, const Clock& clock);

}  // namespace playmesh::notification
