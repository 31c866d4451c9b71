#include "services/purchase/purchase_testing.h"

namespace playmesh::purchase {
namespace {

TEST_CASE_METHOD(Shop, "a card that is good completes the order") {
  const auto offer = catalog.Sell(1999);
  const Order order = Value(Checkout(buyer, OrderOf(buyer, {offer})));
  CHECK(order.state() == ORDER_STATE_COMPLETED);
  CHECK(order.has_complete_time());
  CHECK_FALSE(order.has_payment_error());

  const auto published = database.Published<PurchaseCompleted>();
  REQUIRE(published.size() == 1);
  CHECK(published[0].order_id() == order.order_id());
  CHECK(published[0].user_id() == buyer.user_id);
  CHECK(published[0].items(0).SerializeAsString() == order.items(0).SerializeAsString());
  CHECK(published[0].total().units_minor() == 1999);
  CHECK(published[0].payment_id() == payment.payment().payment_id());
  CHECK(published[0].complete_time().SerializeAsString() ==
        order.complete_time().SerializeAsString());
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "a payment is split by organisation, and the parts are the whole") {
  const auto first = catalog.Sell(1999);
  auto second = catalog.Sell(501);
  second.set_organisation_id(first.organisation_id());
  catalog.Put(second);
  const auto third = catalog.Sell(700);
  const auto free = catalog.Sell(0);
  Value(Checkout(buyer, OrderOf(buyer, {first, second, third, free})));

  const auto request = payment.request(payment.payment().payment_id());
  CHECK(request.user_id() == buyer.user_id);
  CHECK(request.payment_method_token() == "pm_card_visa");
  CHECK(request.amount().units_minor() == 3200);
  std::map<std::string, int64_t> splits;
  for (const auto& split : request.splits()) {
    CHECK(split.amount().currency_code() == "EUR");
    splits[split.organisation_id()] = split.amount().units_minor();
  }
  CHECK(splits == std::map<std::string, int64_t>{{first.organisation_id(), 2500},
                                                 {third.organisation_id(), 700}});
}

TEST_CASE_METHOD(Shop, "a declined card leaves the order PENDING, and another may be tried") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const Order declined = Value(Checkout(buyer, order, "pm_declined"));
  CHECK(declined.state() == ORDER_STATE_PENDING);
  CHECK(declined.payment_error().decline_code() == "insufficient_funds");
  CHECK(declined.payment_error().message() == "The card has too little money.");
  CheckBooks();
  Value(Checkout(buyer, order, "pm_declined"));
  const Order completed = Value(Checkout(buyer, order));
  CHECK(completed.state() == ORDER_STATE_COMPLETED);
  CHECK_FALSE(completed.has_payment_error());
  CHECK(payment.payments().size() == 3);
  CHECK(payment.charges() == 1);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "a declined request that comes again is not tried again") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const std::string request_id = Id();
  Value(Checkout(buyer, order, "pm_declined", request_id));
  CHECK(Value(Checkout(buyer, order, "pm_declined", request_id)).payment_error().decline_code() ==
        "insufficient_funds");
  CHECK(payment.create_calls == 1);
  // The answer is the order as it is now.
  Value(Checkout(buyer, order));
  CHECK(Value(Checkout(buyer, order, "pm_declined", request_id)).state() == ORDER_STATE_COMPLETED);
}

TEST_CASE_METHOD(Shop, "a request_id is good for one request") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const std::string request_id = Id();
  Value(Checkout(buyer, order, "pm_card_visa", request_id));
  CHECK(absl::IsInvalidArgument(Checkout(buyer, order, "pm_card_amex", request_id).status()));
  const Order other = OrderOf(buyer, {catalog.Sell(1999)});
  CHECK(absl::IsInvalidArgument(Checkout(buyer, other, "pm_card_visa", request_id).status()));
  CHECK(payment.create_calls == 1);
}

