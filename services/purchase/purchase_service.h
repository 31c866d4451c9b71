// Carts, orders and refunds. The contract is protos/playmesh/purchase/v1.
//
// cart_rpcs.cc, order_rpcs.cc, checkout_rpcs.cc and refund_rpcs.cc have the handlers. What they ask
// other services comes before their transaction, and is checked against this database again within
// it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/db/database.h"
#include "playmesh/catalog/v1/catalog_service.playmesh.h"
#include "playmesh/library/v1/library_service.playmesh.h"
#include "playmesh/purchase/v1/purchase_service.playmesh.h"
#include "services/purchase/carts.h"
#include "services/purchase/order_saga.h"

namespace playmesh::purchase {

class PurchaseService : public v1::PurchaseServiceBase {
 public:
  struct Deps {
    Database& db;
    Clock& clock;
    OrderSaga& saga;
    catalog::CatalogServiceClient& catalog;
    library::LibraryServiceClient& library;
    absl::Duration order_lifetime;  // how long an order can be paid
  };
  explicit PurchaseService(Deps deps);

  absl::StatusOr<GetCartResponse> GetCart(const Caller& caller,
                                          const GetCartRequest& request) override;
  absl::StatusOr<AddCartItemResponse> AddCartItem(const Caller& caller,
                                                  const AddCartItemRequest& request) override;
  absl::StatusOr<RemoveCartItemResponse> RemoveCartItem(
      const Caller& caller, const RemoveCartItemRequest& request) override;
  absl::StatusOr<CreateOrderResponse> CreateOrder(const Caller& caller,
                                                  const CreateOrderRequest& request) override;
  absl::StatusOr<CheckoutOrderResponse> CheckoutOrder(const Caller& caller,
                                                      const CheckoutOrderRequest& request) override;
  absl::StatusOr<CancelOrderResponse> CancelOrder(const Caller& caller,
                                                  const CancelOrderRequest& request) override;
  absl::StatusOr<ClaimFreeGameResponse> ClaimFreeGame(const Caller& caller,
                                                      const ClaimFreeGameRequest& request) override;
  absl::StatusOr<GetOrderResponse> GetOrder(const Caller& caller,
                                            const GetOrderRequest& request) override;
  absl::StatusOr<ListOrdersResponse> ListOrders(const Caller& caller,
                                                const ListOrdersRequest& request) override;
  absl::StatusOr<RefundOrderResponse> RefundOrder(const Caller& caller,
                                                  const RefundOrderRequest& request) override;

 private:
  // Calls to catalog and library.
  absl::StatusOr<Offers> FetchOffers(const std::vector<std::string>& edition_ids,
                                     const std::string& currency_code,
                                     const std::string& country_code);
  absl::StatusOr<Offers> FetchOffers(const Cart& cart);
  absl::StatusOr<bool> OwnsAny(const std::string& user_id,
                               const std::vector<std::string>& game_ids);

  // CreateOrder, once the cart was `seen`, and offers and ownership of what is in it are known.
  absl::StatusOr<CreateOrderResponse> OrderCart(Transaction& tx, const std::string& user_id,
                                                const Cart& seen, const Offers& offers, bool owned);

  // The attempt that CheckoutOrder is to end before it begins one with another card: it waits for
  // the buyer, and `request` is new. Empty when there is none.
  absl::StatusOr<std::string> FindReplacedAttempt(const Caller& caller,
                                                  const CheckoutOrderRequest& request);

  // The order with which the caller has claimed the edition, if any.
  absl::StatusOr<std::optional<Order>> FindClaim(const std::string& user_id,
                                                 const std::string& edition_id);
  absl::StatusOr<Order> Claim(const std::string& user_id, const ClaimFreeGameRequest& request);

  // An order as it is now; NOT_FOUND also for orders of others.
  absl::StatusOr<Order> FindOrder(const Caller& caller, const std::string& order_id);
  // The same, after payment was asked about it. That payment does not answer is no error of the
  // call: Reconcile asks again.
  absl::StatusOr<Order> DriveAndFind(const Caller& caller, const std::string& order_id);

  Database& db_;
  Clock& clock_;
  OrderSaga& saga_;
  catalog::CatalogServiceClient& catalog_;
  library::LibraryServiceClient& library_;
  absl::Duration order_lifetime_;
};

}  // namespace playmesh::purchase
