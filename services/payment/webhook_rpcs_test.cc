#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/payment/payment_testing.h"

namespace playmesh::payment {
namespace {

using Kind = Outcome::Kind;

constexpr char kSucceeded[] = R"("status":"succeeded")";
constexpr char kRefused[] = R"("status":"requires_payment_method",
    "last_payment_error":{"type":"card_error","code":"payment_intent_authentication_failure","message":"Refused."})";
constexpr char kAsks[] = R"("status":"requires_action","client_secret":"pi_1_secret_x")";

// A shop whose provider has said no more of the payment than `told`.
struct WebhookShop : ScriptedShop {
  explicit WebhookShop(const Outcome& told = {.kind = Kind::kPending, .reference = "pi_1"}) {
    provider.charge = [&](const ProviderPayment&) { return told; };
    payment = Pay("pm_card_visa");
  }
  absl::Status Send(const std::string& body, absl::Duration age = absl::ZeroDuration()) {
    return service.DeliverWebhook(body, SignWebhook(kSecret, body, clock.Now() - age));
  }
  absl::Status Send(const std::string& event_id, const std::string& type, const std::string& rest) {
    return Send(IntentEvent(event_id, type, payment.payment_id(), rest));
  }
  PaymentState State() { return Get(payment.payment_id()).state(); }

  Payment payment;
};

const Outcome kAsking{
    .kind = Kind::kRequiresAction, .reference = "pi_1", .client_secret = "pi_1_secret_x"};

TEST_CASE("a webhook settles a payment, and the same one again changes nothing") {
  WebhookShop shop;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(shop.Send("evt_1", "payment_intent.succeeded", kSucceeded).ok());
  }
  REQUIRE(shop.Send("evt_2", "payment_intent.succeeded", kSucceeded).ok());
  CHECK(shop.State() == PAYMENT_STATE_CAPTURED);
  CHECK(shop.database.Published<PaymentCaptured>().size() == 1);
  CHECK(shop.Count("select count(*) from provider_events") == 2);
  CHECK(shop.Owed() == 1400);
}

TEST_CASE(
    "a webhook has an effect once, however many come at the same time as the answer and "
    "reconciliation") {
  const int threads = GENERATE(2, 8, 64);
  WebhookShop shop;
  shop.provider.retrieve = [](const ProviderPayment&) {
    return Outcome{.kind = Kind::kCaptured, .reference = "pi_1"};
  };
  shop.clock.Advance(absl::Minutes(1));
  std::atomic<int> acknowledged = 0;
  InThreads(threads, [&](int i) {
    if (i % 4 == 3) {
      acknowledged += shop.service.Reconcile().ok();
    } else {
      acknowledged +=
          shop.Send(absl::StrCat("evt_", i % 3), "payment_intent.succeeded", kSucceeded).ok();
    }
  });
  CHECK(acknowledged == threads);
  CHECK(shop.State() == PAYMENT_STATE_CAPTURED);
  CHECK(shop.database.Published<PaymentCaptured>().size() == 1);
  CHECK(shop.Count("select count(*) from ledger_transactions") == 1);
}

TEST_CASE("a webhook is refused unless it is signed, and was so just now") {
  WebhookShop shop;
  const std::string body =
      IntentEvent("evt_1", "payment_intent.succeeded", shop.payment.payment_id(), kSucceeded);
  auto refused = [](const absl::Status& status) {
    return absl::IsUnauthenticated(status) && ReasonOf(status) == "BAD_SIGNATURE";
  };
  CHECK(refused(shop.service.DeliverWebhook(body, "")));
  CHECK(refused(
      shop.service.DeliverWebhook(body, SignWebhook("whsec_other", body, shop.clock.Now()))));
  CHECK(refused(
      shop.service.DeliverWebhook(body + " ", SignWebhook(kSecret, body, shop.clock.Now()))));
  CHECK(refused(shop.Send(body, kSignatureTolerance + absl::Seconds(1))));
  CHECK(refused(shop.Send(body, -kSignatureTolerance - absl::Seconds(2))));
  HandleProviderWebhookRequest request;
  request.set_provider("sandbox");
  request.mutable_body()->set_data(body);
  CHECK(refused(shop.service.HandleProviderWebhook(Caller(), request).status()));
  CHECK(shop.State() == PAYMENT_STATE_PROCESSING);
}

