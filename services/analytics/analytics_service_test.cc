#include "services/analytics/analytics_service.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/rpc/pages.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "services/analytics/analytics_events.h"
#include "services/analytics/sales_rollup.h"

namespace playmesh::analytics {
namespace {

using purchase::v1::PurchaseCompleted;
using purchase::v1::PurchaseRefunded;

// An organisation with a game, and everything that turns events into its figures.
struct AnalyticsTest {
  AnalyticsTest() { events.Register(consumer); }

  // One order of one item of `game_id`.
  PurchaseCompleted Order(const std::string& game, int64_t units_minor,
                          const std::string& currency_code = "EUR") {
    PurchaseCompleted event;
    event.set_order_id(NewId());
    event.set_user_id(NewId());
    AddItem(event, game, units_minor, currency_code);
    *event.mutable_complete_time() = ToTimestamp(clock.Now());
    return event;
  }

  void AddItem(PurchaseCompleted& event, const std::string& game, int64_t units_minor,
               const std::string& currency_code = "EUR") {
    auto& item = *event.add_items();
    item.set_edition_id(NewId());
    item.set_game_id(game);
    item.set_organisation_id(organisation_id);
    item.set_game_title(title);
    item.mutable_price()->set_currency_code(currency_code);
    item.mutable_price()->set_units_minor(units_minor);
  }

  PurchaseRefunded Refund(const PurchaseCompleted& order) {
    PurchaseRefunded event;
    event.set_order_id(order.order_id());
    event.set_user_id(order.user_id());
    *event.mutable_items() = order.items();
    *event.mutable_complete_time() = order.complete_time();
    *event.mutable_refund_time() = ToTimestamp(clock.Now());
    return event;
  }

  template <typename Event>
  absl::Status Deliver(const Event& event, const std::string& event_id) {
    const EventInfo info{event_id,         "/playmesh/purchase", Event::descriptor()->full_name(),
                         event.order_id(), clock.Now(),          ""};
    return consumer.Deliver(info, event.SerializeAsString());
  }

  template <typename Event>
  void Happen(const Event& event) {
    REQUIRE(Deliver(event, NewId()).ok());
  }

  // Until the sums hold all facts: they wait for older transactions, also those of other databases
  // on the server.
  void RollUp() {
    REQUIRE(testing::Eventually([&] {
      const auto waiting = database.Query<int64_t>(R"(
          select count(*) from sale_facts
          where (txid, fact_id) > (select txid, fact_id from rollup_cursor))");
      return RollUpSales(database.db()).ok() && waiting.at(0) == 0;
    }));
  }

  std::vector<SalesFigures> Report(const std::string& start_date = "",
                                   const std::string& end_date = "") {
    RollUp();
    GetSalesReportRequest request;
    request.set_organisation_id(organisation_id);
    request.set_start_date(start_date);
    request.set_end_date(end_date);
    auto response = service.GetSalesReport(member, request);
    REQUIRE(response.ok());
    return {response->figures().begin(), response->figures().end()};
  }

