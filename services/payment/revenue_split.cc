#include "services/payment/revenue_split.h"

namespace playmesh::payment {

RevenueSplit SplitRevenue(const std::vector<Share>& gross, int fee_basis_points) {
  RevenueSplit split;
  for (const Share& share : gross) {
    // In two parts, since the product of an amount and basis points may not fit 64 bits.
    const int64_t whole = share.units_minor / kBasisPoints;
    const int64_t rest = share.units_minor % kBasisPoints;
    const int64_t fee = whole * fee_basis_points + rest * fee_basis_points / kBasisPoints;
    split.platform_fee += fee;
    split.payable.push_back({share.organisation_id, share.units_minor - fee});
  }
  return split;
}

}  // namespace playmesh::payment