TEST_CASE("webhooks of other providers and of no events are refused") {
  WebhookShop shop;
  HandleProviderWebhookRequest request;
  request.set_provider("stripe");
  CHECK(absl::IsNotFound(shop.service.HandleProviderWebhook(Caller(), request).status()));
  CHECK(absl::IsInvalidArgument(shop.Send("no json")));
}

TEST_CASE("webhooks that are not about our payments are acknowledged") {
  WebhookShop shop;
  CHECK(shop.Send(IntentEvent("evt_1", "payment_intent.succeeded", NewUuid(shop.clock.Now()),
                              R"("status":"succeeded","id":"pi_9")"))
            .ok());
  CHECK(shop.Send(R"({"id":"evt_2","type":"customer.created","data":{"object":{}}})").ok());
  CHECK(
      shop.Send(
              R"({"id":"evt_3","type":"charge.refunded","data":{"object":{"payment_intent":null}}})")
          .ok());
  CHECK(shop.State() == PAYMENT_STATE_PROCESSING);
}

TEST_CASE("a captured payment does not fail, and a failed one is not captured") {
  WebhookShop shop;
  SECTION("captured, then failed") {
    REQUIRE(shop.Send("evt_1", "payment_intent.succeeded", kSucceeded).ok());
    REQUIRE(shop.Send("evt_2", "payment_intent.payment_failed", kRefused).ok());
    REQUIRE(shop.Send("evt_3", "payment_intent.requires_action", kAsks).ok());
    CHECK(shop.State() == PAYMENT_STATE_CAPTURED);
    CHECK(shop.database.Published<PaymentFailed>().empty());
  }
  SECTION("failed, then captured") {
    REQUIRE(shop.Send("evt_1", "payment_intent.payment_failed", kRefused).ok());
    REQUIRE(shop.Send("evt_2", "payment_intent.succeeded", kSucceeded).ok());
    CHECK(shop.State() == PAYMENT_STATE_FAILED);
    CHECK(shop.database.Published<PaymentCaptured>().empty());
    CHECK(shop.Count("select count(*) from ledger_transactions") == 0);
  }
}

TEST_CASE("a payment that waits for the buyer is ended at the provider before it fails") {
  WebhookShop shop(kAsking);
  REQUIRE(shop.State() == PAYMENT_STATE_REQUIRES_ACTION);
  SECTION("when it cannot be ended, the webhook must come again") {
    CHECK(absl::IsUnavailable(shop.Send("evt_1", "payment_intent.payment_failed", kRefused)));
    CHECK(shop.State() == PAYMENT_STATE_REQUIRES_ACTION);
  }
  SECTION("it is ended") {
    shop.provider.cancel = [](const ProviderPayment& payment) {
      CHECK(payment.reference == "pi_1");
      return Outcome{
          .kind = Kind::kFailed, .reference = "pi_1", .decline_code = "x", .decline_message = "x"};
    };
    CHECK(shop.Send("evt_1", "payment_intent.payment_failed", kRefused).ok());
    CHECK(shop.Get(shop.payment.payment_id()).decline_code() == "authentication_failed");
    CHECK(shop.Get(shop.payment.payment_id()).decline_message() == "Refused.");
  }
  SECTION("the buyer was faster with another card") {
    shop.provider.cancel = [](const ProviderPayment&) {
      return Outcome{.kind = Kind::kCaptured, .reference = "pi_1"};
    };
    CHECK(shop.Send("evt_1", "payment_intent.payment_failed", kRefused).ok());
    CHECK(shop.State() == PAYMENT_STATE_CAPTURED);
  }
}

