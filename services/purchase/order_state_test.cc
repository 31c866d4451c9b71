#include "services/purchase/order_state.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "common/base/clock.h"
#include "common/status/status.h"
#include "services/purchase/card_number.h"
#include "services/purchase/total.h"

namespace playmesh::purchase {
namespace {

using namespace v1;           // NOLINT: as in the generated headers
using namespace payment::v1;  // NOLINT

TEST_CASE("an order follows its payment") {
  struct Step {
    OrderState order;
    PaymentState payment;
    OrderState next;
  };
  const std::vector<Step> steps = {
      {ORDER_STATE_PAYING, PAYMENT_STATE_PROCESSING, ORDER_STATE_PAYING},
      {ORDER_STATE_PAYING, PAYMENT_STATE_REQUIRES_ACTION, ORDER_STATE_REQUIRES_ACTION},
      {ORDER_STATE_PAYING, PAYMENT_STATE_CAPTURED, ORDER_STATE_COMPLETED},
      {ORDER_STATE_PAYING, PAYMENT_STATE_FAILED, ORDER_STATE_PENDING},
      {ORDER_STATE_PAYING, PAYMENT_STATE_REFUNDED, ORDER_STATE_COMPLETED},
      {ORDER_STATE_REQUIRES_ACTION, PAYMENT_STATE_PROCESSING, ORDER_STATE_PAYING},
      {ORDER_STATE_REQUIRES_ACTION, PAYMENT_STATE_CAPTURED, ORDER_STATE_COMPLETED},
      {ORDER_STATE_REQUIRES_ACTION, PAYMENT_STATE_FAILED, ORDER_STATE_PENDING},
      {ORDER_STATE_COMPLETED, PAYMENT_STATE_PROCESSING, ORDER_STATE_COMPLETED},
      {ORDER_STATE_COMPLETED, PAYMENT_STATE_FAILED, ORDER_STATE_COMPLETED},
      {ORDER_STATE_COMPLETED, PAYMENT_STATE_REFUNDING, ORDER_STATE_REFUNDING},
      {ORDER_STATE_COMPLETED, PAYMENT_STATE_REFUNDED, ORDER_STATE_REFUNDED},
      {ORDER_STATE_REFUNDING, PAYMENT_STATE_CAPTURED, ORDER_STATE_REFUNDING},
      {ORDER_STATE_REFUNDING, PAYMENT_STATE_REFUNDED, ORDER_STATE_REFUNDED},
      {ORDER_STATE_PENDING, PAYMENT_STATE_CAPTURED, ORDER_STATE_PENDING},
  };
  for (const Step& step : steps) {
    INFO(OrderState_Name(step.order) << ", " << PaymentState_Name(step.payment));
    CHECK(AfterPayment(step.order, step.payment) == step.next);
  }
}

TEST_CASE("whatever payment says, an order goes forward only, and a final one nowhere") {
  const std::map<OrderState, int> rank = {
      {ORDER_STATE_PENDING, 0},   {ORDER_STATE_PAYING, 0},    {ORDER_STATE_REQUIRES_ACTION, 0},
      {ORDER_STATE_COMPLETED, 1}, {ORDER_STATE_REFUNDING, 2}, {ORDER_STATE_REFUNDED, 3},
      {ORDER_STATE_CANCELLED, 3}};
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int walk = 0; walk < 1000; ++walk) {
    auto state = static_cast<OrderState>(1 + random() % 7);
    for (int step = 0; step < 20; ++step) {
      const OrderState next = AfterPayment(state, static_cast<PaymentState>(random() % 7));
      CHECK(rank.at(next) >= rank.at(state));
      if (rank.at(state) == 3) CHECK(next == state);
      state = next;
    }
  }
}

TEST_CASE("payment is asked again about exactly those orders that wait for it") {
  for (const OrderState state :
       {ORDER_STATE_PAYING, ORDER_STATE_REQUIRES_ACTION, ORDER_STATE_REFUNDING}) {
    CHECK(FirstCheck(state).has_value());
  }
  for (const OrderState state :
       {ORDER_STATE_PENDING, ORDER_STATE_COMPLETED, ORDER_STATE_CANCELLED, ORDER_STATE_REFUNDED}) {
    CHECK_FALSE(FirstCheck(state).has_value());
  }
}

TEST_CASE("an order that waits for a payment can be paid until its expire_time") {
  const absl::Time end = absl::FromUnixSeconds(1'800'000'000);
  Order order;
  order.set_state(ORDER_STATE_PENDING);
  *order.mutable_expire_time() = ToTimestamp(end);
  CHECK(CheckPayable(order, end - absl::Microseconds(1)).ok());
  CHECK(ReasonOf(CheckPayable(order, end)) == "ORDER_EXPIRED");
  order.set_state(ORDER_STATE_CANCELLED);
  CHECK(ReasonOf(CheckPayable(order, end)) == "ORDER_EXPIRED");
  for (const OrderState under_way : {ORDER_STATE_PAYING, ORDER_STATE_REQUIRES_ACTION}) {
    order.set_state(under_way);
    CHECK(CheckPayable(order, end).ok());
  }
  order.clear_expire_time();
  order.set_state(ORDER_STATE_COMPLETED);
  CHECK(CheckPayable(order, end).ok());
  for (const OrderState over :
       {ORDER_STATE_CANCELLED, ORDER_STATE_REFUNDING, ORDER_STATE_REFUNDED}) {
    order.set_state(over);
    CHECK(ReasonOf(CheckPayable(order, end)) == "ORDER_NOT_PAYABLE");
  }
}

TEST_CASE("a refund is possible until 14 days have passed") {
  const absl::Time completed = absl::FromUnixSeconds(1'800'000'000);
  Order order;
  order.set_state(ORDER_STATE_COMPLETED);
  *order.mutable_complete_time() = ToTimestamp(completed);
  const absl::Time end = completed + absl::Hours(14 * 24);
  CHECK(CheckRefundable(order, completed).ok());
  CHECK(CheckRefundable(order, end - absl::Microseconds(1)).ok());
  CHECK(ReasonOf(CheckRefundable(order, end)) == "REFUND_WINDOW_CLOSED");
  CHECK(ReasonOf(CheckRefundable(order, end + absl::Hours(1))) == "REFUND_WINDOW_CLOSED");
  for (const OrderState state : {ORDER_STATE_REFUNDING, ORDER_STATE_REFUNDED}) {
    order.set_state(state);
    CHECK(CheckRefundable(order, end + absl::Hours(1)).ok());
  }
  for (const OrderState state : {ORDER_STATE_PENDING, ORDER_STATE_PAYING,
                                 ORDER_STATE_REQUIRES_ACTION, ORDER_STATE_CANCELLED}) {
    order.set_state(state);
    CHECK(ReasonOf(CheckRefundable(order, completed)) == "ORDER_NOT_REFUNDABLE");
  }
}

TEST_CASE("card numbers are found in tokens") {
  for (const char* text : {"4242424242424242", "pm_4242424242424242", "pm_378282246310005_x",
                           "pm_1_6011111111111117", "a_000000000000"}) {
    INFO(text);
    CHECK(HoldsCardNumber(text));
  }
  for (const char* text : {"", "pm_card_visa", "pm_4242424242424241", "pm_42424242424",
                           "pm_1MqLiJLkdIwHu7ixUEgbFdYF", "pm_42424242424242424242"}) {
    INFO(text);
    CHECK_FALSE(HoldsCardNumber(text));
  }
}

TEST_CASE("a total that does not fit is an error") {
  std::vector<OrderItem> items(2);
  for (OrderItem& item : items) {
    item.mutable_price()->set_currency_code("EUR");
    item.mutable_price()->set_units_minor(std::numeric_limits<int64_t>::max() / 2);
  }
  CHECK(TotalOf(items)->units_minor() == std::numeric_limits<int64_t>::max() - 1);
  items.push_back(items[0]);
  CHECK(absl::IsOutOfRange(TotalOf(items).status()));
}

}  // namespace
}  // namespace playmesh::purchase
