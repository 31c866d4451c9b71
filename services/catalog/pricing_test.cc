#include "services/catalog/pricing.h"

#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {

TEST_CASE("CheckPrices accepts a price for all countries beside those of countries") {
  CHECK(CheckPrices(
            MakePrices({MakePrice("EUR", 0), MakePrice("EUR", 500, "PL"), MakePrice("USD", 700)}))
            .ok());
  CHECK(CheckPrices({}).ok());
}

TEST_CASE("CheckPrices names every bad price by its path") {
  const absl::Status status =
      CheckPrices(MakePrices({MakePrice("EUR", -1), MakePrice("EUR", 2, "DE"), MakePrice("EUR", 3),
                              MakePrice("EUR", 3, "DE")}));
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(status.message() ==
        "prices[0].amount.units_minor: is less than 0; prices[2]: is a second price in EUR for all "
        "countries; "
        "prices[3]: is a second price in EUR for DE");
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
