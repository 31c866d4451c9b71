#include "services/purchase/purchase_testing.h"

namespace playmesh::purchase {
namespace {

TEST_CASE_METHOD(Shop, "an order can be paid until its expire_time, and has none once it is paid") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  CHECK(FromTimestamp(order.expire_time()) == clock.Now() + absl::Minutes(30));
  clock.Advance(absl::Minutes(30) - absl::Microseconds(1));
  Sweep();
  const Order completed = Value(Checkout(buyer, order));
  CHECK(completed.state() == ORDER_STATE_COMPLETED);
  CHECK_FALSE(completed.has_expire_time());
}

TEST_CASE_METHOD(Shop, "an expired order is not charged, whether or not it was swept") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  clock.Advance(order_lifetime);
  CHECK(ReasonOf(Checkout(buyer, order).status()) == "ORDER_EXPIRED");
  Sweep();
  CHECK(ReasonOf(Checkout(buyer, order).status()) == "ORDER_EXPIRED");
  CHECK(payment.create_calls == 0);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "an expired order of zero is not completed") {
  const Order order = OrderOf(buyer, {catalog.Sell(0)});
  clock.Advance(order_lifetime);
  CHECK(ReasonOf(Checkout(buyer, order, "").status()) == "ORDER_EXPIRED");
  Sweep();
  CHECK(StateOf(buyer, order) == ORDER_STATE_CANCELLED);
  CHECK(database.Published<PurchaseCompleted>().empty());
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "the sweep cancels the orders that have expired, and no other") {
  const Order expired = OrderOf(buyer, {catalog.Sell(1999)});
  const Order completed = Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)})));
  clock.Advance(absl::Microseconds(1));
  const Order later = OrderOf(buyer, {catalog.Sell(1999)});
  clock.Advance(order_lifetime - absl::Microseconds(1));
  Sweep();
  CHECK(StateOf(buyer, expired) == ORDER_STATE_CANCELLED);
  CHECK(StateOf(buyer, completed) == ORDER_STATE_COMPLETED);
  CHECK(StateOf(buyer, later) == ORDER_STATE_PENDING);
}

TEST_CASE_METHOD(Shop, "a cancelled order has its expire_time only when that was why") {
  const Order given_up = OrderOf(buyer, {catalog.Sell(1999)});
  const Order expired = OrderOf(buyer, {catalog.Sell(1999)});
  const Order given_up_late = OrderOf(buyer, {catalog.Sell(1999)});
  CHECK_FALSE(Value(Cancel(buyer, given_up)).has_expire_time());
  clock.Advance(order_lifetime);
  CHECK(Value(Cancel(buyer, given_up_late)).has_expire_time());
  Sweep();
  CHECK(Value(Get(buyer, expired)).has_expire_time());
  CHECK_FALSE(Value(Get(buyer, given_up)).has_expire_time());
  CHECK(ReasonOf(Checkout(buyer, given_up).status()) == "ORDER_NOT_PAYABLE");
  CHECK(ReasonOf(Checkout(buyer, given_up_late).status()) == "ORDER_EXPIRED");
}

TEST_CASE_METHOD(Shop, "a payment that is under way when the order expires is finished") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const std::string token = GENERATE("pm_slow", "pm_3ds");
  const OrderState under_way = Value(Checkout(buyer, order, token)).state();
  clock.Advance(order_lifetime);
  Sweep();
  CHECK(Value(Checkout(buyer, order)).state() == under_way);
  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_CAPTURED);
  REQUIRE(Deliver<payment::PaymentCaptured>(payment.payment()).ok());
  CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "a charge that was lost is made although the order has expired since") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  payment.fault = FakePayment::Fault::kLoseRequest;
  Value(Checkout(buyer, order));
  payment.fault = FakePayment::Fault::kNone;
  clock.Advance(order_lifetime);
  Sweep();
  ReconcileLater();
  CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "an order that is declined after its expire_time is cancelled") {
  const auto offer = catalog.Sell(1999);
  const Order order = OrderOf(buyer, {offer});
  Value(Checkout(buyer, order, "pm_slow"));
  clock.Advance(order_lifetime);
  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_FAILED);
  REQUIRE(Deliver<payment::PaymentFailed>(payment.payment()).ok());
  CHECK(ReasonOf(Checkout(buyer, order).status()) == "ORDER_EXPIRED");
  Sweep();
  const Order cancelled = Value(Get(buyer, order));
  CHECK(cancelled.state() == ORDER_STATE_CANCELLED);
  CHECK(cancelled.payment_error().decline_code() == "authentication_failed");
  CHECK(payment.create_calls == 1);
  CheckBooks();
  // The game is free for another order.
  CHECK(Value(Checkout(buyer, OrderOf(buyer, {offer}))).state() == ORDER_STATE_COMPLETED);
}

TEST_CASE_METHOD(Shop,
                 "a request that was answered is answered again after the order has expired") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const std::string request_id = Id();
  Value(Checkout(buyer, order, "pm_declined", request_id));
  clock.Advance(order_lifetime);
  Sweep();
  const Order cancelled = Value(Checkout(buyer, order, "pm_declined", request_id));
  CHECK(cancelled.state() == ORDER_STATE_CANCELLED);
  CHECK(cancelled.payment_error().decline_code() == "insufficient_funds");
  CHECK(payment.create_calls == 1);
}

TEST_CASE_METHOD(Shop, "replicas that sweep at the same time cancel what one sweep cannot") {
  REQUIRE(database
              .Execute(R"(
      insert into orders (order_id, user_id, state, state_time, currency_code, units_minor,
                          create_time, expire_time)
      select gen_random_uuid(), :user_id::uuid, 'pending', :now, 'EUR', 1999, :now, :now
      from generate_series(1, 1500))",
                       buyer.user_id, clock.Now())
              .ok());
  const auto pending = [&] {
    return database.Query<int64_t>("select count(*) from orders where state = 'pending'").at(0);
  };
  Sweep();
  CHECK(pending() == 500);
  InParallel(8, [&](int) { saga.CancelExpired().IgnoreError(); });
  CHECK(pending() == 0);
}

}  // namespace
}  // namespace playmesh::purchase
