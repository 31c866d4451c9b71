#include "services/analytics/sales_rollup.h"

namespace playmesh::analytics {
namespace {

// Facts in one transaction.
constexpr int kBatchSize = 5'000;

}  // namespace

absl::Status RollUpSales(Database& db) {
  int64_t count = kBatchSize;
  while (count == kBatchSize) {
    // Runs beside each other take different facts, and lock the sums in the same order.
    ASSIGN_OR_RETURN(count, db.Transact([](Transaction& tx) {
      return tx.QueryOne<int64_t>(R"(
          with due as materialized (
            select order_id, edition_id, kind from sale_facts
            where not rolled_up limit :limit for update skip locked
          ), fresh as (
            update sale_facts set rolled_up = true from due
            where sale_facts.order_id = due.order_id and sale_facts.edition_id = due.edition_id
              and sale_facts.kind = due.kind
            returning organisation_id, game_id, (fact_time at time zone 'UTC')::date as day,
                      currency_code, sale_facts.kind, units_minor
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
            order by organisation_id, game_id, day, currency_code
            on conflict (organisation_id, game_id, day, currency_code) do update set
              sold_count = old.sold_count + excluded.sold_count,
              claimed_count = old.claimed_count + excluded.claimed_count,
              refunded_count = old.refunded_count + excluded.refunded_count,
              gross_minor = old.gross_minor + excluded.gross_minor,
              refunded_minor = old.refunded_minor + excluded.refunded_minor
          )
          select count(*) from fresh)",
                                  kBatchSize);
    }));
  }
  return absl::OkStatus();
}

}  // namespace playmesh::analytics
