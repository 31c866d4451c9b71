// Sums of prices.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "playmesh/type/v1/money.pb.h"

namespace playmesh::purchase {

using type::v1::Money;

// Sum of the prices of `items`, of which there is at least one, all in one currency. OUT_OF_RANGE
// when it does not fit.
template <typename Items>
absl::StatusOr<Money> TotalOf(const Items& items) {
  Money total;
  int64_t sum = 0;
  for (const auto& item : items) {
    if (__builtin_add_overflow(sum, item.price().units_minor(), &sum)) {
      return absl::OutOfRangeError("this is more money than there is");
    }
    total.set_currency_code(item.price().currency_code());
  }
  total.set_units_minor(sum);
  return total;
}

}  // namespace playmesh::purchase
