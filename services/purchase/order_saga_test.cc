#include "services/purchase/purchase_testing.h"

namespace playmesh::purchase {
namespace {

using Fault = FakePayment::Fault;

TEST_CASE_METHOD(Shop, "a charge whose request or answer is lost completes by itself, once") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const std::string request_id = Id();
  payment.fault = GENERATE(Fault::kLoseRequest, Fault::kLoseAnswer);
  CHECK(Value(Checkout(buyer, order, "pm_card_visa", request_id)).state() == ORDER_STATE_PAYING);
  CHECK(Value(Checkout(buyer, order, "pm_card_visa", request_id)).state() == ORDER_STATE_PAYING);
  ReconcileLater(absl::Seconds(5));
  CHECK(StateOf(buyer, order) == ORDER_STATE_PAYING);
  CheckBooks();
  payment.fault = Fault::kNone;
  ReconcileLater(absl::Seconds(5));
  CHECK(Value(Checkout(buyer, order, "pm_card_visa", request_id)).state() == ORDER_STATE_COMPLETED);
  CHECK(payment.charges() == 1);
  CHECK(payment.payments().size() == 1);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "a decline whose answer is lost is found out") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  payment.fault = Fault::kLoseAnswer;
  CHECK(Value(Checkout(buyer, order, "pm_declined")).state() == ORDER_STATE_PAYING);
  payment.fault = Fault::kNone;
  ReconcileLater(absl::Seconds(5));
  CHECK(Value(Get(buyer, order)).payment_error().decline_code() == "insufficient_funds");
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "a process that ends before it calls payment is taken over") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  REQUIRE(database.db()
              .Transact([&](Transaction& tx) -> absl::Status {
                ASSIGN_OR_RETURN(LockedOrder locked, LockOrder(tx, order.order_id()));
                return saga.Start(tx, locked, "pm_card_visa");
              })
              .ok());
  CHECK(payment.create_calls == 0);
  ReconcileLater(absl::Seconds(4));
  CHECK(payment.create_calls == 0);  // whoever started is given some seconds
  ReconcileLater(absl::Seconds(1));
  CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "an order that waits for long is asked about ever more rarely") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_slow"));
  for (int second = 0; second < 600; ++second) ReconcileLater(absl::Seconds(1));
  // At once, after 5, 10, 20, 40, 80 seconds, and then each minute.
  CHECK(payment.create_calls == 1 + 5 + 8);
  CHECK(payment.payments().size() == 1);
}

TEST_CASE_METHOD(Shop, "an order whose buyer is with the bank is asked about, not charged again") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_3ds"));
  ReconcileLater(absl::Seconds(59));
  CHECK(payment.get_calls == 0);
  ReconcileLater(absl::Seconds(1));
  CHECK(payment.get_calls == 1);
  CHECK(Value(Get(buyer, order)).next_action().client_secret() == "pi_secret_of_the_buyer");

  SECTION("confirmed, but not captured yet") {
    payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_PROCESSING);
    ReconcileLater();
    CHECK(StateOf(buyer, order) == ORDER_STATE_PAYING);
    CHECK_FALSE(Value(Get(buyer, order)).has_next_action());
  }
  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_CAPTURED);
  ReconcileLater();
  CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "an attempt that was ended without purchase learning of it is found out") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_3ds"));
  payment.fault = Fault::kLoseAnswer;
  SECTION("by CancelOrder") { Cancel(buyer, order).IgnoreError(); }
  SECTION("by CheckoutOrder") { Checkout(buyer, order).IgnoreError(); }
  payment.fault = Fault::kNone;
  CHECK(payment.payment().state() == payment::PAYMENT_STATE_FAILED);
  CHECK(StateOf(buyer, order) == ORDER_STATE_REQUIRES_ACTION);
  ReconcileLater();
  CHECK(StateOf(buyer, order) == ORDER_STATE_PENDING);
  CheckBooks();
  CHECK(Value(Checkout(buyer, order)).state() == ORDER_STATE_COMPLETED);
}

