// Where the relay is in the outbox, and what comes next.
//
// Events go in the order of snapshots: first all that one snapshot sees, by their ids, then what
// the next one sees beyond it. So a row that commits late is not skipped, and does not hold up the
// others; and since whoever writes a second event of a key waits for the first to be committed, a
// key's events keep the order of their commits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/db/database.h"

namespace playmesh::events {

struct OutboxRow {
  int64_t outbox_id;
  std::string event_id, type, key, traceparent;
  std::string payload;
  absl::Time create_time;
};

// The one row of outbox_cursor.
struct OutboxCursor {
  std::string sent;     // pg_snapshot
  std::string reading;  // pg_snapshot
  int64_t outbox_id;

  // Whether there is more to read before a new snapshot is taken.
  bool open() const { return reading != sent; }
  bool operator==(const OutboxCursor&) const = default;
};

absl::StatusOr<OutboxCursor> LoadCursor(Transaction& tx);
absl::Status StoreCursor(Transaction& tx, const OutboxCursor& cursor);

// How much one read takes at most; a last payload may reach beyond the bytes.
struct ReadLimit {
  int rows = 1000;
  int64_t bytes = 4 << 20;
};

// The next rows, past which the cursor then stands; that is all for now unless it is still open.
absl::StatusOr<std::vector<OutboxRow>> ReadNext(Transaction& tx, OutboxCursor& cursor,
                                                const ReadLimit& limit);

}  // namespace playmesh::events