TEST_CASE_METHOD(Shop, "a bank that asks makes the order REQUIRES_ACTION until an event tells") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const Order asked = Value(Checkout(buyer, order, "pm_3ds"));
  CHECK(asked.state() == ORDER_STATE_REQUIRES_ACTION);
  CHECK(asked.next_action().redirect_url() == "https://bank.example/confirm");
  CHECK(asked.next_action().client_secret() == "pi_secret_of_the_buyer");
  CHECK(Value(Get(buyer, order)).next_action().client_secret() == "pi_secret_of_the_buyer");
  CheckBooks();

  SECTION("confirmed") {
    payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_CAPTURED);
    REQUIRE(Deliver<payment::PaymentCaptured>(payment.payment()).ok());
    const Order completed = Value(Get(buyer, order));
    CHECK(completed.state() == ORDER_STATE_COMPLETED);
    CHECK_FALSE(completed.has_next_action());
  }
  SECTION("refused") {
    payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_FAILED);
    REQUIRE(Deliver<payment::PaymentFailed>(payment.payment()).ok());
    const Order pending = Value(Get(buyer, order));
    CHECK(pending.state() == ORDER_STATE_PENDING);
    CHECK(pending.payment_error().decline_code() == "authentication_failed");
    CHECK_FALSE(pending.has_next_action());
    CHECK(Value(Checkout(buyer, order)).state() == ORDER_STATE_COMPLETED);
  }
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "another card takes the place of one that waits for the bank") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_3ds"));
  const payment::Payment first = payment.payment();
  const Order completed = Value(Checkout(buyer, order));
  CHECK(completed.state() == ORDER_STATE_COMPLETED);
  CHECK_FALSE(completed.has_payment_error());
  CHECK(payment.payments().size() == 2);
  CHECK(payment.charges() == 1);
  REQUIRE(Deliver<payment::PaymentFailed>(first).ok());
  CHECK(StateOf(buyer, order) == ORDER_STATE_COMPLETED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "another card is not charged when the buyer has confirmed the first") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_3ds"));
  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_CAPTURED);
  CHECK(Value(Checkout(buyer, order)).state() == ORDER_STATE_COMPLETED);
  CHECK(payment.create_calls == 1);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "another card waits until the payment before has ended") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_3ds"));
  SECTION("the provider is silent") { payment.silent_provider = true; }
  SECTION("payment is down") { payment.fault = FakePayment::Fault::kLoseRequest; }
  SECTION("payment's answer is lost") { payment.fault = FakePayment::Fault::kLoseAnswer; }
  const std::string request_id = Id();
  CHECK(absl::IsUnavailable(Checkout(buyer, order, "pm_card_visa", request_id).status()));
  CHECK(StateOf(buyer, order) == ORDER_STATE_REQUIRES_ACTION);
  CHECK(payment.create_calls == 1);
  payment.silent_provider = false;
  payment.fault = FakePayment::Fault::kNone;
  CHECK(Value(Checkout(buyer, order, "pm_card_visa", request_id)).state() == ORDER_STATE_COMPLETED);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "only a new request with another card ends a payment that waits") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const std::string first = Id();
  Value(Checkout(buyer, order, "pm_3ds", first));
  Value(Checkout(buyer, order, "pm_3ds"));
  Value(Checkout(buyer, order, ""));
  CHECK(payment.cancel_calls == 0);
  Value(Checkout(buyer, order, "pm_3ds_other"));
  CHECK(payment.cancel_calls == 1);
  // The first request comes again, and finds the attempt of another card.
  CHECK(Value(Checkout(buyer, order, "pm_3ds", first)).state() == ORDER_STATE_REQUIRES_ACTION);
  CHECK(payment.cancel_calls == 1);
  CHECK(payment.create_calls == 2);
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "the way to the bank is kept nowhere but with the attempt") {
  Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(1999)}), "pm_3ds"));
  CHECK(database.Query<int64_t>(R"(
      select (select count(*) from idempotency_keys
              where position('secret' in encode(response, 'escape')) > 0)
           + (select count(*) from outbox where position('secret' in encode(payload, 'escape')) > 0)
      )") == std::vector<int64_t>{0});
}

