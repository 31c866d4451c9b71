#include "services/analytics/date_range.h"

#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace playmesh::analytics {
namespace {

constexpr int kDefaultDays = 30;
constexpr int kMaxDays = 366;

absl::StatusOr<absl::CivilDay> ReadDay(absl::string_view field, absl::string_view text,
                                       absl::CivilDay fallback) {
  absl::CivilDay day = fallback;
  if (text.empty() || absl::ParseCivilTime(text, &day)) return day;
  return InvalidField(field, "is not a day of the calendar");
}

}  // namespace

absl::StatusOr<DateRange> ReadDateRange(absl::string_view start_date, absl::string_view end_date,
                                        absl::Time now) {
  const absl::CivilDay today = absl::ToCivilDay(now, absl::UTCTimeZone());
  DateRange range;
  ASSIGN_OR_RETURN(range.start, ReadDay("start_date", start_date, today - kDefaultDays));
  ASSIGN_OR_RETURN(range.end, ReadDay("end_date", end_date, today));
  if (range.start > range.end) return InvalidField("start_date", "is after end_date");
  if (range.end - range.start >= kMaxDays) {
    return InvalidField("start_date",
                        absl::StrCat("is more than ", kMaxDays, " days before end_date"));
  }
  return range;
}

}  // namespace playmesh::analytics
