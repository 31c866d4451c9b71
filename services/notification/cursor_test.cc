#include "services/notification/cursor.h"

#include <catch2/catch.hpp>

namespace playmesh::notification {
namespace {

TEST_CASE("A cursor comes back as it was given") {
  for (const Cursor& cursor : {Cursor{0, 0}, Cursor{748, 12}, Cursor{UINT64_MAX, INT64_MAX}}) {
    auto parsed = ParseCursor(FormatCursor(cursor));
    REQUIRE(parsed.ok());
    CHECK(*parsed == cursor);
    CHECK(FormatCursor(cursor).size() <= 64);  // the request's limit
  }
}

TEST_CASE("A cursor that was not given is refused") {
  const std::string text =
      GENERATE("", "-", "1", "1-", "-1", "1--1", "1-2-3", " 1-2", "1-2 ", "+1-2", "01-2", "1-02",
               "a-b", "18446744073709551616-1", "1-9223372036854775808", "1-2\n", "1;drop");
  CAPTURE(text);
  CHECK(absl::IsInvalidArgument(ParseCursor(text).status()));
}

TEST_CASE("Cursors are ordered by transaction, then by row") {
  CHECK(Cursor{1, 9} < Cursor{2, 1});
  CHECK(Cursor{2, 1} < Cursor{2, 2});
}

}  // namespace
}  // namespace playmesh::notification
