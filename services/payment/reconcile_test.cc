// What happens to payments whose outcome the provider did not tell.
#include "services/payment/payment_testing.h"

namespace playmesh::payment {
namespace {

using Kind = Outcome::Kind;

absl::StatusOr<Outcome> NeverHeard(const ProviderPayment&) {
  return absl::NotFoundError("never heard of it");
}
absl::StatusOr<Outcome> Captured(const ProviderPayment&) {
  return Outcome{.kind = Kind::kCaptured, .reference = "pi_1"};
}

TEST_CASE("a charge whose answer was lost is found, and written down once") {
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_timeoutAfterCharge");
  CHECK(payment.state() == PAYMENT_STATE_PROCESSING);
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_PROCESSING);  // not yet due
  shop.clock.Advance(absl::Seconds(2));
  for (int i = 0; i < 3; ++i) REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_CAPTURED);
  CHECK(shop.Count("select count(*) from sandbox_charges") == 1);
  CHECK(shop.database.Published<PaymentCaptured>().size() == 1);
  CHECK(shop.Owed() == 1400);
}

TEST_CASE("a payment is reconciled once, however many do it at the same time") {
  const int threads = GENERATE(2, 8, 64);
  SandboxShop shop;
  for (int i = 0; i < 5; ++i) shop.Pay("pm_card_timeoutAfterCharge", 1000);
  shop.clock.Advance(absl::Seconds(2));
  std::atomic<int> done = 0;
  InThreads(threads, [&](int) { done += shop.service.Reconcile().ok(); });
  CHECK(done == threads);
  CHECK(shop.database.Published<PaymentCaptured>().size() == 5);
  CHECK(shop.Owed() == 5 * 700);
}

TEST_CASE("a payment that never reached the provider is charged under the same id") {
  ScriptedShop shop;
  const Payment payment = shop.Pay("pm_card_visa");
  shop.provider.retrieve = NeverHeard;
  shop.provider.charge = [&](const ProviderPayment& asked) {
    CHECK(asked.payment.payment_id() == payment.payment_id());
    CHECK(asked.token == "pm_card_visa");
    return Captured(asked);
  };
  shop.clock.Advance(absl::Seconds(2));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.provider.charges == 2);
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_CAPTURED);
}

TEST_CASE("a payment whose maker crashed before asking is charged once its lease has run out") {
  ScriptedShop shop;
  const Payment payment = shop.Pay("pm_card_visa");
  REQUIRE(
      shop.database.Execute("update payments set ask_time = :lease", shop.clock.Now() + kAskLease)
          .ok());
  shop.provider.retrieve = NeverHeard;
  shop.provider.charge = Captured;
  shop.clock.Advance(kAskLease - absl::Seconds(1));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_PROCESSING);
  shop.clock.Advance(absl::Seconds(1));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_CAPTURED);
}

TEST_CASE("nothing is charged again when the provider may have forgotten the key") {
  ScriptedShop shop;
  const Payment payment = shop.Pay("pm_card_visa");
  shop.clock.Advance(absl::Hours(23));
  SECTION("it does not answer") {
    REQUIRE(shop.service.Reconcile().ok());
    CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_PROCESSING);
  }
  SECTION("it never heard of the payment") {
    shop.provider.retrieve = NeverHeard;
    REQUIRE(shop.service.Reconcile().ok());
    CHECK(shop.Get(payment.payment_id()).decline_code() == "processing_error");
    CHECK(shop.database.Published<PaymentFailed>().size() == 1);
  }
  CHECK(shop.provider.charges == 1);
}

TEST_CASE("the provider is asked more and more rarely") {
  ScriptedShop shop;
  shop.Pay("pm_card_visa");
  int asked_at_once = 0;
  for (int second = 0; second < 3600; ++second) {
    shop.clock.Advance(absl::Seconds(1));
    const int before = shop.provider.retrievals;
    if (second % 2 == 1) REQUIRE(shop.service.Reconcile().ok());
    asked_at_once = std::max(asked_at_once, shop.provider.retrievals - before);
  }
  CHECK(asked_at_once == 1);
  // After 2 s, then after 4, 8, … 512, and every 600.
  CHECK(shop.provider.retrievals == 13);
}

TEST_CASE("a batch is bounded, and the rest follows") {
  ScriptedShop shop;
  for (int i = 0; i < 25; ++i) shop.Pay("pm_card_visa");
  shop.clock.Advance(absl::Seconds(2));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.provider.retrievals == 20);
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.provider.retrievals == 25);
}

