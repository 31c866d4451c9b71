#include "common/rpc/pages.h"
#include "services/purchase/purchase_testing.h"

namespace playmesh::purchase {
namespace {

TEST_CASE_METHOD(Shop, "CreateOrder makes an order of the cart and empties it") {
  const auto first = catalog.Sell(1999);
  const auto second = catalog.Sell(999);
  const Order order = OrderOf(buyer, {first, second});
  CHECK(IsUuid(order.order_id()));
  CHECK(order.state() == ORDER_STATE_PENDING);
  CHECK(order.total().units_minor() == 2998);
  CHECK(order.total().currency_code() == "EUR");
  REQUIRE(order.items_size() == 2);
  CHECK(order.items(0).edition_id() == first.edition_id());
  CHECK(order.items(0).organisation_id() == first.organisation_id());
  CHECK(order.items(0).game_title() == first.game_title());
  CHECK(order.items(1).price().units_minor() == 999);
  CHECK(order.create_time().seconds() == absl::ToUnixSeconds(clock.Now()));
  CHECK_FALSE(order.has_complete_time());
  CHECK_FALSE(order.has_payment_error());
  CHECK_FALSE(order.has_next_action());
  CHECK(CartOf(buyer).items().empty());
  CHECK(Value(Get(buyer, order)).SerializeAsString() == order.SerializeAsString());
}

TEST_CASE_METHOD(Shop, "CreateOrder answers the same request with the same order") {
  Value(Add(buyer, catalog.Sell(1999)));
  const std::string request_id = Id();
  const Order order = Value(CreateOrder(buyer, request_id)).order();
  Value(Add(buyer, catalog.Sell(500)));
  CHECK(Value(CreateOrder(buyer, request_id)).order().order_id() == order.order_id());
  CHECK(CartOf(buyer).items_size() == 1);
  CHECK(Value(CreateOrder(buyer)).order().order_id() != order.order_id());
}

TEST_CASE_METHOD(Shop, "CreateOrder refuses an empty cart") {
  CHECK(ReasonOf(CreateOrder(buyer).status()) == "CART_EMPTY");
}

TEST_CASE_METHOD(Shop, "a changed price fails once, and the next order accepts it") {
  const auto cheaper = catalog.Sell(1999);
  const auto same = catalog.Sell(500);
  Value(Add(buyer, cheaper));
  Value(Add(buyer, same));
  catalog.SetPrice(cheaper, 999);
  const std::string request_id = Id();
  CHECK(ReasonOf(CreateOrder(buyer, request_id).status()) == "PRICE_CHANGED");
  CHECK(CartOf(buyer).total().units_minor() == 1499);
  CHECK(Value(CreateOrder(buyer, request_id)).order().total().units_minor() == 1499);
}

TEST_CASE_METHOD(Shop, "CreateOrder refuses what is no longer on sale, and keeps the cart") {
  const auto gone = catalog.Sell(1999);
  Value(Add(buyer, gone));
  Value(Add(buyer, catalog.Sell(500)));
  catalog.Withdraw(gone);
  CHECK(ReasonOf(CreateOrder(buyer).status()) == "NOT_ON_SALE");
  CHECK(CartOf(buyer).items_size() == 2);
}

TEST_CASE_METHOD(Shop, "CreateOrder refuses what came to be owned") {
  const auto offer = catalog.Sell(1999);
  Value(Add(buyer, offer));
  library.Grant(buyer.user_id, offer.game_id());
  CHECK(ReasonOf(CreateOrder(buyer).status()) == "ALREADY_OWNED");

  const Caller other = testing::UserCaller(Id());
  const Order first = OrderOf(other, {offer});
  Value(Add(other, offer));
  Value(Checkout(other, first));
  CHECK(ReasonOf(CreateOrder(other).status()) == "ALREADY_OWNED");
}

TEST_CASE_METHOD(Shop, "one cart makes one order, however many ask at the same time") {
  for (const int threads : {2, 8, 64}) {
    for (const bool same_request : {true, false}) {
      const Caller caller = testing::UserCaller(Id());
      Value(Add(caller, catalog.Sell(1999)));
      const std::string request_id = Id();
      Tally outcomes;
      InParallel(threads, [&](int) {
        auto order = CreateOrder(caller, same_request ? request_id : Id());
        outcomes.Add(order.ok() ? order->order().order_id() : ReasonOf(order.status()));
      });
      ListOrdersRequest request;
      const ListOrdersResponse orders = Value(service.ListOrders(caller, request));
      REQUIRE(orders.orders_size() == 1);
      CHECK(outcomes[orders.orders(0).order_id()] == (same_request ? threads : 1));
      CHECK(outcomes["CART_EMPTY"] == (same_request ? 0 : threads - 1));
    }
  }
}

TEST_CASE_METHOD(Shop, "a cart that changes while it is ordered is not ordered") {
  Value(Add(buyer, catalog.Sell(1999)));
  catalog.meanwhile = [&] { Value(Add(buyer, catalog.Sell(1))); };
  const absl::Status changed = CreateOrder(buyer).status();
  CHECK(absl::IsAborted(changed));
  CHECK(ReasonOf(changed) == "CART_CHANGED");
  CHECK(Value(CreateOrder(buyer)).order().total().units_minor() == 2000);
}

TEST_CASE_METHOD(Shop, "orders of others are not found") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const Caller stranger = testing::UserCaller(Id());
  CHECK(absl::IsNotFound(Get(stranger, order).status()));
  CHECK(absl::IsNotFound(Checkout(stranger, order).status()));
  CHECK(absl::IsNotFound(Cancel(stranger, order).status()));
  CHECK(absl::IsNotFound(Refund(stranger, order).status()));
  CHECK(Value(service.ListOrders(stranger, {})).orders().empty());
  Order unknown;
  unknown.set_order_id(Id());
  CHECK(absl::IsNotFound(Get(buyer, unknown).status()));
}

TEST_CASE_METHOD(Shop, "CancelOrder gives up what waits for a payment, once and for all") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  CHECK(Value(Cancel(buyer, order)).state() == ORDER_STATE_CANCELLED);
  CHECK(Value(Cancel(buyer, order)).state() == ORDER_STATE_CANCELLED);
  CHECK(ReasonOf(Checkout(buyer, order).status()) == "ORDER_NOT_PAYABLE");
  CHECK(payment.create_calls == 0);

