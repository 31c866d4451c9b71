// Where a stream of notifications stands.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace playmesh::notification {

// The place of a notification in the order of the stream: by transaction, then by row.
struct Cursor {
  uint64_t txid = 0;
  int64_t sequence = 0;
  auto operator<=>(const Cursor&) const = default;
};

// As clients get it; they do not look inside.
std::string FormatCursor(const Cursor& cursor);

// INVALID_ARGUMENT (cursor) for what FormatCursor does not write.
absl::StatusOr<Cursor> ParseCursor(absl::string_view text);

}  // namespace playmesh::notification
