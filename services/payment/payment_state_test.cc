#include "services/payment/payment_state.h"

#include <catch2/catch.hpp>

namespace playmesh::payment {
namespace {

using Kind = Outcome::Kind;
using States = std::vector<PaymentState>;

TEST_CASE("what a provider tells moves a payment along one table") {
  struct Case {
    PaymentState state;
    Kind told;
    States after;
  };
  const Case cases[] = {
      {PAYMENT_STATE_PROCESSING, Kind::kRequiresAction, {PAYMENT_STATE_REQUIRES_ACTION}},
      {PAYMENT_STATE_PROCESSING, Kind::kCaptured, {PAYMENT_STATE_CAPTURED}},
      {PAYMENT_STATE_PROCESSING, Kind::kFailed, {PAYMENT_STATE_FAILED}},
      {PAYMENT_STATE_PROCESSING, Kind::kRefunded, {PAYMENT_STATE_CAPTURED, PAYMENT_STATE_REFUNDED}},
      {PAYMENT_STATE_REQUIRES_ACTION, Kind::kCaptured, {PAYMENT_STATE_CAPTURED}},
      {PAYMENT_STATE_REQUIRES_ACTION, Kind::kFailed, {PAYMENT_STATE_FAILED}},
      {PAYMENT_STATE_REQUIRES_ACTION, Kind::kRequiresAction, {}},
      {PAYMENT_STATE_REQUIRES_ACTION,
       Kind::kRefunded,
       {PAYMENT_STATE_CAPTURED, PAYMENT_STATE_REFUNDED}},
      {PAYMENT_STATE_CAPTURED, Kind::kFailed, {}},
      {PAYMENT_STATE_CAPTURED, Kind::kRequiresAction, {}},
      {PAYMENT_STATE_CAPTURED, Kind::kCaptured, {}},
      {PAYMENT_STATE_CAPTURED, Kind::kRefunded, {PAYMENT_STATE_REFUNDED}},
      {PAYMENT_STATE_FAILED, Kind::kCaptured, {}},
      {PAYMENT_STATE_FAILED, Kind::kFailed, {}},
      {PAYMENT_STATE_FAILED, Kind::kRefunded, {}},
      {PAYMENT_STATE_REFUNDING, Kind::kCaptured, {}},
      {PAYMENT_STATE_REFUNDING, Kind::kFailed, {}},
      {PAYMENT_STATE_REFUNDING, Kind::kRefunded, {PAYMENT_STATE_REFUNDED}},
      {PAYMENT_STATE_REFUNDED, Kind::kRefunded, {}},
      {PAYMENT_STATE_REFUNDED, Kind::kCaptured, {}},
  };
  for (const Case& c : cases) {
    CAPTURE(PaymentState_Name(c.state), static_cast<int>(c.told));
    CHECK(StatesAfter(c.state, c.told) == c.after);
  }
}

TEST_CASE("what was decided stays decided, and nothing is decided twice") {
  for (int state = PaymentState_MIN + 1; state <= PaymentState_MAX; ++state) {
    CHECK(StatesAfter(static_cast<PaymentState>(state), Kind::kPending).empty());
    for (Kind first : {Kind::kRequiresAction, Kind::kCaptured, Kind::kFailed, Kind::kRefunded}) {
      const States after = StatesAfter(static_cast<PaymentState>(state), first);
      if (!after.empty()) CHECK(StatesAfter(after.back(), first).empty());
    }
  }
}

}  // namespace
}  // namespace playmesh::payment