  const Order completed = Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)})));
  CHECK(ReasonOf(Cancel(buyer, completed).status()) == "ORDER_NOT_CANCELLABLE");
  const Order paying = Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)}), "pm_slow"));
  CHECK(ReasonOf(Cancel(buyer, paying).status()) == "ORDER_NOT_CANCELLABLE");
  const Order declined =
      Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)}), "pm_declined"));
  CHECK(Value(Cancel(buyer, declined)).state() == ORDER_STATE_CANCELLED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "CancelOrder ends a payment that waits for the bank, and frees the game") {
  const auto offer = catalog.Sell(1999);
  const Order order = OrderOf(buyer, {offer});
  Value(Checkout(buyer, order, "pm_3ds"));
  const Order cancelled = Value(Cancel(buyer, order));
  CHECK(cancelled.state() == ORDER_STATE_CANCELLED);
  CHECK_FALSE(cancelled.has_next_action());
  CHECK(payment.payment().state() == payment::PAYMENT_STATE_FAILED);
  REQUIRE(Deliver<payment::PaymentFailed>(payment.payment()).ok());
  CHECK(Value(Cancel(buyer, order)).state() == ORDER_STATE_CANCELLED);
  CHECK(payment.cancel_calls == 1);
  CheckBooks();
  CHECK(Value(Checkout(buyer, OrderOf(buyer, {offer}))).state() == ORDER_STATE_COMPLETED);
}

TEST_CASE_METHOD(Shop, "CancelOrder refuses when the buyer has confirmed the payment meanwhile") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_3ds"));
  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_CAPTURED);
  CHECK(ReasonOf(Cancel(buyer, order).status()) == "ORDER_NOT_CANCELLABLE");
  CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "CancelOrder can come again when payment or the provider did not answer") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_3ds"));
  SECTION("the provider") { payment.silent_provider = true; }
  SECTION("payment") { payment.fault = FakePayment::Fault::kLoseRequest; }
  CHECK(absl::IsUnavailable(Cancel(buyer, order).status()));
  CHECK(StateOf(buyer, order) == ORDER_STATE_REQUIRES_ACTION);
  payment.silent_provider = false;
  payment.fault = FakePayment::Fault::kNone;
  CHECK(Value(Cancel(buyer, order)).state() == ORDER_STATE_CANCELLED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "ListOrders shows the caller's orders page by page, latest first") {
  std::vector<std::string> latest_first;
  for (int i = 0; i < 5; ++i) {
    clock.Advance(absl::Seconds(1));
    const Order order = OrderOf(buyer, {catalog.Sell(100 + i), catalog.Sell(200 + i)});
    latest_first.insert(latest_first.begin(), order.order_id());
  }
  OrderOf(testing::UserCaller(Id()), {catalog.Sell(1)});
  ListOrdersRequest request;
  request.set_page_size(2);
  std::vector<std::string> shown;
  do {
    const ListOrdersResponse page = Value(service.ListOrders(buyer, request));
    CHECK(page.orders_size() <= 2);
    for (const Order& order : page.orders()) {
      CHECK(order.items_size() == 2);
      shown.push_back(order.order_id());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  CHECK(shown == latest_first);
  request.set_page_token("bm90IG9mIHRoaXMgbGlzdA");
  CHECK(absl::IsInvalidArgument(service.ListOrders(buyer, request).status()));
  request.set_page_token(rpc::PageToken(request, {"no uuid"}));
  CHECK(absl::IsInvalidArgument(service.ListOrders(buyer, request).status()));
}

}  // namespace
}  // namespace playmesh::purchase
