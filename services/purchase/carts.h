// Carts as rows.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/db/database.h"
#include "playmesh/catalog/v1/catalog_service.pb.h"
#include "playmesh/purchase/v1/purchase_service.pb.h"

namespace playmesh::purchase {

// Most items of a cart.
inline constexpr int kMaxCartItems = 50;

// What editions cost now, by edition_id. Those that are not on sale are not in it.
using Offers = absl::flat_hash_map<std::string, catalog::v1::Offer>;

// Sets the total of a cart to the sum of its items. There is none when there are no items, or when
// the sum does not fit, so that they can still be taken out.
void SumUp(v1::Cart& cart);

// A user's cart with the prices that the buyer knows of; empty when there is none.
absl::StatusOr<v1::Cart> LoadCart(Transaction& tx, const std::string& user_id);

// The same, and nobody else changes it until `tx` has ended.
absl::StatusOr<v1::Cart> LockCart(Transaction& tx, const std::string& user_id);

// Puts an edition into a locked cart, at its price, instead of another edition of its game.
absl::Status PutCartItem(Transaction& tx, const std::string& user_id,
                         const catalog::v1::Offer& offer);

// From now on, the buyer knows of the prices in `offers`.
absl::Status UpdateCartPrices(Transaction& tx, const std::string& user_id, const Offers& offers);

}  // namespace playmesh::purchase
