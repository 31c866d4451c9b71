#include "absl/strings/match.h"
#include "common/status/status.h"
#include "services/payment/payment_testing.h"

namespace playmesh::payment {
namespace {

TEST_CASE("CreatePayment captures a good card, tells it, and owes the organisation its part") {
  SandboxShop shop;
  const CreatePaymentRequest request = shop.Request("pm_card_visa", 1999);
  const Payment payment = *shop.Create(request);
  CHECK(payment.state() == PAYMENT_STATE_CAPTURED);
  CHECK(payment.order_id() == request.order_id());
  CHECK(payment.amount().units_minor() == 1999);
  CHECK(payment.amount().currency_code() == "EUR");
  CHECK(FromTimestamp(payment.create_time()) == shop.clock.Now());

  const auto events = shop.database.Published<PaymentCaptured>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].payment_id() == request.payment_id());
  CHECK(events[0].order_id() == request.order_id());
  CHECK(events[0].amount().units_minor() == 1999);
  CHECK(FromTimestamp(events[0].capture_time()) == shop.clock.Now());
  CHECK(shop.Owed() == 1400);  // less 30 %, rounded down
}

TEST_CASE("CreatePayment declines a bad card, and tells why") {
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_visa_chargeDeclinedInsufficientFunds");
  CHECK(payment.state() == PAYMENT_STATE_FAILED);
  CHECK(payment.decline_code() == "insufficient_funds");
  CHECK_FALSE(payment.decline_message().empty());
  const auto events = shop.database.Published<PaymentFailed>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].payment_id() == payment.payment_id());
  CHECK(events[0].order_id() == payment.order_id());
  CHECK(events[0].decline_code() == "insufficient_funds");
  CHECK(events[0].decline_message() == payment.decline_message());
  CHECK(shop.Count("select count(*) from ledger_entries") == 0);
}

TEST_CASE("a declined amount is a failed payment") {
  SandboxShop shop;
  CreatePaymentRequest request = shop.Request("pm_card_visa");
  *request.mutable_amount() = *request.mutable_splits(0)->mutable_amount() = Money("KWD", 1999);
  CHECK(shop.Create(request)->decline_code() == "invalid_charge_amount");
}

TEST_CASE("CreatePayment with a card that asks the bank says where, and only then") {
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_threeDSecure2Required");
  CHECK(payment.state() == PAYMENT_STATE_REQUIRES_ACTION);
  CHECK(payment.redirect_url() == "https://bank.example/challenge");
  CHECK_FALSE(payment.client_secret().empty());
  CHECK(shop.Count("select count(*) from outbox") == 0);

  CompleteSandboxChallengeRequest challenge;
  challenge.set_client_secret(payment.client_secret());
  challenge.set_approve(true);
  REQUIRE(shop.service.CompleteSandboxChallenge(Caller(), challenge).ok());
  // The bank tells by webhook only.
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_REQUIRES_ACTION);
  CHECK(shop.Deliver() == 2);
  const Payment captured = shop.Get(payment.payment_id());
  CHECK(captured.state() == PAYMENT_STATE_CAPTURED);
  CHECK(captured.redirect_url().empty());
  CHECK(captured.client_secret().empty());
  CHECK(shop.database.Published<PaymentCaptured>().size() == 1);
  CHECK(shop.service.CompleteSandboxChallenge(Caller(), challenge).ok());
  CHECK(shop.Deliver() == 0);
}

TEST_CASE("a refused challenge fails the payment") {
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_threeDSecure2Required");
  CompleteSandboxChallengeRequest challenge;
  challenge.set_client_secret(payment.client_secret());
  REQUIRE(shop.service.CompleteSandboxChallenge(Caller(), challenge).ok());
  shop.Deliver();
  CHECK(shop.Get(payment.payment_id()).decline_code() == "authentication_failed");
  CHECK(shop.database.Published<PaymentFailed>().size() == 1);
  challenge.set_client_secret("pi_0_secret_0");
  CHECK(absl::IsNotFound(shop.service.CompleteSandboxChallenge(Caller(), challenge).status()));
}

TEST_CASE("the token of the card is erased once it is not needed") {
  SandboxShop shop;
  for (const char* token :
       {"pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required"})
    shop.Pay(token);
  CHECK(shop.Count("select count(*) from payments where payment_method_token is not null") == 0);
  shop.Pay("pm_card_lateWebhook");
  CHECK(shop.Count("select count(*) from payments where payment_method_token is not null") == 1);
}

