// The days of a report.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace playmesh::analytics {

// Days in UTC, both included.
struct DateRange {
  absl::CivilDay start;
  absl::CivilDay end;
};

// Reads `start_date` and `end_date` of a request, such as "2026-02-28". Empty ones are 30 days ago
// and today. INVALID_ARGUMENT (start_date, end_date) for days that no calendar has, a start after
// the end, and more than 366 days.
absl::StatusOr<DateRange> ReadDateRange(absl::string_view start_date, absl::string_view end_date,
                                        absl::Time now);

}  // namespace playmesh::analytics
