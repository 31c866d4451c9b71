// Rules for the prices of an edition.
#pragma once

#include <cstdint>

#include "common/status/status.h"
#include "playmesh/catalog/v1/catalog_service.playmesh.h"

namespace playmesh::catalog {

using Prices = google::protobuf::RepeatedPtrField<Price>;

// Most minor units of a price: more than any currency needs, and so little that nine million of
// them can be summed as int64 (carts, orders, the sales of a day). The tables say the same.
inline constexpr int64_t kMaxPriceUnitsMinor = 1'000'000'000'000;

// Adds, by path, every amount that is below zero or above kMaxPriceUnitsMinor, and every second
// price for the same currency and country.
void CheckPrices(const Prices& prices, Violations& violations);

// The same prices by currency, and within it the one for all countries first.
Prices Sorted(Prices prices);

// Whether two lists in the order of `Sorted` are the same.
bool SamePrices(const Prices& a, const Prices& b);

}  // namespace playmesh::catalog
