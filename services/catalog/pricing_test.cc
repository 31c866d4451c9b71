#include "services/catalog/pricing.h"

#include <limits>

#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {

namespace {

absl::Status Check(const std::vector<Price>& prices) {
  Violations violations;
  CheckPrices(MakePrices(prices), violations);
  return violations.status();
}

}  // namespace

TEST_CASE("CheckPrices accepts a price for all countries beside those of countries") {
  CHECK(Check({MakePrice("EUR", 0), MakePrice("EUR", 500, "PL"), MakePrice("USD", 700)}).ok());
  CHECK(Check({}).ok());
}

TEST_CASE("CheckPrices names every bad price by its path") {
  const absl::Status status = Check({MakePrice("EUR", -1), MakePrice("EUR", 2, "DE"),
                                     MakePrice("EUR", 3), MakePrice("EUR", 3, "DE")});
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(status.message() ==
        "prices[0].amount.units_minor: is less than 0; prices[2]: is a second price in EUR for all "
        "countries; "
        "prices[3]: is a second price in EUR for DE");
}

TEST_CASE("CheckPrices accepts 10^12 minor units and no more") {
  CHECK(Check({MakePrice("IDR", 1'000'000'000'000)}).ok());
  for (const int64_t units : {int64_t{1'000'000'000'001}, std::numeric_limits<int64_t>::max()}) {
    CHECK(Check({MakePrice("EUR", 1), MakePrice("IDR", units)}).message() ==
          "prices[1].amount.units_minor: is more than 1000000000000");
  }
}

TEST_CASE("SamePrices compares amounts, currencies and countries, in whatever order they came") {
  const Prices prices =
      Sorted(MakePrices({MakePrice("USD", 7), MakePrice("EUR", 5, "DE"), MakePrice("EUR", 6)}));
  CHECK(prices[0].country_code().empty());
  CHECK(prices[1].country_code() == "DE");
  CHECK(prices[2].amount().currency_code() == "USD");
  CHECK(SamePrices(prices, Sorted(MakePrices({MakePrice("EUR", 6), MakePrice("USD", 7),
                                              MakePrice("EUR", 5, "DE")}))));
  CHECK_FALSE(SamePrices(prices, Sorted(MakePrices({MakePrice("EUR", 6), MakePrice("USD", 7),
                                                    MakePrice("EUR", 4, "DE")}))));
  CHECK_FALSE(SamePrices(prices, Sorted(MakePrices({MakePrice("EUR", 6), MakePrice("USD", 7),
                                                    MakePrice("EUR", 5, "AT")}))));
  CHECK_FALSE(SamePrices(prices, Sorted(MakePrices({MakePrice("EUR", 6), MakePrice("USD", 7)}))));
}

}  // namespace playmesh::catalog
