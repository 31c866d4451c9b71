#include "services/purchase/purchase_testing.h"

namespace playmesh::purchase {
namespace {

TEST_CASE_METHOD(Shop, "one order is charged once, however many check it out at the same time") {
  int orders = 0;
  for (const int threads : {2, 8, 64}) {
    for (const bool same_request : {true, false}) {
      const Order order = OrderOf(buyer, {catalog.Sell(1999)});
      const std::string request_id = Id();
      Tally outcomes;
      InParallel(threads, [&](int) {
        auto paid = Checkout(buyer, order, "pm_card_visa", same_request ? request_id : Id());
        outcomes.Add(paid.ok() ? OrderState_Name(paid->state()) : paid.status().ToString());
      });
      INFO(threads << " threads, same request: " << same_request);
      CHECK(outcomes["ORDER_STATE_COMPLETED"] + outcomes["ORDER_STATE_PAYING"] == threads);
      CHECK(outcomes["ORDER_STATE_COMPLETED"] >= 1);
      CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
      CHECK(payment.charges() == ++orders);
      CHECK(payment.create_calls == orders);
    }
  }
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "two orders of one game are never both charged") {
  for (const int threads : {2, 8, 64}) {
    const Caller caller = testing::UserCaller(Id());
    const auto wanted = catalog.Sell(1999);
    std::vector<Order> orders;
    for (int i = 0; i < threads; ++i) {
      orders.push_back(OrderOf(caller, {catalog.Sell(100), wanted, catalog.Sell(200)}));
    }
    const int before = payment.charges();
    Tally outcomes;
    InParallel(threads, [&](int i) {
      auto paid = Checkout(caller, orders[i]);
      outcomes.Add(paid.ok() ? "paid" : ReasonOf(paid.status()));
    });
    CHECK(outcomes["paid"] == 1);
    CHECK(outcomes["ALREADY_OWNED"] == threads - 1);
    CHECK(payment.charges() == before + 1);
  }
  CheckBooks();
}

TEST_CASE_METHOD(Shop,
                 "orders of the same games in other orders wait for each other in one order") {
  const auto first = catalog.Sell(1);
  const auto second = catalog.Sell(2);
  for (int round = 0; round < 10; ++round) {
    const Caller caller = testing::UserCaller(Id());
    const std::vector<Order> orders = {OrderOf(caller, {first, second}),
                                       OrderOf(caller, {second, first})};
    Tally outcomes;
    InParallel(2, [&](int i) {
      auto paid = Checkout(caller, orders[i]);
      outcomes.Add(paid.ok() ? "paid" : ReasonOf(paid.status()));
    });
    CHECK(outcomes["paid"] == 1);
    CHECK(outcomes["ALREADY_OWNED"] == 1);
  }
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "a free game is claimed once, however many claim it at the same time") {
  for (const int threads : {2, 8, 64}) {
    const Caller caller = testing::UserCaller(Id());
    const auto offer = catalog.Sell(0);
    Tally outcomes;
    InParallel(threads, [&](int) {
      auto order = Claim(caller, offer);
      outcomes.Add(order.ok() ? order->order_id() : order.status().ToString());
    });
    const auto orders = Value(service.ListOrders(caller, {}));
    REQUIRE(orders.orders_size() == 1);
    CHECK(outcomes[orders.orders(0).order_id()] == threads);
  }
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "an order is cancelled or paid, never both") {
  for (int round = 0; round < 10; ++round) {
    const Order order = OrderOf(buyer, {catalog.Sell(1999)});
    InParallel(8, [&](int i) {
      if (i % 2 == 0) {
        Checkout(buyer, order).IgnoreError();
      } else {
        Cancel(buyer, order).IgnoreError();
      }
    });
    const OrderState state = StateOf(buyer, order);
    CHECK((state == ORDER_STATE_COMPLETED || state == ORDER_STATE_CANCELLED));
  }
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "an order that waits for the bank is confirmed, given up or paid, once") {
  for (int round = 0; round < 10; ++round) {
    const Order order = OrderOf(buyer, {catalog.Sell(1999)});
    Value(Checkout(buyer, order, "pm_3ds"));
    std::string payment_id;
    for (const auto& payment : payment.payments()) {
      if (payment.order_id() == order.order_id()) payment_id = payment.payment_id();
    }
    clock.Advance(absl::Minutes(1));
    InParallel(8, [&](int i) {
      if (i % 4 == 0) saga.Reconcile().IgnoreError();
      if (i % 4 == 1) Cancel(buyer, order).IgnoreError();
      if (i % 4 == 2) Checkout(buyer, order).IgnoreError();
      if (i % 4 == 3) payment.Settle(payment_id, payment::PAYMENT_STATE_CAPTURED);
    });
    const OrderState state = StateOf(buyer, order);
    CHECK((state == ORDER_STATE_COMPLETED || state == ORDER_STATE_CANCELLED));
  }
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "an order that expires while it is paid is cancelled or paid, never both") {
  for (int round = 0; round < 10; ++round) {
    const Order order = OrderOf(buyer, {catalog.Sell(1999)});
    clock.Advance(order_lifetime - absl::Microseconds(1));
    InParallel(8, [&](int i) {
      if (i == 0) {
        clock.Advance(absl::Microseconds(1));
      } else if (i % 2 == 0) {
        saga.CancelExpired().IgnoreError();
      } else {
        Checkout(buyer, order).IgnoreError();
      }
    });
    Sweep();
    const OrderState state = StateOf(buyer, order);
    CHECK((state == ORDER_STATE_COMPLETED || state == ORDER_STATE_CANCELLED));
  }
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "call, event and reconciliation complete an order once between them") {
  for (int round = 0; round < 5; ++round) {
    const Order order = OrderOf(buyer, {catalog.Sell(1999)});
    payment.fault = FakePayment::Fault::kLoseAnswer;
    CHECK(Value(Checkout(buyer, order)).state() == ORDER_STATE_PAYING);
    payment.fault = FakePayment::Fault::kNone;
    payment::Payment captured;
    for (const auto& payment : payment.payments()) {
      if (payment.order_id() == order.order_id()) captured = payment;
    }
    clock.Advance(absl::Minutes(1));
    InParallel(8, [&](int i) {
      if (i % 4 == 0) saga.Reconcile().IgnoreError();
      if (i % 4 == 1) saga.Drive(order.order_id()).IgnoreError();
      if (i % 4 == 2) Deliver<payment::PaymentCaptured>(captured).IgnoreError();
      if (i % 4 == 3) Checkout(buyer, order).IgnoreError();
    });
    CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
  }
  CHECK(payment.charges() == 5);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "an order is refunded once, however many ask at the same time") {
  for (const int threads : {2, 8, 64}) {
    for (const bool same_request : {true, false}) {
      const Order order = Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)})));
      const std::string request_id = Id();
      Tally outcomes;
      InParallel(threads, [&](int) {
        auto refunded = Refund(buyer, order, same_request ? request_id : Id());
        outcomes.Add(refunded.ok() ? OrderState_Name(refunded->state())
                                   : refunded.status().ToString());
      });
      CHECK(outcomes["ORDER_STATE_REFUNDED"] + outcomes["ORDER_STATE_REFUNDING"] == threads);
      CHECK(StateOf(buyer, order) == ORDER_STATE_REFUNDED);
    }
  }
  CheckBooks();
}

}  // namespace
}  // namespace playmesh::purchase
