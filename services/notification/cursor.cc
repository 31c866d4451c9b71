#include "services/notification/cursor.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/status.h"

namespace playmesh::notification {

std::string FormatCursor(const Cursor& cursor) {
  return absl::StrCat(cursor.txid, "-", cursor.sequence);
}

absl::StatusOr<Cursor> ParseCursor(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('-', 1));
  Cursor cursor;
  if (absl::SimpleAtoi(parts.first, &cursor.txid) &&
      absl::SimpleAtoi(parts.second, &cursor.sequence) && cursor.sequence >= 0 &&
      FormatCursor(cursor) == text) {
    return cursor;
  }
  return InvalidField("cursor", "is not one that this stream gave");
}

}  // namespace playmesh::notification