TEST_CASE("the same payment again answers with its state and charges nothing") {
  ScriptedShop shop;
  shop.provider.charge = [](const ProviderPayment&) {
    return Outcome{.kind = Outcome::Kind::kCaptured, .reference = "pi_1"};
  };
  const CreatePaymentRequest request = shop.Request("pm_card_visa");
  CHECK(shop.Create(request)->state() == PAYMENT_STATE_CAPTURED);
  CHECK(shop.Create(request)->state() == PAYMENT_STATE_CAPTURED);
  CHECK(shop.provider.charges == 1);
  CHECK(shop.database.Published<PaymentCaptured>().size() == 1);
}

TEST_CASE("the same payment_id with anything else is refused") {
  SandboxShop shop;
  const CreatePaymentRequest request = shop.Request("pm_card_visa");
  REQUIRE(shop.Create(request).ok());
  CreatePaymentRequest other = request;
  SECTION("another card") { other.set_payment_method_token("pm_card_mastercard"); }
  SECTION("another order") { other.set_order_id(NewUuid(shop.clock.Now())); }
  SECTION("another buyer") { other.set_user_id(NewUuid(shop.clock.Now())); }
  SECTION("another amount") {
    other.mutable_amount()->set_units_minor(1);
    other.mutable_splits(0)->mutable_amount()->set_units_minor(1);
  }
  SECTION("another organisation") {
    other.mutable_splits(0)->set_organisation_id(NewUuid(shop.clock.Now()));
  }
  const absl::Status status = shop.Create(other).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(absl::StrContains(status.message(), "payment_id"));
}

TEST_CASE("amounts that do not add up are refused by their fields") {
  SandboxShop shop;
  CreatePaymentRequest request = shop.Request("pm_card_visa", 1000);
  std::string field;
  SECTION("nothing to pay") {
    request.mutable_amount()->set_units_minor(0);
    request.mutable_splits(0)->mutable_amount()->set_units_minor(0);
    field = "amount.units_minor";
  }
  SECTION("less than nothing") {
    request.mutable_amount()->set_units_minor(-1);
    field = "amount.units_minor";
  }
  SECTION("more than 50 items can cost") {
    request.mutable_amount()->set_units_minor(50'000'000'000'001);
    request.mutable_splits(0)->mutable_amount()->set_units_minor(50'000'000'000'001);
    field = "amount.units_minor";
  }
  SECTION("splits of another sum") {
    request.mutable_splits(0)->mutable_amount()->set_units_minor(999);
    field = "splits: must sum";
  }
  SECTION("splits that overflow") {
    request.mutable_splits(0)->mutable_amount()->set_units_minor(
        std::numeric_limits<int64_t>::max());
    *request.add_splits() = request.splits(0);
    field = "splits: must sum";
  }
  SECTION("a negative split") {
    request.mutable_splits(0)->mutable_amount()->set_units_minor(1001);
    *request.add_splits() = request.splits(0);
    request.mutable_splits(1)->mutable_amount()->set_units_minor(-1);
    field = "splits[1].amount.units_minor";
  }
  SECTION("another currency") {
    request.mutable_splits(0)->mutable_amount()->set_currency_code("USD");
    field = "splits[0].amount.currency_code";
  }
  const absl::Status status = shop.Create(request).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(absl::StrContains(status.message(), field));
  CHECK(shop.Count("select count(*) from payments") == 0);
}

TEST_CASE("one payment is charged once, however many create it at the same time") {
  const int threads = GENERATE(2, 8, 64);
  SandboxShop shop;
  const CreatePaymentRequest request = shop.Request("pm_card_visa");
  std::atomic<int> answered = 0;
  InThreads(threads, [&](int) {
    const auto payment = shop.Create(request);
    answered += payment.ok() && (payment->state() == PAYMENT_STATE_PROCESSING ||
                                 payment->state() == PAYMENT_STATE_CAPTURED);
  });
  CHECK(answered == threads);
  CHECK(shop.Get(request.payment_id()).state() == PAYMENT_STATE_CAPTURED);
  CHECK(shop.Count("select count(*) from sandbox_charges") == 1);
  CHECK(shop.Count("select count(*) from ledger_transactions") == 1);
  CHECK(shop.database.Published<PaymentCaptured>().size() == 1);
}

