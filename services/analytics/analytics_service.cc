#include "services/analytics/analytics_service.h"

#include "common/base/random.h"
#include "common/rpc/pages.h"
#include "services/analytics/date_range.h"

namespace playmesh::analytics {
namespace {

// The key below that of every entry.
constexpr char kFirstGameId[] = "00000000-0000-0000-0000-000000000000";

// A page of a list whose key is (first_part, currency code). `first` stands before all entries.
absl::StatusOr<rpc::Page> ReadTwoPartPage(const google::protobuf::Message& request,
                                          std::string first,
                                          bool (*is_first_part)(const std::string&)) {
  ASSIGN_OR_RETURN(rpc::Page page, rpc::ReadPage(request));
  if (page.first()) {
    page.after = {std::move(first), ""};
  } else if (page.after.size() != 2 || !is_first_part(page.after[0])) {
    return InvalidField("page_token", "is not of this list: start again without it");
  }
  return page;
}

bool IsGameId(const std::string& text) { return IsUuid(text); }

bool IsDay(const std::string& text) {
  absl::CivilDay day;
  return absl::ParseCivilTime(text, &day);
}

}  // namespace

absl::StatusOr<GetSalesReportResponse> AnalyticsService::GetSalesReport(
    const Caller& caller, const GetSalesReportRequest& request) {
  RETURN_IF_ERROR(caller.RequireMember(request.organisation_id()));
  ASSIGN_OR_RETURN(const DateRange range,
                   ReadDateRange(request.start_date(), request.end_date(), clock_.Now()));
  ASSIGN_OR_RETURN(const rpc::Page page, ReadTwoPartPage(request, kFirstGameId, &IsGameId));
  ASSIGN_OR_RETURN(auto figures, db_.Transact([&](Transaction& tx) {
    return tx.Query<SalesFigures>(R"(
        select game_id,
               (select game_title from sale_facts
                where sale_facts.game_id = sums.game_id and kind <> 'refund'
                order by fact_time desc limit 1) as game_title,
               sold_count, refunded_count, claimed_count,
               currency_code as "gross.currency_code", gross_minor as "gross.units_minor",
               currency_code as "refunded.currency_code", refunded_minor as "refunded.units_minor",
               currency_code as "net.currency_code",
               gross_minor - refunded_minor as "net.units_minor"
        from (
          select game_id, currency_code, sum(sold_count) as sold_count,
                 sum(refunded_count) as refunded_count, sum(claimed_count) as claimed_count,
                 sum(gross_minor) as gross_minor, sum(refunded_minor) as refunded_minor
          from daily_sales
          where organisation_id = :organisation_id and day between :start::date and :end::date
            and (game_id, currency_code) > (:after_game_id::uuid, :after_currency_code)
          group by game_id, currency_code
          order by game_id, currency_code
          limit :limit) as sums
        order by game_id, currency_code)",
                                  request.organisation_id(), absl::FormatCivilTime(range.start),
                                  absl::FormatCivilTime(range.end), page.after[0], page.after[1],
                                  page.limit());
  }));
  GetSalesReportResponse response;
  response.mutable_figures()->Assign(figures.begin(), figures.end());
  response.set_next_page_token(rpc::FinishPage<SalesFigures>(
      request, page, *response.mutable_figures(), [](const SalesFigures& last) {
        return rpc::PageKey{last.game_id(), last.gross().currency_code()};
      }));
  return response;
}

absl::StatusOr<ListDailySalesResponse> AnalyticsService::ListDailySales(
    const Caller& caller, const ListDailySalesRequest& request) {
  RETURN_IF_ERROR(caller.RequireMember(request.organisation_id()));
  ASSIGN_OR_RETURN(const DateRange range,
                   ReadDateRange(request.start_date(), request.end_date(), clock_.Now()));
  ASSIGN_OR_RETURN(const rpc::Page page,
                   ReadTwoPartPage(request, absl::FormatCivilTime(range.start), &IsDay));
  ASSIGN_OR_RETURN(auto days, db_.Transact([&](Transaction& tx) {
    return tx.Query<DailySales>(R"(
        select to_char(day, 'YYYY-MM-DD') as date,
               game_id as "figures.game_id",
               (select game_title from sale_facts
                where sale_facts.game_id = daily_sales.game_id and kind <> 'refund'
                order by fact_time desc limit 1) as "figures.game_title",
               sold_count as "figures.sold_count",
               refunded_count as "figures.refunded_count",
               claimed_count as "figures.claimed_count",
               currency_code as "figures.gross.currency_code",
               gross_minor as "figures.gross.units_minor",
               currency_code as "figures.refunded.currency_code",
               refunded_minor as "figures.refunded.units_minor",
               currency_code as "figures.net.currency_code",
               gross_minor - refunded_minor as "figures.net.units_minor"
        from daily_sales
        where organisation_id = :organisation_id and game_id = :game_id
          and (day, currency_code) > (:after_day::date, :after_currency_code)
          and day <= :end::date
        order by day, currency_code
        limit :limit)",
                                request.organisation_id(), request.game_id(), page.after[0],
                                page.after[1], absl::FormatCivilTime(range.end), page.limit());
  }));
  ListDailySalesResponse response;
  response.mutable_days()->Assign(days.begin(), days.end());
  response.set_next_page_token(rpc::FinishPage<DailySales>(
      request, page, *response.mutable_days(), [](const DailySales& last) {
        return rpc::PageKey{last.date(), last.figures().gross().currency_code()};
      }));
  return response;
}

}  // namespace playmesh::analytics