TEST_CASE_METHOD(Shop, "one order that cannot be driven does not hold the others up") {
  std::vector<Order> orders;
  payment.fault = Fault::kLoseRequest;
  for (int i = 0; i < 150; ++i) {
    orders.push_back(OrderOf(buyer, {catalog.Sell(100)}));
    Value(Checkout(buyer, orders.back(), i == 0 ? "pm_slow" : "pm_card_visa"));
  }
  payment.fault = Fault::kNone;
  ReconcileLater();  // a hundred
  CHECK(payment.charges() >= 99);
  ReconcileLater();
  CHECK(payment.charges() == 149);
  CHECK(StateOf(buyer, orders[0]) == ORDER_STATE_PAYING);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "replicas that reconcile at the same time share the work") {
  payment.fault = Fault::kLoseRequest;
  for (int i = 0; i < 20; ++i) {
    Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(100)})));
  }
  payment.fault = Fault::kNone;
  clock.Advance(absl::Minutes(1));
  payment.create_calls = 0;
  InParallel(8, [&](int) { saga.Reconcile().IgnoreError(); });
  CHECK(payment.create_calls == 20);
  CHECK(payment.charges() == 20);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "events that come twice, late or in another order change nothing") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_declined"));
  const payment::Payment declined = payment.payment();
  Value(Checkout(buyer, order, "pm_slow"));
  payment::Payment open;
  for (const auto& payment : payment.payments()) {
    if (payment.payment_id() != declined.payment_id()) open = payment;
  }

  REQUIRE(Deliver<payment::PaymentFailed>(declined).ok());
  CHECK(StateOf(buyer, order) == ORDER_STATE_PAYING);
  payment.Settle(open.payment_id(), payment::PAYMENT_STATE_CAPTURED);
  const std::string event_id = Id();
  REQUIRE(Deliver<payment::PaymentCaptured>(open, event_id).ok());
  REQUIRE(Deliver<payment::PaymentCaptured>(open, event_id).ok());
  REQUIRE(Deliver<payment::PaymentCaptured>(open).ok());
  REQUIRE(Deliver<payment::PaymentFailed>(open).ok());
  CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
  CheckBooks();

  Value(Refund(buyer, order));
  REQUIRE(Deliver<payment::PaymentRefunded>(open).ok());
  REQUIRE(Deliver<payment::PaymentCaptured>(open).ok());
  REQUIRE(Deliver<payment::PaymentFailed>(open).ok());
  CHECK(StateOf(buyer, order) == ORDER_STATE_REFUNDED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "money that went back without a call takes the games back too") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  payment.fault = Fault::kLoseAnswer;
  Value(Checkout(buyer, order));
  payment.fault = Fault::kNone;
  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_REFUNDED);
  REQUIRE(Deliver<payment::PaymentRefunded>(payment.payment()).ok());
  CHECK(StateOf(buyer, order) == ORDER_STATE_REFUNDED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "money taken after a failure is an event that somebody must look at") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_declined"));
  const absl::Status status = Deliver<payment::PaymentCaptured>(payment.payment());
  CHECK(absl::IsFailedPrecondition(status));
  CHECK_FALSE(IsTransient(status));
  CHECK(StateOf(buyer, order) == ORDER_STATE_PENDING);
  payment::Payment unknown;
  unknown.set_payment_id(Id());
  unknown.set_order_id(Id());
  CHECK(absl::IsNotFound(Deliver<payment::PaymentCaptured>(unknown)));
}

TEST_CASE_METHOD(Shop, "the database itself refuses a second charge and a completion for nothing") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  CHECK(absl::IsFailedPrecondition(database
                                       .Execute(R"(update orders
                      set state = 'completed', expire_time = null, complete_time = now()
                      where order_id = :order_id)",
                                                order.order_id())
                                       .status()));
  Value(Checkout(buyer, order, "pm_slow"));
  CHECK(absl::IsAlreadyExists(database
                                  .Execute(R"(
          insert into payment_attempts (payment_id, order_id, state, payment_method_token,
                                        create_time)
          values (:payment_id, :order_id, 'open', 'pm_card_visa', now()))",
                                           Id(), order.order_id())
                                  .status()));
}

}  // namespace
}  // namespace playmesh::purchase
