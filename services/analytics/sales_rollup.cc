#include "services/analytics/sales_rollup.h"

#include <optional>
#include <string>
#include <tuple>

namespace playmesh::analytics {
namespace {

// Facts in one transaction, and transactions in one run.
constexpr int kBatchSize = 5'000;
constexpr int kMaxBatches = 50;

// How many facts were added.
absl::StatusOr<int64_t> RollUpBatch(Transaction& tx) {
  using Cursor = std::tuple<std::string, int64_t>;
  ASSIGN_OR_RETURN(
      const std::optional<Cursor> cursor,
      tx.QueryMaybe<Cursor>("select txid, fact_id from rollup_cursor for update skip locked"));
  if (!cursor) return 0;
  return tx.QueryOne<int64_t>(R"(
      with fresh as (
        select txid, fact_id, organisation_id, game_id, (fact_time at time zone 'UTC')::date as day,
               currency_code, kind, units_minor
        from sale_facts
        where (txid, fact_id) > (:txid::xid8, :fact_id)
          and txid < pg_snapshot_xmin(pg_current_snapshot())
        order by txid, fact_id
        limit :limit
      ), sums as (
        insert into daily_sales as old (organisation_id, game_id, day, currency_code,
            sold_count, claimed_count, refunded_count, gross_minor, refunded_minor)
        select organisation_id, game_id, day, currency_code,
               count(*) filter (where kind = 'sale'),
               count(*) filter (where kind = 'claim'),
               count(*) filter (where kind = 'refund'),
               coalesce(sum(units_minor) filter (where kind = 'sale'), 0),
               coalesce(sum(units_minor) filter (where kind = 'refund'), 0)
        from fresh
        group by organisation_id, game_id, day, currency_code
        on conflict (organisation_id, game_id, day, currency_code) do update set
          sold_count = old.sold_count + excluded.sold_count,
          claimed_count = old.claimed_count + excluded.claimed_count,
          refunded_count = old.refunded_count + excluded.refunded_count,
          gross_minor = old.gross_minor + excluded.gross_minor,
          refunded_minor = old.refunded_minor + excluded.refunded_minor
      ), moved as (
        update rollup_cursor set txid = last.txid, fact_id = last.fact_id
        from (select txid, fact_id from fresh order by txid desc, fact_id desc limit 1) as last
      )
      select count(*) from fresh)",
                              std::get<0>(*cursor), std::get<1>(*cursor), kBatchSize);
}

}  // namespace

absl::Status RollUpSales(Database& db) {
  int64_t count = kBatchSize;
  for (int batch = 0; count == kBatchSize && batch < kMaxBatches; ++batch) {
    ASSIGN_OR_RETURN(count, db.Transact(RollUpBatch));
  }
  return absl::OkStatus();
}

}  // namespace playmesh::analytics