  std::string NewId() { return NewUuid(clock.Now()); }
  std::string Today() {
    return absl::FormatCivilTime(absl::ToCivilDay(clock.Now(), absl::UTCTimeZone()));
  }

  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  AnalyticsService service{{database.db(), clock}};
  AnalyticsEvents events;
  Consumer consumer{database.db(), {}};
  const std::string organisation_id = NewId();
  const std::string game_id = NewId();
  std::string title = "SuperTux";
  const Caller member = testing::UserCaller(NewId(), {}, {organisation_id});
};

TEST_CASE_METHOD(AnalyticsTest, "GetSalesReport sums what was sold, refunded and claimed") {
  const PurchaseCompleted returned = Order(game_id, 1999);
  Happen(returned);
  Happen(Order(game_id, 999));
  Happen(Order(game_id, 0));
  Happen(Refund(returned));

  const auto report = Report();
  REQUIRE(report.size() == 1);
  const SalesFigures& figures = report[0];
  CHECK(figures.game_id() == game_id);
  CHECK(figures.game_title() == "SuperTux");
  CHECK(figures.sold_count() == 2);
  CHECK(figures.refunded_count() == 1);
  CHECK(figures.claimed_count() == 1);
  CHECK(figures.gross().units_minor() == 2998);
  CHECK(figures.refunded().units_minor() == 1999);
  CHECK(figures.net().units_minor() == 999);
  CHECK(figures.net().currency_code() == "EUR");
}

TEST_CASE_METHOD(AnalyticsTest, "A free item of a paid order is a claim") {
  const std::string free_game_id = NewId();
  PurchaseCompleted order = Order(game_id, 1999);
  AddItem(order, free_game_id, 0);
  Happen(order);
  Happen(Refund(order));

  const auto report = Report();
  REQUIRE(report.size() == 2);
  CHECK(report[0].sold_count() == 1);
  CHECK(report[0].refunded_count() == 1);
  CHECK(report[1].claimed_count() == 1);
  CHECK(report[1].refunded_count() == 0);
}

TEST_CASE_METHOD(AnalyticsTest, "Events that come again change nothing") {
  const PurchaseCompleted order = Order(game_id, 1999);
  const PurchaseRefunded refund = Refund(order);
  const std::string order_event = NewId();
  const std::string refund_event = NewId();
  for (int delivery = 0; delivery < 3; ++delivery) {
    REQUIRE(Deliver(order, order_event).ok());    // the same event
    REQUIRE(Deliver(refund, refund_event).ok());  //
    Happen(order);                                // published twice
    Happen(refund);
    const auto report = Report();
    REQUIRE(report.size() == 1);
    CHECK(report[0].sold_count() == 1);
    CHECK(report[0].refunded_count() == 1);
    CHECK(report[0].gross().units_minor() == 1999);
    CHECK(report[0].net().units_minor() == 0);
  }
}

TEST_CASE_METHOD(AnalyticsTest, "A refund that overtakes its sale gives the same figures") {
  const PurchaseCompleted order = Order(game_id, 1999);
  Happen(Refund(order));
  const auto before = Report();
  REQUIRE(before.size() == 1);
  CHECK(before[0].refunded_count() == 1);
  CHECK(before[0].net().units_minor() == -1999);
  CHECK(before[0].game_title().empty());

  Happen(order);
  const auto after = Report();
  CHECK(after[0].sold_count() == 1);
  CHECK(after[0].net().units_minor() == 0);
}

TEST_CASE_METHOD(AnalyticsTest, "A refund counts on its own day, so past days never change") {
  const std::string sale_day = Today();
  const PurchaseCompleted order = Order(game_id, 1999);
  Happen(order);
  clock.Advance(absl::Hours(48));
  Happen(Refund(order));

  const auto then = Report(sale_day, sale_day);
  REQUIRE(then.size() == 1);
  CHECK(then[0].sold_count() == 1);
  CHECK(then[0].refunded_count() == 0);
  const auto now = Report(Today(), Today());
  REQUIRE(now.size() == 1);
  CHECK(now[0].sold_count() == 0);
  CHECK(now[0].refunded_count() == 1);
  CHECK(now[0].net().units_minor() == -1999);
  CHECK(Report()[0].net().units_minor() == 0);
}

TEST_CASE_METHOD(AnalyticsTest, "A game is shown with its title at the latest sale") {
  const PurchaseCompleted old = Order(game_id, 1999);
  Happen(old);
  clock.Advance(absl::Seconds(1));
  title = "SuperTux 2";
  Happen(Order(game_id, 1999));
  clock.Advance(absl::Seconds(1));
  Happen(Refund(old));
  CHECK(Report()[0].game_title() == "SuperTux 2");
}

TEST_CASE_METHOD(AnalyticsTest, "A day is a day in UTC") {
  const auto at = [&](int day, int hour, int minute) {
    PurchaseCompleted order = Order(game_id, 100);
    *order.mutable_complete_time() = ToTimestamp(
        absl::FromCivil(absl::CivilMinute(2026, 2, day, hour, minute), absl::UTCTimeZone()));
    return order;
  };
  Happen(at(27, 23, 59));
  Happen(at(28, 0, 0));
  Happen(at(28, 23, 59));
  CHECK(Report("2026-02-27", "2026-02-27")[0].sold_count() == 1);
  CHECK(Report("2026-02-28", "2026-02-28")[0].sold_count() == 2);
  CHECK(Report("2026-03-01", "2026-03-01").empty());
}

TEST_CASE_METHOD(AnalyticsTest, "Figures are for members of the organisation only") {
  const Caller stranger = testing::UserCaller(NewId(), {}, {NewId()});
  GetSalesReportRequest report;
  report.set_organisation_id(organisation_id);
  auto refused = service.GetSalesReport(stranger, report);
  CHECK(absl::IsPermissionDenied(refused.status()));
  CHECK(ReasonOf(refused.status()) == "NOT_A_MEMBER");

  ListDailySalesRequest days;
  days.set_organisation_id(organisation_id);
  days.set_game_id(game_id);
  CHECK(ReasonOf(service.ListDailySales(stranger, days).status()) == "NOT_A_MEMBER");

  // A member of another organisation that names this game sees nothing of it.
  Happen(Order(game_id, 1999));
  RollUp();
  days.set_organisation_id(stranger.organisations.begin()->first);
  auto nothing = service.ListDailySales(stranger, days);
  REQUIRE(nothing.ok());
  CHECK(nothing->days().empty());
}

TEST_CASE_METHOD(AnalyticsTest, "Dates that no calendar has are refused by both calls") {
  GetSalesReportRequest report;
  report.set_organisation_id(organisation_id);
  report.set_start_date("2026-02-30");
  CHECK(absl::IsInvalidArgument(service.GetSalesReport(member, report).status()));
  ListDailySalesRequest days;
  days.set_organisation_id(organisation_id);
  days.set_game_id(game_id);
  days.set_end_date("2026-02-30");
  CHECK(absl::IsInvalidArgument(service.ListDailySales(member, days).status()));
}

TEST_CASE_METHOD(AnalyticsTest, "GetSalesReport pages by game and currency") {
  const std::vector<std::string> games = {NewId(), NewId(), NewId()};
  for (const std::string& game : games) {
    for (const char* currency : {"EUR", "JPY", "USD"}) Happen(Order(game, 500, currency));
  }
  RollUp();
  GetSalesReportRequest request;
  request.set_organisation_id(organisation_id);
  request.set_page_size(2);
  std::vector<std::string> seen;
  do {
    auto page = service.GetSalesReport(member, request);
    REQUIRE(page.ok());
    CHECK(page->figures_size() <= 2);
    for (const auto& figures : page->figures()) {
      seen.push_back(absl::StrCat(figures.game_id(), figures.gross().currency_code()));
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  CHECK(seen.size() == 9);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

TEST_CASE_METHOD(AnalyticsTest, "ListDailySales pages by day and currency, oldest first") {
  for (int day = 0; day < 5; ++day) {
    Happen(Order(game_id, 500, "USD"));
    Happen(Order(game_id, 500, "EUR"));
    Happen(Order(game_id, 700, "EUR"));
    Happen(Order(NewId(), 500, "EUR"));  // another game
    clock.Advance(absl::Hours(24));
  }
  RollUp();
  ListDailySalesRequest request;
  request.set_organisation_id(organisation_id);
  request.set_game_id(game_id);
  request.set_page_size(3);
  std::vector<std::string> seen;
  do {
    auto page = service.ListDailySales(member, request);
    REQUIRE(page.ok());
    for (const DailySales& day : page->days()) {
      const SalesFigures& figures = day.figures();
      CHECK(figures.game_title() == "SuperTux");
      const bool euros = figures.gross().currency_code() == "EUR";
      CHECK(figures.sold_count() == (euros ? 2 : 1));
      CHECK(figures.gross().units_minor() == (euros ? 1200 : 500));
      seen.push_back(absl::StrCat(day.date(), figures.gross().currency_code()));
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  CHECK(seen.size() == 10);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

TEST_CASE_METHOD(AnalyticsTest, "A page token that was made up is refused") {
  GetSalesReportRequest report;
  report.set_organisation_id(organisation_id);
  ListDailySalesRequest days;
  days.set_organisation_id(organisation_id);
  days.set_game_id(game_id);
  for (const rpc::PageKey& key : {rpc::PageKey{"x"}, rpc::PageKey{"x", "EUR"}}) {
    report.set_page_token(rpc::PageToken(report, key));
    CHECK(absl::IsInvalidArgument(service.GetSalesReport(member, report).status()));
    days.set_page_token(rpc::PageToken(days, key));
    CHECK(absl::IsInvalidArgument(service.ListDailySales(member, days).status()));
  }
}

TEST_CASE_METHOD(AnalyticsTest, "Sums of the highest prices are exact") {
  constexpr int64_t kHighest = 1'000'000'000'000;
  for (int i = 0; i < 3; ++i) Happen(Order(game_id, kHighest));
  CHECK(Report()[0].gross().units_minor() == 3 * kHighest);
}

TEST_CASE_METHOD(AnalyticsTest, "A sale at an impossible price is refused, others are counted") {
  for (const int64_t units : {int64_t{1'000'000'000'001}, std::numeric_limits<int64_t>::max()}) {
    const absl::Status status = Deliver(Order(game_id, units), NewId());
    CHECK(absl::IsFailedPrecondition(status));  // so it becomes a dead letter
  }
  Happen(Order(game_id, 1999));
  CHECK(Report()[0].sold_count() == 1);
  CHECK(Report()[0].gross().units_minor() == 1999);
}

TEST_CASE_METHOD(AnalyticsTest, "A fact that commits late is not skipped") {
  Happen(Order(game_id, 100));
  REQUIRE(database.db()
              .Transact([&](Transaction& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.Execute(R"(
                    insert into sale_facts (order_id, edition_id, kind, organisation_id, game_id,
                                            game_title, currency_code, units_minor, fact_time)
                    select gen_random_uuid(), edition_id, kind, organisation_id, game_id,
                           game_title, currency_code, units_minor, fact_time
                    from sale_facts)"));
                Happen(Order(game_id, 100));  // in a later transaction, which commits first
                return RollUpSales(database.db());
              })
              .ok());
  CHECK(Report()[0].sold_count() == 3);
}

TEST_CASE_METHOD(AnalyticsTest, "Sums are those of the facts while many write and roll up") {
  const int threads = GENERATE(2, 8, 64);
  constexpr int kOrdersEach = 40;
  const std::vector<std::string> games = {NewId(), NewId(), NewId()};
  std::vector<std::thread> writers;
  writers.reserve(threads);
  std::atomic<int> writing = threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < threads; ++i) {
    writers.emplace_back([&, i] {
      for (int j = 0; j < kOrdersEach; ++j) {
        PurchaseCompleted order = Order(games[(i + j) % 3], 100 + j);
        AddItem(order, games[(i + j + 1) % 3], j % 4);
        if (!Deliver(order, NewId()).ok()) ++failures;
        if (j % 5 == 0 && !Deliver(Refund(order), NewId()).ok()) ++failures;
      }
      --writing;
    });
  }
  std::vector<std::thread> rollups;
  rollups.reserve(2);
  for (int i = 0; i < 2; ++i) {
    rollups.emplace_back([&] {
      while (writing > 0) {
        if (!RollUpSales(database.db()).ok()) ++failures;
      }
    });
  }
  for (auto& thread : writers) thread.join();
  for (auto& thread : rollups) thread.join();
  REQUIRE(failures == 0);
  RollUp();

  using Sums = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>;
  const auto rolled_up = database.Query<Sums>(R"(
      select sum(sold_count), sum(claimed_count), sum(refunded_count), sum(gross_minor),
             sum(refunded_minor) from daily_sales)");
  const auto facts = database.Query<Sums>(R"(
      select count(*) filter (where kind = 'sale'), count(*) filter (where kind = 'claim'),
             count(*) filter (where kind = 'refund'),
             sum(units_minor) filter (where kind = 'sale'),
             sum(units_minor) filter (where kind = 'refund') from sale_facts)");
  REQUIRE(rolled_up.size() == 1);
  CHECK(rolled_up == facts);
  CHECK(std::get<0>(facts[0]) + std::get<1>(facts[0]) == threads * kOrdersEach * 2);
}

}  // namespace
}  // namespace playmesh::analytics
