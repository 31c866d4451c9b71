#include <utility>

#include "common/rpc/idempotency.h"
#include "common/status/status.h"
#include "services/purchase/card_number.h"
#include "services/purchase/order_state.h"
#include "services/purchase/orders.h"
#include "services/purchase/purchase_service.h"

namespace playmesh::purchase {

absl::StatusOr<CheckoutOrderResponse> PurchaseService::CheckoutOrder(
    const Caller& caller, const CheckoutOrderRequest& request) {
  const std::string& token = request.payment_method_token();
  if (HoldsCardNumber(token)) {
    return InvalidField("payment_method_token", "must be the provider's token, not a card number");
  }
  ASSIGN_OR_RETURN(const Order seen, FindOrder(caller, request.order_id()));
  std::string replaced;
  if (seen.state() == ORDER_STATE_REQUIRES_ACTION) {
    ASSIGN_OR_RETURN(replaced, FindReplacedAttempt(caller, request));
  }
  const bool may_start = seen.state() == ORDER_STATE_PENDING || !replaced.empty();
  bool owned = false;
  if (may_start) {
    ASSIGN_OR_RETURN(owned, OwnsAny(caller.user_id, GameIds(seen.items())));
  }
  if (!replaced.empty()) RETURN_IF_ERROR(saga_.CancelAttempt(replaced));

  bool started = false;
  const auto start = [&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(LockedOrder order, LockOrderOf(tx, caller.user_id, request.order_id()));
    RETURN_IF_ERROR(CheckPayable(order.order, clock_.Now()));
    // What was under way or done when the call came is answered with its state, also when it has
    // failed since.
    if (!may_start || order.order.state() != ORDER_STATE_PENDING) return absl::OkStatus();
    if (owned) return AlreadyOwned();
    if (token.empty() && order.order.total().units_minor() > 0) {
      return InvalidField("payment_method_token", "is required");
    }
    started = true;
    return saga_.Start(tx, order, token);
  };
  RETURN_IF_ERROR(db_.Transact([&](Transaction& tx) {
    started = false;
    // Kept is that the request was taken; the answer is the order as it is when somebody asks.
    CheckoutOrderResponse nothing;
    return rpc::RunIdempotent(tx, caller, request, nothing, [&] { return start(tx); });
  }));

  CheckoutOrderResponse response;
  ASSIGN_OR_RETURN(*response.mutable_order(), started ? DriveAndFind(caller, request.order_id())
                                                      : FindOrder(caller, request.order_id()));
  return response;
}

absl::StatusOr<std::string> PurchaseService::FindReplacedAttempt(
    const Caller& caller, const CheckoutOrderRequest& request) {
  const std::string& token = request.payment_method_token();
  std::string payment_id;
  // Nothing is kept: the request may still be taken. One that was taken before does not get here.
  const absl::Status nothing_kept = absl::CancelledError();
  const auto find = [&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const LockedOrder order, LockOrderOf(tx, caller.user_id, request.order_id()));
    const bool waits = order.order.state() == ORDER_STATE_REQUIRES_ACTION;
    if (!waits || token.empty() || HasExpired(order.order, clock_.Now())) return nothing_kept;
    ASSIGN_OR_RETURN(const std::optional<std::string> replaced,
                     tx.QueryMaybe<std::string>(R"(
        select payment_id from payment_attempts
        where payment_id = :payment_id and payment_method_token <> :payment_method_token)",
                                                order.payment_id, token));
    payment_id = replaced.value_or("");
    return nothing_kept;
  };
  const absl::Status found = db_.Transact([&](Transaction& tx) {
    payment_id.clear();
    CheckoutOrderResponse nothing;
    return rpc::RunIdempotent(tx, caller, request, nothing, [&] { return find(tx); });
  });
  if (!found.ok() && found != nothing_kept) return found;
  return payment_id;
}

absl::StatusOr<ClaimFreeGameResponse> PurchaseService::ClaimFreeGame(
    const Caller& caller, const ClaimFreeGameRequest& request) {
  const std::string& user_id = caller.user_id;
  ASSIGN_OR_RETURN(std::optional<Order> order, FindClaim(user_id, request.edition_id()));
  if (!order) {
    absl::StatusOr<Order> claimed = Claim(user_id, request);
    if (claimed.ok()) {
      order = *std::move(claimed);
    } else {
      // A call beside this one may have been faster.
      ASSIGN_OR_RETURN(order, FindClaim(user_id, request.edition_id()));
      if (!order) return claimed.status();
    }
  }
  ClaimFreeGameResponse response;
  *response.mutable_order() = *std::move(order);
  return response;
}

absl::StatusOr<std::optional<Order>> PurchaseService::FindClaim(const std::string& user_id,
                                                                const std::string& edition_id) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<std::optional<Order>> {
    ASSIGN_OR_RETURN(const std::optional<std::string> order_id,
                     tx.QueryMaybe<std::string>(R"(
        select order_id from orders
        where user_id = :user_id and claimed_edition_id = :edition_id and state <> 'refunded')",
                                                user_id, edition_id));
    if (!order_id) return std::nullopt;
    return LoadOrderOf(tx, user_id, *order_id);
  });
}

absl::StatusOr<Order> PurchaseService::Claim(const std::string& user_id,
                                             const ClaimFreeGameRequest& request) {
  ASSIGN_OR_RETURN(const Offers offers, FetchOffers({request.edition_id()}, request.currency_code(),
                                                    request.country_code()));
  if (offers.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_NOT_ON_SALE,
                 "this edition cannot be had in this currency and country");
  }
  const catalog::Offer& offer = offers.begin()->second;
  if (offer.price().units_minor() != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_NOT_FREE,
                 "this edition costs something; put it into the cart");
  }
  ASSIGN_OR_RETURN(const bool owned, OwnsAny(user_id, {offer.game_id()}));
  if (owned) return AlreadyOwned();
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<Order> {
    ASSIGN_OR_RETURN(
        const std::string order_id,
        InsertOrder(tx, user_id, clock_.Now(), order_lifetime_, {offer}, request.edition_id()));
    ASSIGN_OR_RETURN(LockedOrder order, LockOrder(tx, order_id));
    RETURN_IF_ERROR(saga_.Start(tx, order, /*payment_method_token=*/""));
    return std::move(order.order);
  });
}

}  // namespace playmesh::purchase
