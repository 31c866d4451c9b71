// Random walks through everything that can happen to some orders of the same games, in any order
// and with every fault of payment, with the books checked on the way.
#include <random>

#include "services/purchase/purchase_testing.h"

namespace playmesh::purchase {
namespace {

constexpr int kSteps = 300;
// Some orders expire, late on the way.
constexpr absl::Duration kLifetime = absl::Hours(2);

class Walk : public Shop {
 public:
  explicit Walk(unsigned seed) : Shop(kLifetime), random_(seed) {
    const std::vector<catalog::Offer> games = {catalog.Sell(1999), catalog.Sell(0),
                                               catalog.Sell(500)};
    for (int i = 0; i < 6; ++i) {
      orders_.push_back(OrderOf(buyer, i % 2 == 0 ? std::vector{games[i % 3]}
                                                  : std::vector{games[i % 3], games[(i + 1) % 3]}));
    }
  }

  void Step() {
    const Order& order = orders_[Roll(static_cast<int>(orders_.size()))];
    payment.fault = static_cast<FakePayment::Fault>(Roll(4) == 0 ? 1 + Roll(2) : 0);
    payment.slow_refunds = Roll(2) == 0;
    payment.silent_provider = Roll(4) == 0;
    switch (Roll(8)) {
      case 0:
      case 1:
        return Checkout(buyer, order, kTokens[Roll(5)], RequestId()).IgnoreError();
      case 2:
        return Roll(4) == 0 ? Cancel(buyer, order).IgnoreError() : void();
      case 3:
        return Refund(buyer, order, RequestId()).IgnoreError();
      case 4:
        ReconcileLater(absl::Minutes(Roll(10)));
        return Roll(2) == 0 ? Sweep() : void();
      case 5:
        return SettleOne();
      default:
        return DeliverOne();
    }
  }

  void CheckStates() {
    for (const Order& order : orders_) {
      const OrderState now = StateOf(buyer, order);
      OrderState& before = states_[order.order_id()];
      const bool final_before = before == ORDER_STATE_CANCELLED || before == ORDER_STATE_REFUNDED;
      if (final_before) CHECK(now == before);
      if (before == ORDER_STATE_REFUNDING) CHECK(now >= ORDER_STATE_REFUNDING);
      if (before == ORDER_STATE_COMPLETED) {
        CHECK((now == before || now >= ORDER_STATE_REFUNDING));
      }
      before = now;
      states_seen.insert(now);
    }
  }

  std::set<OrderState> states_seen;

  // Ends all faults; then whatever was open is decided, and what is not paid by then expires.
  void Finish() {
    payment.fault = FakePayment::Fault::kNone;
    payment.slow_refunds = false;
    payment.silent_provider = false;
    for (const payment::Payment& payment : payment.payments()) Decide(payment);
    for (int i = 0; i < 3; ++i) {
      ReconcileLater(absl::Hours(2));
      for (const payment::Payment& payment : payment.payments()) Decide(payment);
    }
    Sweep();
    for (const Order& order : orders_) {
      const OrderState state = StateOf(buyer, order);
      INFO(OrderState_Name(state));
      CHECK((state == ORDER_STATE_COMPLETED || state == ORDER_STATE_CANCELLED ||
             state == ORDER_STATE_REFUNDED));
    }
  }

 private:
  static constexpr const char* kTokens[] = {"pm_card_visa", "pm_declined", "pm_3ds", "pm_3ds_other",
                                            "pm_slow"};

  int Roll(int sides) { return static_cast<int>(random_() % sides); }

  // Often one that was used before.
  std::string RequestId() {
    if (request_ids_.empty() || Roll(3) > 0) request_ids_.push_back(Id());
    return request_ids_[Roll(static_cast<int>(request_ids_.size()))];
  }

  void Decide(const payment::Payment& payment) {
    if (payment.state() == payment::PAYMENT_STATE_REFUNDING) {
      this->payment.Settle(payment.payment_id(), payment::PAYMENT_STATE_REFUNDED);
    }
    if (payment.state() > payment::PAYMENT_STATE_REQUIRES_ACTION) return;
    this->payment.Settle(payment.payment_id(), Roll(2) == 0 ? payment::PAYMENT_STATE_CAPTURED
                                                            : payment::PAYMENT_STATE_FAILED);
  }

  void SettleOne() {
    const auto payments = payment.payments();
    if (!payments.empty()) Decide(payments[Roll(static_cast<int>(payments.size()))]);
  }

  // What the state of a payment says, also when it was said before.
  void DeliverOne() {
    const auto payments = payment.payments();
    if (payments.empty()) return;
    const payment::Payment& payment = payments[Roll(static_cast<int>(payments.size()))];
    absl::Status status = absl::OkStatus();
    if (payment.state() == payment::PAYMENT_STATE_FAILED) {
      status = Deliver<payment::PaymentFailed>(payment);
    } else if (payment.state() == payment::PAYMENT_STATE_REFUNDED) {
      status = Deliver<payment::PaymentRefunded>(payment);
    } else if (payment.state() == payment::PAYMENT_STATE_CAPTURED) {
      status = Deliver<payment::PaymentCaptured>(payment);
    }
    CHECK(status.ok());
  }

  std::mt19937 random_;
  std::vector<Order> orders_;
  std::vector<std::string> request_ids_;
  std::map<std::string, OrderState> states_;
};

TEST_CASE("whatever happens, the books hold and no order leaves a final state") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::set<OrderState> seen;
  for (unsigned round = 0; round < 4; ++round) {
    Walk walk(seed + round);
    for (int step = 0; step < kSteps; ++step) {
      walk.Step();
      walk.CheckStates();
      if (step % 10 == 0) walk.CheckBooks();
    }
    walk.Finish();
    walk.CheckBooks();
    seen.insert(walk.states_seen.begin(), walk.states_seen.end());
  }
  CHECK(seen.size() == 7);
}

}  // namespace
}  // namespace playmesh::purchase
