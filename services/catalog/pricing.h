// Rules for the prices of an edition.
#pragma once

#include "absl/status/status.h"
#include "playmesh/catalog/v1/catalog_service.playmesh.h"

namespace playmesh::catalog {

using Prices = google::protobuf::RepeatedPtrField<Price>;

// INVALID_ARGUMENT, by path, for every amount below zero and every second price for the same
// currency and country.
absl::Status CheckPrices(const Prices& prices);

// The same prices by currency, and within it the one for all countries first.
Prices Sorted(Prices prices);

// Whether two lists in the order of `Sorted` are the same.
bool SamePrices(const Prices& a, const Prices& b);

}  // namespace playmesh::catalog
