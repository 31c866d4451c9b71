#include <utility>

#include "common/status/status.h"
#include "services/purchase/orders.h"
#include "services/purchase/purchase_service.h"

namespace playmesh::purchase {
namespace {

// Whether the cart holds an edition of the game.
bool HoldsGame(const Cart& cart, const std::string& game_id) {
  for (const CartItem& item : cart.items()) {
    if (item.game_id() == game_id) return true;
  }
  return false;
}

absl::Status CheckRoom(const Cart& cart, const catalog::Offer& offer) {
  if (cart.items().empty()) return absl::OkStatus();
  if (cart.items(0).price().currency_code() != offer.price().currency_code()) {
    return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_CURRENCY_MISMATCH,
                 "the cart holds items in another currency; order or remove them first");
  }
  if (cart.items_size() >= kMaxCartItems && !HoldsGame(cart, offer.game_id())) {
    return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_CART_FULL,
                 "the cart holds 50 items, as many as it may");
  }
  return absl::OkStatus();
}

}  // namespace

// Shows today's prices without accepting them for the buyer: only the PRICE_CHANGED of CreateOrder
// does that, so that a page which reads the cart in the background cannot.
absl::StatusOr<GetCartResponse> PurchaseService::GetCart(const Caller& caller,
                                                         const GetCartRequest& request) {
  ASSIGN_OR_RETURN(Cart cart,
                   db_.Transact([&](Transaction& tx) { return LoadCart(tx, caller.user_id); }));
  ASSIGN_OR_RETURN(const Offers offers, FetchOffers(cart));
  for (CartItem& item : *cart.mutable_items()) {
    auto offer = offers.find(item.edition_id());
    if (offer != offers.end()) *item.mutable_price() = offer->second.price();
  }
  SumUp(cart);
  GetCartResponse response;
  *response.mutable_cart() = std::move(cart);
  return response;
}

absl::StatusOr<AddCartItemResponse> PurchaseService::AddCartItem(
    const Caller& caller, const AddCartItemRequest& request) {
  ASSIGN_OR_RETURN(const Offers offers, FetchOffers({request.edition_id()}, request.currency_code(),
                                                    request.country_code()));
  if (offers.empty()) return absl::NotFoundError("this edition is not on sale in this currency");
  const catalog::Offer& offer = offers.begin()->second;
  ASSIGN_OR_RETURN(const bool owned, OwnsAny(caller.user_id, {offer.game_id()}));
  if (owned) return AlreadyOwned();

  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<AddCartItemResponse> {
    RETURN_IF_ERROR(CheckNotPurchased(tx, caller.user_id, {offer.game_id()}));
    RETURN_IF_ERROR(tx.Execute(R"(
        insert into carts (user_id, currency_code, country_code)
        values (:user_id, :currency_code, :country_code) on conflict do nothing)",
                               caller.user_id, request.currency_code(), request.country_code()));
    ASSIGN_OR_RETURN(const Cart cart, LockCart(tx, caller.user_id));
    RETURN_IF_ERROR(CheckRoom(cart, offer));
    RETURN_IF_ERROR(tx.Execute(R"(
        update carts set currency_code = :currency_code, country_code = :country_code
        where user_id = :user_id)",
                               request.currency_code(), request.country_code(), caller.user_id));
    RETURN_IF_ERROR(PutCartItem(tx, caller.user_id, offer));
    AddCartItemResponse response;
    ASSIGN_OR_RETURN(*response.mutable_cart(), LoadCart(tx, caller.user_id));
    return response;
  });
}

absl::StatusOr<RemoveCartItemResponse> PurchaseService::RemoveCartItem(
    const Caller& caller, const RemoveCartItemRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<RemoveCartItemResponse> {
    RETURN_IF_ERROR(LockCart(tx, caller.user_id));
    RETURN_IF_ERROR(tx.Execute(R"(
        delete from cart_items where user_id = :user_id and edition_id = :edition_id)",
                               caller.user_id, request.edition_id()));
    RemoveCartItemResponse response;
    ASSIGN_OR_RETURN(*response.mutable_cart(), LoadCart(tx, caller.user_id));
    return response;
  });
}

}  // namespace playmesh::purchase
