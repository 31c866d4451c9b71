#include "services/analytics/date_range.h"

#include <catch2/catch.hpp>

#include "absl/strings/match.h"

namespace playmesh::analytics {
namespace {

// Two hours before midnight in UTC; in Asia the next day has begun.
const absl::Time kNow = absl::FromCivil(absl::CivilHour(2026, 3, 1, 22), absl::UTCTimeZone());

TEST_CASE("A range without dates is the last 30 days up to today in UTC") {
  auto range = ReadDateRange("", "", kNow);
  REQUIRE(range.ok());
  CHECK(absl::FormatCivilTime(range->start) == "2026-01-30");
  CHECK(absl::FormatCivilTime(range->end) == "2026-03-01");
}

TEST_CASE("A range takes the dates that it is given") {
  auto [start, end] = GENERATE(table<std::string, std::string>({
      {"2026-02-28", "2026-02-28"},  // one day
      {"2024-02-29", "2024-03-01"},  // a leap day
      {"2024-01-01", "2024-12-31"},  // 366 days
  }));
  auto range = ReadDateRange(start, end, kNow);
  REQUIRE(range.ok());
  CHECK(absl::FormatCivilTime(range->start) == start);
  CHECK(absl::FormatCivilTime(range->end) == end);
}

TEST_CASE("A range refuses what no report can show, and names the field") {
  auto [start, end, field] = GENERATE(table<std::string, std::string, std::string>({
      {"2026-02-30", "", "start_date"},
      {"2026-13-01", "", "start_date"},
      {"2025-02-29", "2025-03-01", "start_date"},
      {"", "2026-02-31", "end_date"},
      {"", "2026-00-10", "end_date"},
      {"2026-02-02", "2026-02-01", "start_date"},  // the wrong way round
      {"2024-12-31", "2026-01-01", "start_date"},  // 367 days
      {"2026-03-02", "", "start_date"},            // tomorrow
  }));
  CAPTURE(start, end);
  auto range = ReadDateRange(start, end, kNow);
  REQUIRE(absl::IsInvalidArgument(range.status()));
  CHECK(absl::StartsWith(range.status().message(), field));
}

}  // namespace
}  // namespace playmesh::analytics