TEST_CASE("the provider is asked no more once the time of the task is over") {
  ScriptedShop shop;
  for (int i = 0; i < 5; ++i) shop.Pay("pm_card_visa");
  Context context;
  context.deadline = absl::Now() + absl::Minutes(1);
  shop.provider.retrieve = [&](const ProviderPayment& asked) {
    context.deadline = absl::Now() + absl::Milliseconds(400);
    return ScriptedProvider::Silence(asked);
  };
  shop.clock.Advance(absl::Seconds(2));
  {
    ScopedContext scope(context);
    REQUIRE(shop.service.Reconcile().ok());
  }
  CHECK(shop.provider.retrievals == 1);
  CHECK(shop.Count("select count(*) from payments where ask_count > 0") == 1);
  // The others have lost no more than the lease.
  shop.provider.retrieve = Captured;
  shop.clock.Advance(kAskLease);
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.provider.retrievals == 6);
}

TEST_CASE("payments of a provider that is not configured any more are left alone") {
  ScriptedShop shop;
  const Payment payment = shop.Pay("pm_card_visa");
  shop.provider.retrieve = NeverHeard;
  shop.provider.charge = Captured;
  shop.clock.Advance(absl::Hours(1));
  shop.provider.own_name = "stripe";
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.provider.retrievals == 0);
  CHECK(shop.provider.charges == 1);
  const std::string body = IntentEvent("evt_1", "payment_intent.succeeded", payment.payment_id(),
                                       R"("status":"succeeded")");
  CHECK(shop.service.DeliverWebhook(body, SignWebhook(kSecret, body, shop.clock.Now())).ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_PROCESSING);

  shop.provider.own_name = "sandbox";
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_CAPTURED);
}

TEST_CASE("a payment that the buyer leaves unconfirmed ends after an hour") {
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_threeDSecure2Required");
  shop.clock.Advance(absl::Minutes(59));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_REQUIRES_ACTION);
  shop.clock.Advance(absl::Minutes(1));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).decline_code() == "authentication_failed");
  CHECK(shop.database.Published<PaymentFailed>().size() == 1);
  // Too late now.
  CompleteSandboxChallengeRequest challenge;
  challenge.set_client_secret(payment.client_secret());
  challenge.set_approve(true);
  CHECK(shop.service.CompleteSandboxChallenge(Caller(), challenge).ok());
  shop.Deliver();
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_FAILED);
}

TEST_CASE("a confirmed payment whose webhook was lost is found when its time is over") {
  SandboxShop shop;
  const Payment payment = shop.Pay("pm_card_threeDSecure2Required");
  CompleteSandboxChallengeRequest challenge;
  challenge.set_client_secret(payment.client_secret());
  challenge.set_approve(true);
  REQUIRE(shop.service.CompleteSandboxChallenge(Caller(), challenge).ok());
  shop.clock.Advance(absl::Hours(1));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_CAPTURED);
  shop.Deliver();
  CHECK(shop.database.Published<PaymentCaptured>().size() == 1);
}

TEST_CASE("a refund whose answer was lost is asked for again until the provider agrees") {
  ScriptedShop shop;
  shop.provider.charge = Captured;
  const Payment payment = shop.Pay("pm_card_visa");
  CHECK(shop.Refund(payment.payment_id())->state() == PAYMENT_STATE_REFUNDING);
  shop.clock.Advance(absl::Seconds(2));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_REFUNDING);
  shop.provider.refund = [](const ProviderPayment& asked) {
    CHECK(asked.reference == "pi_1");
    return Outcome{.kind = Kind::kRefunded};
  };
  shop.clock.Advance(absl::Seconds(4));
  REQUIRE(shop.service.Reconcile().ok());
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.provider.refunds == 3);
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_REFUNDED);
  CHECK(shop.database.Published<PaymentRefunded>().size() == 1);
}

TEST_CASE("what was settled while the provider was asked stays as it is") {
  ScriptedShop shop;
  const Payment payment = shop.Pay("pm_card_visa");
  shop.provider.retrieve = [&](const ProviderPayment&) {
    const std::string body = IntentEvent("evt_1", "payment_intent.succeeded", payment.payment_id(),
                                         R"("status":"succeeded")");
    CHECK(shop.service.DeliverWebhook(body, SignWebhook(kSecret, body, shop.clock.Now())).ok());
    return Outcome{.kind = Kind::kFailed, .decline_code = "x", .decline_message = "x"};
  };
  shop.clock.Advance(absl::Seconds(2));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.Get(payment.payment_id()).state() == PAYMENT_STATE_CAPTURED);
}

TEST_CASE("the provider has the caller's time less what writing its answer needs") {
  ScriptedShop shop;
  absl::Time limit;
  shop.provider.charge = [&](const ProviderPayment& asked) {
    limit = CurrentContext().deadline;
    return Outcome();
  };
  Context context;
  context.deadline = absl::Now() + absl::Seconds(5);
  {
    ScopedContext scope(context);
    shop.Pay("pm_card_visa");
  }
  CHECK(limit == context.deadline - absl::Milliseconds(500));
  shop.Pay("pm_card_visa_debit", 2);
  CHECK(limit <= absl::Now() + absl::Seconds(10));
}

}  // namespace
}  // namespace playmesh::payment