TEST_CASE(
    "payments of one organisation that open its accounts at the same time are all written down") {
  const int threads = GENERATE(2, 8, 64);
  SandboxShop shop;
  std::atomic<int> captured = 0;
  InThreads(threads, [&](int) {
    const auto payment = shop.Create(shop.Request("pm_card_visa", 1000));
    captured += payment.ok() && payment->state() == PAYMENT_STATE_CAPTURED;
  });
  CHECK(captured == threads);
  CHECK(shop.Owed() == 700 * threads);
  CHECK(shop.Count("select cast(sum(units_minor) as bigint) from ledger_entries") == 0);
}

TEST_CASE("CancelPayment ends a payment that waits for the buyer, once and for all") {
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_threeDSecure2Required");
  const Payment cancelled = *shop.Cancel(payment.payment_id());
  CHECK(cancelled.state() == PAYMENT_STATE_FAILED);
  CHECK(cancelled.decline_code() == "authentication_failed");
  CHECK(cancelled.client_secret().empty());
  CHECK(shop.Cancel(payment.payment_id())->state() == PAYMENT_STATE_FAILED);
  CompleteSandboxChallengeRequest challenge;
  challenge.set_client_secret(payment.client_secret());
  challenge.set_approve(true);
  REQUIRE(shop.service.CompleteSandboxChallenge(Caller(), challenge).ok());
  shop.Deliver();
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_FAILED);
  CHECK(shop.database.Published<PaymentFailed>().size() == 1);
  CHECK(shop.Owed() == 0);
}

TEST_CASE("CancelPayment of a payment that was captured meanwhile says so") {
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_threeDSecure2Required");
  CompleteSandboxChallengeRequest challenge;
  challenge.set_client_secret(payment.client_secret());
  challenge.set_approve(true);
  REQUIRE(shop.service.CompleteSandboxChallenge(Caller(), challenge).ok());
  REQUIRE(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_REQUIRES_ACTION);
  CHECK(shop.Cancel(payment.payment_id())->state() == PAYMENT_STATE_CAPTURED);
  shop.Deliver();
  CHECK(shop.database.Published<PaymentCaptured>().size() == 1);
  CHECK(shop.Owed() == 1400);
}

TEST_CASE("CancelPayment leaves a payment waiting when the provider does not answer") {
  ScriptedShop shop;
  shop.provider.charge = [](const ProviderPayment&) {
    return Outcome{
        .kind = Outcome::Kind::kRequiresAction, .reference = "pi_1", .client_secret = "x"};
  };
  const std::string payment_id = shop.Pay("pm_card_visa").payment_id();
  CHECK(shop.Cancel(payment_id)->state() == PAYMENT_STATE_REQUIRES_ACTION);
  shop.provider.cancel = [](const ProviderPayment& asked) {
    CHECK(asked.reference == "pi_1");
    return Outcome{.kind = Outcome::Kind::kFailed, .decline_code = "x", .decline_message = "x"};
  };
  CHECK(shop.Cancel(payment_id)->state() == PAYMENT_STATE_FAILED);
  CHECK(shop.provider.cancellations == 2);
}

TEST_CASE("CancelPayment changes nothing about a payment that does not wait for the buyer") {
  SandboxShop shop;
  for (const char* token : {"pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_lateWebhook"}) {
    CAPTURE(token);
    const Payment payment = shop.Pay(token);
    CHECK(shop.Cancel(payment.payment_id())->state() == payment.state());
  }
  CHECK(absl::IsNotFound(shop.Cancel(NewUuid(shop.clock.Now())).status()));
}

TEST_CASE("a payment is cancelled or captured, never both, however many try at the same time") {
  const int threads = GENERATE(2, 8, 64);
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_threeDSecure2Required");
  CompleteSandboxChallengeRequest challenge;
  challenge.set_client_secret(payment.client_secret());
  challenge.set_approve(true);
  std::atomic<int> answered = 0;
  InThreads(threads, [&](int i) {
    answered += i % 2 == 0 ? shop.Cancel(payment.payment_id()).ok()
                           : shop.service.CompleteSandboxChallenge(Caller(), challenge).ok();
  });
  CHECK(answered == threads);
  shop.Deliver();
  const bool captured = shop.Get(payment.payment_id()).state() == PAYMENT_STATE_CAPTURED;
  CHECK(shop.database.Published<PaymentCaptured>().size() == (captured ? 1 : 0));
  CHECK(shop.database.Published<PaymentFailed>().size() == (captured ? 0 : 1));
  CHECK(shop.Owed() == (captured ? 1400 : 0));
}

