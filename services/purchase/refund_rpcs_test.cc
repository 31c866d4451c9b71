#include "services/purchase/purchase_testing.h"

namespace playmesh::purchase {
namespace {

TEST_CASE_METHOD(Shop, "RefundOrder gives the money back and tells once") {
  const auto offer = catalog.Sell(1999);
  const Order order = Value(Checkout(buyer, OrderOf(buyer, {offer})));
  clock.Advance(absl::Hours(1));
  const Order refunded = Value(Refund(buyer, order));
  CHECK(refunded.state() == ORDER_STATE_REFUNDED);
  CHECK(refunded.refund_time().seconds() == order.complete_time().seconds() + 3600);
  CHECK(payment.payment().state() == payment::PAYMENT_STATE_REFUNDED);

  const auto published = database.Published<PurchaseRefunded>();
  REQUIRE(published.size() == 1);
  CHECK(published[0].order_id() == order.order_id());
  CHECK(published[0].user_id() == buyer.user_id);
  CHECK(published[0].items_size() == 1);
  CHECK(published[0].total().units_minor() == 1999);
  CHECK(published[0].complete_time().seconds() == order.complete_time().seconds());
  CHECK(published[0].refund_time().seconds() == refunded.refund_time().seconds());
  CheckBooks();

  CHECK(Value(Refund(buyer, order)).state() == ORDER_STATE_REFUNDED);
  REQUIRE(Deliver<payment::PaymentRefunded>(payment.payment()).ok());
  CHECK(ReasonOf(Checkout(buyer, order).status()) == "ORDER_NOT_PAYABLE");
  CHECK(ReasonOf(Cancel(buyer, order).status()) == "ORDER_NOT_CANCELLABLE");
  CheckBooks();
  // The game may be bought again.
  CHECK(Value(Checkout(buyer, OrderOf(buyer, {offer}))).state() == ORDER_STATE_COMPLETED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "a provider that takes its time leaves the order REFUNDING") {
  const auto offer = catalog.Sell(1999);
  const Order order = Value(Checkout(buyer, OrderOf(buyer, {offer})));
  payment.slow_refunds = true;
  CHECK(Value(Refund(buyer, order)).state() == ORDER_STATE_REFUNDING);
  CHECK(Value(Refund(buyer, order)).state() == ORDER_STATE_REFUNDING);
  CHECK(ReasonOf(Add(buyer, offer).status()) == "ALREADY_OWNED");
  CHECK(ReasonOf(Checkout(buyer, order).status()) == "ORDER_NOT_PAYABLE");
  CheckBooks();
  ReconcileLater();
  CHECK(StateOf(buyer, order) == ORDER_STATE_REFUNDING);

  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_REFUNDED);
  SECTION("the event tells") { REQUIRE(Deliver<payment::PaymentRefunded>(payment.payment()).ok()); }
  SECTION("the event is lost") { ReconcileLater(); }
  CHECK(StateOf(buyer, order) == ORDER_STATE_REFUNDED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "a refund whose answer is lost goes on by itself") {
  const Order order = Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)})));
  payment.fault = GENERATE(FakePayment::Fault::kLoseAnswer, FakePayment::Fault::kLoseRequest);
  CHECK(Value(Refund(buyer, order)).state() == ORDER_STATE_REFUNDING);
  payment.fault = FakePayment::Fault::kNone;
  ReconcileLater(absl::Seconds(5));
  CHECK(StateOf(buyer, order) == ORDER_STATE_REFUNDED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "the window of 14 days ends on time") {
  const Order order = Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)})));
  SECTION("a microsecond before") {
    clock.Advance(absl::Hours(14 * 24) - absl::Microseconds(1));
    CHECK(Value(Refund(buyer, order)).state() == ORDER_STATE_REFUNDED);
    clock.Advance(absl::Hours(24));
    CHECK(Value(Refund(buyer, order)).state() == ORDER_STATE_REFUNDED);
  }
  SECTION("to the microsecond") {
    clock.Advance(absl::Hours(14 * 24));
    CHECK(ReasonOf(Refund(buyer, order).status()) == "REFUND_WINDOW_CLOSED");
    CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
  }
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "only a completed order is refunded") {
  const Order pending = OrderOf(buyer, {catalog.Sell(1999)});
  CHECK(ReasonOf(Refund(buyer, pending).status()) == "ORDER_NOT_REFUNDABLE");
  const Order paying = Value(Checkout(buyer, pending, "pm_slow"));
  CHECK(ReasonOf(Refund(buyer, paying).status()) == "ORDER_NOT_REFUNDABLE");
  const Order cancelled = Value(Cancel(buyer, OrderOf(buyer, {catalog.Sell(1999)})));
  CHECK(ReasonOf(Refund(buyer, cancelled).status()) == "ORDER_NOT_REFUNDABLE");
}

TEST_CASE_METHOD(Shop, "a refund's request_id is good for one request") {
  const Order first = Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)})));
  const Order second = Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)})));
  const std::string request_id = Id();
  Value(Refund(buyer, first, request_id));
  CHECK(absl::IsInvalidArgument(Refund(buyer, second, request_id).status()));
  CHECK(StateOf(buyer, second) == ORDER_STATE_COMPLETED);
}

TEST_CASE_METHOD(Shop, "a free game is given back at once, and may be claimed again") {
  const auto offer = catalog.Sell(0);
  const Order claimed = Value(Claim(buyer, offer));
  CHECK(Value(Refund(buyer, claimed)).state() == ORDER_STATE_REFUNDED);
  CHECK(database.Published<PurchaseRefunded>().at(0).total().units_minor() == 0);
  const Order again = Value(Claim(buyer, offer));
  CHECK(again.order_id() != claimed.order_id());
  CHECK(again.state() == ORDER_STATE_COMPLETED);
  CHECK(payment.payments().empty());
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "the reason of a refund is kept") {
  const Order order = Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)})));
  Value(Refund(buyer, order));
  CHECK(database.Query<std::string>("select refund_reason from orders where order_id = :order_id",
                                    order.order_id()) == std::vector<std::string>{"Too foggy."});
}

}  // namespace
}  // namespace playmesh::purchase
