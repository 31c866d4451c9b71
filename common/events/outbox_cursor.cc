#include "common/events/outbox_cursor.h"

#include <optional>
#include <tuple>
#include <utility>

namespace playmesh::events {
namespace {

// Takes a new snapshot to read up to. False when it sees nothing that was not sent.
absl::StatusOr<bool> TakeSnapshot(Transaction& tx, OutboxCursor& cursor) {
  using Row = std::tuple<std::string, std::optional<int64_t>>;
  // Materialized, since the smallest id would otherwise be sought from the beginning of the outbox.
  ASSIGN_OR_RETURN(const Row next, tx.QueryOne<Row>(R"(
      with unsent as materialized (
        select outbox_id from outbox
        where txid >= pg_snapshot_xmin(:sent::pg_snapshot)
          and not pg_visible_in_snapshot(txid, :sent::pg_snapshot))
      select pg_current_snapshot(), min(outbox_id) from unsent)",
                                                    cursor.sent));
  const auto& [snapshot, first_id] = next;
  if (!first_id) return false;
  cursor.reading = snapshot;
  cursor.outbox_id = *first_id - 1;
  return true;
}

// Rows of the snapshot that is read; `cut` when there are more of them.
absl::StatusOr<std::vector<OutboxRow>> ReadSnapshot(Transaction& tx, const OutboxCursor& cursor,
                                                    const ReadLimit& limit, bool& cut) {
  using Row = std::tuple<int64_t, std::string, std::string, std::string, std::string,
                         std::optional<db::Blob>, absl::Time>;
  // The planner must not see the id: where its statistics know of no rows beyond it, it would sort
  // the whole backlog for each read, instead of walking along the index.
  ASSIGN_OR_RETURN(auto found, tx.Query<Row>(R"(
      select outbox_id, event_id, type, key, traceparent,
             case when sum(octet_length(payload)) over (order by outbox_id) - octet_length(payload)
                       < :bytes
                  then payload end,
             create_time
      from (select outbox_id, event_id, type, key, traceparent, payload, create_time
            from outbox
            where outbox_id > (select :outbox_id::bigint)
              and not pg_visible_in_snapshot(txid, :sent::pg_snapshot)
              and pg_visible_in_snapshot(txid, :reading::pg_snapshot)
            order by outbox_id
            limit :rows) as next
      order by outbox_id)",
                                             limit.bytes, cursor.outbox_id, cursor.sent,
                                             cursor.reading, limit.rows));
  cut = static_cast<int>(found.size()) == limit.rows;
  std::vector<OutboxRow> rows;
  rows.reserve(found.size());
  for (auto& [id, event_id, type, key, traceparent, payload, time] : found) {
    if (!payload) {
      cut = true;
      break;
    }
    rows.push_back({id, std::move(event_id), std::move(type), std::move(key),
                    std::move(traceparent), std::move(payload->data), time});
  }
  return rows;
}

}  // namespace

absl::StatusOr<OutboxCursor> LoadCursor(Transaction& tx) {
  using Row = std::tuple<std::string, std::string, int64_t>;
  ASSIGN_OR_RETURN(Row row, tx.QueryOne<Row>("select sent, reading, outbox_id from outbox_cursor"));
  return OutboxCursor{std::get<0>(row), std::get<1>(row), std::get<2>(row)};
}

absl::Status StoreCursor(Transaction& tx, const OutboxCursor& cursor) {
  return AsStatus(tx.Execute(R"(
      update outbox_cursor
      set sent = :sent::pg_snapshot, reading = :reading::pg_snapshot, outbox_id = :outbox_id)",
                             cursor.sent, cursor.reading, cursor.outbox_id));
}

absl::StatusOr<std::vector<OutboxRow>> ReadNext(Transaction& tx, OutboxCursor& cursor,
                                                const ReadLimit& limit) {
  while (true) {
    if (!cursor.open()) {
      ASSIGN_OR_RETURN(const bool any, TakeSnapshot(tx, cursor));
      if (!any) return std::vector<OutboxRow>();
    }
    bool cut = false;
    ASSIGN_OR_RETURN(std::vector<OutboxRow> rows, ReadSnapshot(tx, cursor, limit, cut));
    if (cut) {
      cursor.outbox_id = rows.back().outbox_id;
    } else {
      cursor.sent = cursor.reading;
    }
    // None are left of a snapshot that ended with the rows before.
    if (!rows.empty()) return rows;
  }
}

}  // namespace playmesh::events
