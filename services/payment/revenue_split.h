// Who gets what of a payment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace playmesh::payment {

inline constexpr int kBasisPoints = 10'000;  // the whole

// An organisation's part, in minor units; not negative.
struct Share {
  std::string organisation_id;
  int64_t units_minor;
};

struct RevenueSplit {
  int64_t platform_fee = 0;
  std::vector<Share> payable;
};

// Takes the platform's fee, in basis points from 0 to kBasisPoints, from each gross share. The fee
// is rounded down to a whole minor unit for each organisation, so a fraction goes to the
// organisation; fee and payable always sum to the gross.
RevenueSplit SplitRevenue(const std::vector<Share>& gross, int fee_basis_points);

}  // namespace playmesh::payment