TEST_CASE_METHOD(Shop, "an order under way answers with its state and starts nothing") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  CHECK(Value(Checkout(buyer, order, "pm_slow")).state() == ORDER_STATE_PAYING);
  const std::string late = Id();
  CHECK(Value(Checkout(buyer, order, "pm_card_visa", late)).state() == ORDER_STATE_PAYING);
  CHECK(payment.create_calls == 1);
  // The late call has had its answer: when it comes again after the decline, it charges nothing
  // either.
  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_FAILED);
  REQUIRE(Deliver<payment::PaymentFailed>(payment.payment()).ok());
  CHECK(Value(Checkout(buyer, order, "pm_card_visa", late)).state() == ORDER_STATE_PENDING);
  CHECK(payment.charges() == 0);
  CHECK(Value(Checkout(buyer, order)).state() == ORDER_STATE_COMPLETED);
}

TEST_CASE_METHOD(Shop, "a completed order is never charged again") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order));
  // The library knows by now.
  library.Grant(buyer.user_id, order.items(0).game_id());
  CHECK(Value(Checkout(buyer, order)).state() == ORDER_STATE_COMPLETED);
  CHECK(Value(Checkout(buyer, order, "")).state() == ORDER_STATE_COMPLETED);
  CHECK(payment.create_calls == 1);
}

TEST_CASE_METHOD(Shop, "an order that completes while another call looks is completed, not owned") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  library.meanwhile = [&] {
    Value(Checkout(buyer, order));
    library.Grant(buyer.user_id, order.items(0).game_id());
  };
  CHECK(Value(Checkout(buyer, order)).state() == ORDER_STATE_COMPLETED);
  CHECK(payment.create_calls == 1);
}

TEST_CASE_METHOD(Shop, "a call that met a payment under way starts none when that fails") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  Value(Checkout(buyer, order, "pm_slow"));
  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_FAILED);
  std::thread call;
  absl::StatusOr<Order> answer = absl::UnknownError("no answer yet");
  const absl::Status failed = database.db().Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(LockOrder(tx, order.order_id()));
    call = std::thread([&] { answer = Checkout(buyer, order); });
    testing::Eventually([&] {
      return database.Query<int64_t>(R"(
          select count(*) from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock')") ==
             std::vector<int64_t>{1};
    });
    return saga.Apply(tx, payment.payment());
  });
  call.join();
  REQUIRE(failed.ok());
  CHECK(Value(answer).state() == ORDER_STATE_PENDING);
  CHECK(payment.create_calls == 1);
}

TEST_CASE_METHOD(Shop, "CheckoutOrder refuses what came to be owned before it charges") {
  const auto offer = catalog.Sell(1999);
  const Order given = OrderOf(buyer, {offer});
  library.Grant(buyer.user_id, offer.game_id());
  CHECK(ReasonOf(Checkout(buyer, given).status()) == "ALREADY_OWNED");

  const Caller other = testing::UserCaller(Id());
  const Order first = OrderOf(other, {offer});
  const Order second = OrderOf(other, {catalog.Sell(100), offer});
  Value(Checkout(other, first, "pm_slow"));
  CHECK(ReasonOf(Checkout(other, second).status()) == "ALREADY_OWNED");
  CHECK(payment.create_calls == 1);
  CheckBooks();
  // A decline frees the game for the other order.
  payment.Settle(payment.payment().payment_id(), payment::PAYMENT_STATE_FAILED);
  REQUIRE(Deliver<payment::PaymentFailed>(payment.payment()).ok());
  CHECK(Value(Checkout(other, second)).state() == ORDER_STATE_COMPLETED);
  CHECK(ReasonOf(Checkout(other, first).status()) == "ALREADY_OWNED");
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "a token is needed, and may not hold a card number") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  CHECK(absl::IsInvalidArgument(Checkout(buyer, order, "").status()));
  const absl::Status refused = Checkout(buyer, order, "pm_4242424242424242").status();
  CHECK(absl::IsInvalidArgument(refused));
  CHECK_FALSE(absl::StrContains(refused.ToString(), "4242"));
  CHECK(StateOf(buyer, order) == ORDER_STATE_PENDING);
  CHECK(payment.create_calls == 0);
}