TEST_CASE("asking the buyer twice does not shorten the time to answer") {
  WebhookShop shop(kAsking);
  REQUIRE(shop.Send("evt_1", "payment_intent.requires_action", kAsks).ok());
  shop.clock.Advance(absl::Minutes(59));
  REQUIRE(shop.service.Reconcile().ok());
  CHECK(shop.provider.cancellations == 0);
}

TEST_CASE("a refund that was made at the provider is written down, but not one of a part") {
  WebhookShop shop({.kind = Kind::kCaptured, .reference = "pi_1"});
  auto refund = [&](const std::string& event_id, int64_t units) {
    return shop.Send(absl::StrCat(R"({"id":")", event_id,
                                  R"(","type":"charge.refunded","data":{"object":
        {"payment_intent":"pi_1","amount":1999,"currency":"eur","amount_refunded":)",
                                  units, "}}}"));
  };
  REQUIRE(refund("evt_1", 500).ok());
  CHECK(shop.State() == PAYMENT_STATE_CAPTURED);
  REQUIRE(refund("evt_2", 1999).ok());
  REQUIRE(refund("evt_3", 1999).ok());
  CHECK(shop.State() == PAYMENT_STATE_REFUNDED);
  CHECK(shop.database.Published<PaymentRefunded>().size() == 1);
  CHECK(shop.Owed() == 0);
}

TEST_CASE("a refund that is told before its capture implies it") {
  WebhookShop shop;
  REQUIRE(shop.Send(R"({"id":"evt_1","type":"refund.updated","data":{"object":
      {"payment_intent":"pi_1","amount":1999,"currency":"eur","status":"succeeded"}}})")
              .ok());
  REQUIRE(shop.Send("evt_2", "payment_intent.succeeded", kSucceeded).ok());
  CHECK(shop.State() == PAYMENT_STATE_REFUNDED);
  CHECK(shop.database.Published<PaymentCaptured>().size() == 1);
  CHECK(shop.database.Published<PaymentRefunded>().size() == 1);
  CHECK(shop.Count("select count(*) from ledger_transactions") == 2);
}

TEST_CASE("the sandbox's late outcomes and pending refunds arrive by webhook") {
  SandboxShop shop;
  const Payment late = shop.Pay("pm_card_lateWebhook");
  CHECK(late.state() == PAYMENT_STATE_PROCESSING);
  CHECK(shop.Deliver() == 0);
  shop.clock.Advance(absl::Seconds(2));
  CHECK(shop.Deliver() == 1);
  CHECK(shop.Get(late.payment_id()).state() == PAYMENT_STATE_CAPTURED);

  const Payment refunded = shop.Pay("pm_card_pendingRefund");
  CHECK(shop.Refund(refunded.payment_id())->state() == PAYMENT_STATE_REFUNDING);
  CHECK(shop.Refund(refunded.payment_id())->state() == PAYMENT_STATE_REFUNDING);
  shop.clock.Advance(absl::Seconds(2));
  CHECK(shop.Deliver() == 2);
  CHECK(shop.Get(refunded.payment_id()).state() == PAYMENT_STATE_REFUNDED);
  CHECK(shop.database.Published<PaymentRefunded>().size() == 1);
}

TEST_CASE("webhooks that told what was known change nothing") {
  SandboxShop shop;
  shop.Pay("pm_card_visa");
  shop.Pay("pm_card_visa_chargeDeclined");
  CHECK(shop.Deliver() == 2);
  CHECK(shop.Deliver() == 0);
  CHECK(shop.Count("select count(*) from outbox") == 2);
}

TEST_CASE("webhooks are forgotten after 30 days") {
  WebhookShop shop;
  REQUIRE(shop.Send("evt_1", "payment_intent.succeeded", kSucceeded).ok());
  shop.clock.Advance(absl::Hours(24 * 30));
  REQUIRE(shop.service.ForgetWebhooks().ok());
  CHECK(shop.Count("select count(*) from provider_events") == 1);
  shop.clock.Advance(absl::Seconds(1));
  REQUIRE(shop.service.ForgetWebhooks().ok());
  CHECK(shop.Count("select count(*) from provider_events") == 0);
}

}  // namespace
}  // namespace playmesh::payment
