#include "services/payment/revenue_split.h"

#include <catch2/catch.hpp>
#include <limits>
#include <random>

namespace playmesh::payment {
namespace {

int64_t FeeOf(int64_t units_minor, int basis_points) {
  return SplitRevenue({{"a", units_minor}}, basis_points).platform_fee;
}

TEST_CASE("the fee is rounded down, so a fraction goes to the organisation") {
  CHECK(FeeOf(1999, 3000) == 599);  // 599.7
  CHECK(FeeOf(10'000, 3000) == 3000);
  CHECK(FeeOf(1, 3000) == 0);
  CHECK(FeeOf(3, 3333) == 0);
  CHECK(FeeOf(1999, 0) == 0);
  CHECK(FeeOf(1999, 10'000) == 1999);
  CHECK(FeeOf(0, 3000) == 0);
}

TEST_CASE("the fee of the largest amount does not overflow") {
  const int64_t most = std::numeric_limits<int64_t>::max();
  CHECK(FeeOf(most, 10'000) == most);
  CHECK(FeeOf(most, 3000) == 2767011611056432742);  // floor(0.3 * (2^63 - 1))
}

TEST_CASE("fee and payable sum to the gross, for each organisation and in all") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2'000; ++round) {
    const int fee_basis_points = std::uniform_int_distribution<int>(0, kBasisPoints)(random);
    const int exponent = std::uniform_int_distribution<int>(1, 12)(random);
    std::vector<Share> gross(std::uniform_int_distribution<int>(1, 20)(random));
    int64_t sum = 0;
    for (Share& share : gross) {
      share.units_minor = std::uniform_int_distribution<int64_t>(
          0, static_cast<int64_t>(std::pow(10, exponent)))(random);
      sum += share.units_minor;
    }
    const RevenueSplit split = SplitRevenue(gross, fee_basis_points);
    int64_t shared = split.platform_fee;
    REQUIRE(split.payable.size() == gross.size());
    for (size_t i = 0; i < gross.size(); ++i) {
      REQUIRE(split.payable[i].units_minor >= 0);
      REQUIRE(split.payable[i].units_minor <= gross[i].units_minor);
      // The exact fee, and less than one minor unit above what was taken.
      const int64_t fee = gross[i].units_minor - split.payable[i].units_minor;
      const __int128 exact = static_cast<__int128>(gross[i].units_minor) * fee_basis_points;
      REQUIRE(static_cast<__int128>(fee) * kBasisPoints <= exact);
      REQUIRE(exact < static_cast<__int128>(fee + 1) * kBasisPoints);
      shared += split.payable[i].units_minor;
    }
    REQUIRE(shared == sum);
  }
}

}  // namespace
}  // namespace playmesh::payment
