#include <google/protobuf/util/message_differencer.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/rpc/idempotency.h"
#include "common/rpc/pages.h"
#include "common/status/status.h"
#include "services/purchase/order_state.h"
#include "services/purchase/orders.h"
#include "services/purchase/purchase_service.h"

namespace playmesh::purchase {
namespace {

absl::Status PriceChanged() {
  return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_PRICE_CHANGED,
               "a price has changed; look at the cart, and order again to accept it");
}

// The offers of a cart's items, in their order. FAILED_PRECONDITION: NOT_ON_SALE, PRICE_CHANGED.
absl::StatusOr<std::vector<catalog::Offer>> AcceptedOffers(const Cart& cart, const Offers& offers) {
  std::vector<catalog::Offer> accepted;
  bool price_changed = false;
  for (const CartItem& item : cart.items()) {
    auto offer = offers.find(item.edition_id());
    if (offer == offers.end()) {
      return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_NOT_ON_SALE,
                   absl::StrCat(item.game_title(), " is no longer on sale; remove it to order"));
    }
    price_changed |= offer->second.price().units_minor() != item.price().units_minor();
    accepted.push_back(offer->second);
  }
  if (price_changed) return PriceChanged();
  return accepted;
}

}  // namespace

absl::StatusOr<CreateOrderResponse> PurchaseService::CreateOrder(
    const Caller& caller, const CreateOrderRequest& request) {
  const std::string& user_id = caller.user_id;
  ASSIGN_OR_RETURN(const Cart cart,
                   db_.Transact([&](Transaction& tx) { return LoadCart(tx, user_id); }));
  ASSIGN_OR_RETURN(const Offers offers, FetchOffers(cart));
  ASSIGN_OR_RETURN(const bool owned, OwnsAny(user_id, GameIds(cart.items())));

  auto response = db_.Transact([&](Transaction& tx) {
    return rpc::Idempotent<CreateOrderResponse>(
        tx, caller, request, [&] { return OrderCart(tx, user_id, cart, offers, owned); });
  });
  if (response.status() == PriceChanged()) {
    // Kept although the call fails: this answer is how the buyer learns of the prices.
    RETURN_IF_ERROR(
        db_.Transact([&](Transaction& tx) { return UpdateCartPrices(tx, user_id, offers); }));
  }
  return response;
}

absl::StatusOr<CreateOrderResponse> PurchaseService::OrderCart(Transaction& tx,
                                                               const std::string& user_id,
                                                               const Cart& seen,
                                                               const Offers& offers, bool owned) {
  ASSIGN_OR_RETURN(const Cart cart, LockCart(tx, user_id));
  if (cart.items().empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_CART_EMPTY,
                 "the cart is empty");
  }
  if (!google::protobuf::util::MessageDifferencer::Equals(cart, seen)) {
    return Error(absl::StatusCode::kAborted, ERROR_REASON_CART_CHANGED,
                 "the cart has changed meanwhile; look at it, and order again");
  }
  if (owned) return AlreadyOwned();
  RETURN_IF_ERROR(CheckNotPurchased(tx, user_id, GameIds(cart.items())));
  ASSIGN_OR_RETURN(const std::vector<catalog::Offer> accepted, AcceptedOffers(cart, offers));
  ASSIGN_OR_RETURN(const std::string order_id,
                   InsertOrder(tx, user_id, clock_.Now(), order_lifetime_, accepted));
  RETURN_IF_ERROR(tx.Execute("delete from cart_items where user_id = :user_id", user_id));
  CreateOrderResponse response;
  ASSIGN_OR_RETURN(*response.mutable_order(), LoadOrderOf(tx, user_id, order_id));
  return response;
}

absl::StatusOr<CancelOrderResponse> PurchaseService::CancelOrder(
    const Caller& caller, const CancelOrderRequest& request) {
  const auto lock = [&](Transaction& tx) {
    return LockOrderOf(tx, caller.user_id, request.order_id());
  };
  ASSIGN_OR_RETURN(const LockedOrder seen, db_.Transact(lock));
  if (seen.order.state() == ORDER_STATE_REQUIRES_ACTION) {
    RETURN_IF_ERROR(saga_.CancelAttempt(seen.payment_id));
  }
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<CancelOrderResponse> {
    ASSIGN_OR_RETURN(LockedOrder order, lock(tx));
    RETURN_IF_ERROR(CheckCancellable(order.order.state()));
    if (order.order.state() == ORDER_STATE_PENDING) RETURN_IF_ERROR(saga_.Cancel(tx, order));
    CancelOrderResponse response;
    *response.mutable_order() = std::move(order.order);
    return response;
  });
}

absl::StatusOr<GetOrderResponse> PurchaseService::GetOrder(const Caller& caller,
                                                           const GetOrderRequest& request) {
  GetOrderResponse response;
  ASSIGN_OR_RETURN(*response.mutable_order(), FindOrder(caller, request.order_id()));
  return response;
}

absl::StatusOr<ListOrdersResponse> PurchaseService::ListOrders(const Caller& caller,
                                                               const ListOrdersRequest& request) {
  ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadNewestFirst(request));
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<ListOrdersResponse> {
    ASSIGN_OR_RETURN(const std::vector<std::string> order_ids,
                     tx.Query<std::string>(R"(
        select order_id from orders where user_id = :user_id and order_id < :before
        order by order_id desc limit :limit)",
                                           caller.user_id, page.after[0], page.limit()));
    ASSIGN_OR_RETURN(std::vector<Order> orders, LoadOrders(tx, order_ids));
    ListOrdersResponse response;
    for (Order& order : orders) *response.add_orders() = std::move(order);
    response.set_next_page_token(
        rpc::FinishPage<Order>(request, page, *response.mutable_orders(),
                               [](const Order& order) { return rpc::PageKey{order.order_id()}; }));
    return response;
  });
}

}  // namespace playmesh::purchase