TEST_CASE_METHOD(Shop, "an order of zero completes without a payment") {
  const Order order =
      Value(Checkout(buyer, OrderOf(buyer, {catalog.Sell(0), catalog.Sell(0)}), ""));
  CHECK(order.state() == ORDER_STATE_COMPLETED);
  CHECK(payment.create_calls == 0);
  CHECK(database.Published<PurchaseCompleted>().at(0).payment_id().empty());
  CheckBooks();
}

TEST_CASE_METHOD(Shop, "CheckoutOrder does nothing while the library does not answer") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  library.down = true;
  CHECK(absl::IsUnavailable(Checkout(buyer, order).status()));
  CHECK(StateOf(buyer, order) == ORDER_STATE_PENDING);
}

TEST_CASE_METHOD(Shop, "a payment that payment refuses as malformed has failed") {
  const Order order = OrderOf(buyer, {catalog.Sell(1999)});
  const Order failed = Value(Checkout(buyer, order, "pm_malformed"));
  CHECK(failed.state() == ORDER_STATE_PENDING);
  CHECK(failed.payment_error().decline_code() == "processing_error");
  CHECK(Value(Checkout(buyer, order)).state() == ORDER_STATE_COMPLETED);
}

TEST_CASE_METHOD(Shop, "ClaimFreeGame completes an order of zero") {
  const auto offer = catalog.Sell(0);
  const Order order = Value(Claim(buyer, offer));
  CHECK(order.state() == ORDER_STATE_COMPLETED);
  CHECK(order.total().units_minor() == 0);
  CHECK(order.items(0).edition_id() == offer.edition_id());
  CHECK(Value(Get(buyer, order)).SerializeAsString() == order.SerializeAsString());
  CHECK(database.Published<PurchaseCompleted>().size() == 1);
  CheckBooks();

  SECTION("claiming again answers with the same order") {
    CHECK(Value(Claim(buyer, offer)).order_id() == order.order_id());
    library.Grant(buyer.user_id, offer.game_id());
    CHECK(Value(Claim(buyer, offer)).order_id() == order.order_id());
    catalog.Withdraw(offer);
    CHECK(Value(Claim(buyer, offer)).order_id() == order.order_id());
  }
  SECTION("others claim for themselves") {
    CHECK(Value(Claim(testing::UserCaller(Id()), offer)).order_id() != order.order_id());
  }
}

TEST_CASE_METHOD(Shop, "ClaimFreeGame refuses what costs something, is not on sale, or is owned") {
  CHECK(ReasonOf(Claim(buyer, catalog.Sell(1)).status()) == "NOT_FREE");
  CHECK(ReasonOf(Claim(buyer, catalog.Sell(0, "USD")).status()) == "NOT_ON_SALE");
  const auto gone = catalog.Sell(0);
  catalog.Withdraw(gone);
  CHECK(ReasonOf(Claim(buyer, gone).status()) == "NOT_ON_SALE");

  const auto owned = catalog.Sell(0);
  library.Grant(buyer.user_id, owned.game_id());
  CHECK(ReasonOf(Claim(buyer, owned).status()) == "ALREADY_OWNED");
  const auto bought = catalog.Sell(0);
  Value(Checkout(buyer, OrderOf(buyer, {bought}), ""));
  CHECK(ReasonOf(Claim(buyer, bought).status()) == "ALREADY_OWNED");
}

}  // namespace
}  // namespace playmesh::purchase