TEST_CASE("what another provider has made can be neither refunded nor cancelled") {
  ScriptedShop shop;
  shop.provider.charge = [](const ProviderPayment&) {
    return Outcome{.kind = Outcome::Kind::kCaptured, .reference = "pi_1"};
  };
  const std::string captured = shop.Pay("pm_card_visa").payment_id();
  shop.provider.charge = [](const ProviderPayment&) {
    return Outcome{
        .kind = Outcome::Kind::kRequiresAction, .reference = "pi_2", .client_secret = "x"};
  };
  const std::string asking = shop.Pay("pm_card_visa").payment_id();
  shop.provider.own_name = "stripe";
  CHECK(ReasonOf(shop.Refund(captured).status()) == "PROVIDER_NOT_CONFIGURED");
  CHECK(ReasonOf(shop.Cancel(asking).status()) == "PROVIDER_NOT_CONFIGURED");
  CHECK(shop.Get(captured).state() == PAYMENT_STATE_CAPTURED);
  CHECK(shop.Get(asking).state() == PAYMENT_STATE_REQUIRES_ACTION);
  CHECK(shop.provider.refunds == 0);
  CHECK(shop.provider.cancellations == 0);
}

TEST_CASE("RefundPayment gives the whole back, once") {
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_visa");
  CHECK(shop.Refund(payment.payment_id())->state() == PAYMENT_STATE_REFUNDED);
  CHECK(shop.Refund(payment.payment_id())->state() == PAYMENT_STATE_REFUNDED);
  const auto events = shop.database.Published<PaymentRefunded>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].payment_id() == payment.payment_id());
  CHECK(events[0].order_id() == payment.order_id());
  CHECK(events[0].amount().units_minor() == 1999);
  CHECK(FromTimestamp(events[0].refund_time()) == shop.clock.Now());
  CHECK(shop.Owed() == 0);
}

TEST_CASE("RefundPayment refuses what was not captured") {
  SandboxShop shop;
  for (const char* token :
       {"pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required", "pm_card_lateWebhook"}) {
    CAPTURE(token);
    const absl::Status status = shop.Refund(shop.Pay(token).payment_id()).status();
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(ReasonOf(status) == "PAYMENT_NOT_CAPTURED");
  }
  CHECK(absl::IsNotFound(shop.Refund(NewUuid(shop.clock.Now())).status()));
}

TEST_CASE("a payment is refunded once, however many ask at the same time") {
  const int threads = GENERATE(2, 8, 64);
  SandboxShop shop;
  const std::string payment_id = shop.Pay("pm_card_visa").payment_id();
  std::atomic<int> answered = 0;
  InThreads(threads, [&](int) { answered += shop.Refund(payment_id).ok(); });
  CHECK(answered == threads);
  CHECK(shop.Get(payment_id).state() == PAYMENT_STATE_REFUNDED);
  CHECK(shop.database.Published<PaymentRefunded>().size() == 1);
  CHECK(shop.Owed() == 0);
}

TEST_CASE("GetPayment knows no payment of another id") {
  SandboxShop shop;
  GetPaymentRequest request;
  request.set_payment_id(NewUuid(shop.clock.Now()));
  CHECK(absl::IsNotFound(shop.service.GetPayment(shop.purchase, request).status()));
}

TEST_CASE("the fee of a payment is the one of the day on which it was made") {
  SandboxShop shop;
  const CreatePaymentRequest request = shop.Request("pm_card_lateWebhook", 1000);
  REQUIRE(shop.Create(request)->state() == PAYMENT_STATE_PROCESSING);
  shop.clock.Advance(absl::Seconds(3));
  PaymentService later(
      {shop.database.db(), shop.clock, shop.outbox, shop.provider, /*fee_basis_points=*/0});
  REQUIRE(later.Reconcile().ok());
  CHECK(shop.Owed() == 700);
}

}  // namespace
}  // namespace playmesh::payment
