// Orders as rows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/db/database.h"
#include "playmesh/catalog/v1/catalog_service.pb.h"
#include "playmesh/purchase/v1/purchase_service.pb.h"

namespace playmesh::purchase {

// An order that nobody else changes until the transaction has ended.
struct LockedOrder {
  std::string user_id;
  std::string payment_id;  // the latest attempt to pay; empty before the first
  v1::Order order;
};

// NOT_FOUND.
absl::StatusOr<LockedOrder> LockOrder(Transaction& tx, const std::string& order_id);

// NOT_FOUND also for orders of others.
absl::StatusOr<LockedOrder> LockOrderOf(Transaction& tx, const std::string& user_id,
                                        const std::string& order_id);
absl::StatusOr<v1::Order> LoadOrderOf(Transaction& tx, const std::string& user_id,
                                      const std::string& order_id);

// Those orders that exist, latest first.
absl::StatusOr<std::vector<v1::Order>> LoadOrders(Transaction& tx,
                                                  const std::vector<std::string>& order_ids);

// Makes an order of `offers`, of which there is at least one, all in one currency, that can be paid
// for `lifetime`, and returns its id. `claimed_edition_id` says that it claims a free edition;
// ALREADY_EXISTS when one of the user's orders does.
absl::StatusOr<std::string> InsertOrder(Transaction& tx, const std::string& user_id, absl::Time now,
                                        absl::Duration lifetime,
                                        const std::vector<catalog::v1::Offer>& offers,
                                        const std::optional<std::string>& claimed_edition_id = {});

// FAILED_PRECONDITION (ALREADY_OWNED).
absl::Status AlreadyOwned();

// AlreadyOwned() when the user has bought, or is paying for, one of the games.
absl::Status CheckNotPurchased(Transaction& tx, const std::string& user_id,
                               const std::vector<std::string>& game_ids);

// The games of items of any kind.
template <typename Items>
std::vector<std::string> GameIds(const Items& items) {
  std::vector<std::string> ids;
  for (const auto& item : items) ids.push_back(item.game_id());
  return ids;
}

}  // namespace playmesh::purchase
