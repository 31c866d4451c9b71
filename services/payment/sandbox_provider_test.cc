#include "services/payment/sandbox_provider.h"

#include "absl/strings/match.h"
#include "common/status/status.h"
#include "services/payment/payment_testing.h"

namespace playmesh::payment {
namespace {

using Kind = Outcome::Kind;

struct Sandbox {
  Outcome Charge(const std::string& token) {
    payment = Make(token);
    auto outcome = provider.Charge(payment);
    REQUIRE(outcome.status() == absl::OkStatus());
    payment.reference = outcome->reference;
    return *outcome;
  }
  ProviderPayment Make(const std::string& token) {
    ProviderPayment made;
    made.payment.set_payment_id(NewUuid(clock.Now()));
    made.payment.set_order_id(NewUuid(clock.Now()));
    *made.payment.mutable_amount() = Money("EUR", 1999);
    made.token = token;
    return made;
  }
  // Types of the webhooks that are due, all acknowledged.
  std::vector<std::string> Webhooks() {
    std::vector<std::string> types;
    REQUIRE(provider.DeliverWebhooks([&](const std::string& body, const std::string& signature) {
      auto event = provider.ParseWebhook(body, signature, clock.Now());
      REQUIRE(event.status() == absl::OkStatus());
      CHECK(event->payment_id == payment.payment.payment_id());
      CHECK(event->reference == payment.reference);
      types.push_back(event->type);
      return absl::OkStatus();
    }) == absl::OkStatus());
    return types;
  }

  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  SandboxProvider provider{
      database.db(), clock, {kSecret, absl::Seconds(2), "https://bank.example/challenge"}};
  ProviderPayment payment;
};

using Types = std::vector<std::string>;

TEST_CASE("Stripe's test cards pay or are declined as documented") {
  Sandbox sandbox;
  for (const char* token :
       {"pm_card_visa", "pm_card_visa_debit", "pm_card_mastercard", "pm_card_mastercard_prepaid",
        "pm_card_amex", "pm_card_discover", "pm_card_diners", "pm_card_jcb", "pm_card_unionpay"}) {
    CAPTURE(token);
    CHECK(sandbox.Charge(token).kind == Kind::kCaptured);
    CHECK(sandbox.Webhooks() == Types{"payment_intent.succeeded"});
  }
  const std::pair<const char*, const char*> declines[] = {
      {"pm_card_visa_chargeDeclined", "generic_decline"},
      {"pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"},
      {"pm_card_visa_chargeDeclinedLostCard", "lost_card"},
      {"pm_card_visa_chargeDeclinedStolenCard", "stolen_card"},
      {"pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_velocity_exceeded"},
      {"pm_card_chargeDeclinedExpiredCard", "expired_card"},
      {"pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"},
      {"pm_card_chargeDeclinedProcessingError", "processing_error"},
      {"pm_card_of_nobody", "resource_missing"}};
  for (const auto& [token, decline_code] : declines) {
    CAPTURE(token);
    const Outcome outcome = sandbox.Charge(token);
    CHECK(outcome.kind == Kind::kFailed);
    CHECK(outcome.decline_code == decline_code);
    CHECK_FALSE(outcome.decline_message.empty());
    CHECK(sandbox.Webhooks() == Types{"payment_intent.payment_failed"});
  }
}

TEST_CASE("the same key gets the same answer, and with other parameters an error") {
  Sandbox sandbox;
  sandbox.Charge("pm_card_visa");
  CHECK(sandbox.provider.Charge(sandbox.payment)->kind == Kind::kCaptured);
  CHECK(sandbox.Webhooks().size() == 1);
  ProviderPayment other = sandbox.payment;
  other.token = "pm_card_mastercard";
  CHECK(absl::IsInvalidArgument(sandbox.provider.Charge(other).status()));
  other = sandbox.payment;
  other.payment.mutable_amount()->set_units_minor(1);
  CHECK(absl::IsInvalidArgument(sandbox.provider.Charge(other).status()));
}

TEST_CASE("a key is charged once, however many try at the same time") {
  const int threads = GENERATE(2, 8, 64);
  Sandbox sandbox;
  const ProviderPayment payment = sandbox.Make("pm_card_visa");
  std::atomic<int> captured = 0;
  InThreads(threads, [&](int) { captured += sandbox.provider.Charge(payment).ok(); });
  CHECK(captured == threads);
  CHECK(sandbox.database.Query<int64_t>("select count(*) from sandbox_charges").at(0) == 1);
  CHECK(sandbox.database.Query<int64_t>("select count(*) from sandbox_webhooks").at(0) == 1);
}

TEST_CASE("a card that times out is charged, and found when it is looked for") {
  Sandbox sandbox;
  sandbox.payment = sandbox.Make("pm_card_timeoutAfterCharge");
  CHECK(absl::IsNotFound(sandbox.provider.Retrieve(sandbox.payment).status()));
  CHECK(absl::IsDeadlineExceeded(sandbox.provider.Charge(sandbox.payment).status()));
  CHECK(sandbox.provider.Retrieve(sandbox.payment)->kind == Kind::kCaptured);
  CHECK(sandbox.provider.Charge(sandbox.payment)->kind == Kind::kCaptured);
  CHECK(sandbox.Webhooks().empty());
}

TEST_CASE("a late card is decided after the delay, and a webhook tells") {
  Sandbox sandbox;
  CHECK(sandbox.Charge("pm_card_lateWebhook").kind == Kind::kPending);
  CHECK(sandbox.provider.Retrieve(sandbox.payment)->kind == Kind::kPending);
  CHECK(sandbox.Webhooks().empty());
  sandbox.clock.Advance(absl::Seconds(2));
  CHECK(sandbox.Webhooks() == Types{"payment_intent.succeeded"});
  CHECK(sandbox.provider.Retrieve(sandbox.payment)->kind == Kind::kCaptured);
}

TEST_CASE("the buyer confirms or refuses, once") {
  struct Case {
    const char* token;
    bool approve;
    Kind kind;
    const char* decline_code;
  };
  const Case cases[] = {
      {"pm_card_authenticationRequired", true, Kind::kCaptured, ""},
      {"pm_card_threeDSecure2Required", true, Kind::kCaptured, ""},
      {"pm_card_threeDSecure2Required", false, Kind::kFailed, "authentication_failed"},
      {"pm_card_threeDSecureRequiredChargeDeclined", true, Kind::kFailed, "generic_decline"},
      {"pm_card_threeDSecureRequiredChargeDeclined", false, Kind::kFailed, "authentication_failed"},
      {"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", true, Kind::kFailed,
       "insufficient_funds"}};
  Sandbox sandbox;
  for (const Case& c : cases) {
    CAPTURE(c.token, c.approve);
    const Outcome asked = sandbox.Charge(c.token);
    REQUIRE(asked.kind == Kind::kRequiresAction);
    CHECK(asked.redirect_url == "https://bank.example/challenge");
    CHECK(sandbox.Webhooks() == Types{"payment_intent.requires_action"});

    CHECK(sandbox.provider.CompleteChallenge(asked.client_secret, c.approve).ok());
    CHECK(sandbox.provider.CompleteChallenge(asked.client_secret, !c.approve).ok());
    const Outcome decided = *sandbox.provider.Retrieve(sandbox.payment);
    CHECK(decided.kind == c.kind);
    CHECK(decided.decline_code == c.decline_code);
    CHECK(sandbox.Webhooks().size() == 1);
  }
}

TEST_CASE("only the whole client secret opens the page of the bank") {
  Sandbox sandbox;
  const std::string secret = sandbox.Charge("pm_card_threeDSecure2Required").client_secret;
  for (const std::string& guess :
       {std::string("x"), sandbox.payment.reference, secret + "0",
        secret.substr(0, secret.size() - 1), sandbox.payment.reference + "_secret_",
        std::string("pi_0_secret_0")}) {
    CAPTURE(guess);
    CHECK(absl::IsNotFound(sandbox.provider.CompleteChallenge(guess, true)));
  }
  CHECK(sandbox.provider.Retrieve(sandbox.payment)->kind == Kind::kRequiresAction);
}

TEST_CASE("a cancelled payment cannot be confirmed, a confirmed one not cancelled") {
  Sandbox sandbox;
  std::string secret = sandbox.Charge("pm_card_threeDSecure2Required").client_secret;
  CHECK(sandbox.provider.Cancel(sandbox.payment)->decline_code == "authentication_failed");
  CHECK(sandbox.provider.CompleteChallenge(secret, true).ok());
  CHECK(sandbox.provider.Retrieve(sandbox.payment)->kind == Kind::kFailed);

  secret = sandbox.Charge("pm_card_threeDSecure2Required").client_secret;
  CHECK(sandbox.provider.CompleteChallenge(secret, true).ok());
  CHECK(sandbox.provider.Cancel(sandbox.payment)->kind == Kind::kCaptured);
}

TEST_CASE("a charge is refunded once, and a pending refund after the delay") {
  Sandbox sandbox;
  sandbox.Charge("pm_card_visa");
  CHECK(sandbox.provider.Refund(sandbox.payment)->kind == Kind::kRefunded);
  CHECK(sandbox.provider.Refund(sandbox.payment)->kind == Kind::kRefunded);
  CHECK(sandbox.Webhooks() == Types{"payment_intent.succeeded", "charge.refunded"});

  sandbox.Charge("pm_card_pendingRefund");
  CHECK(sandbox.provider.Refund(sandbox.payment)->kind == Kind::kPending);
  CHECK(sandbox.Webhooks() == Types{"payment_intent.succeeded"});
  sandbox.clock.Advance(absl::Seconds(2));
  CHECK(sandbox.provider.Refund(sandbox.payment)->kind == Kind::kRefunded);
  CHECK(sandbox.Webhooks() == Types{"charge.refunded"});

  sandbox.Charge("pm_card_visa_chargeDeclined");
  CHECK_FALSE(sandbox.provider.Refund(sandbox.payment).ok());
}

TEST_CASE("a webhook that is not acknowledged comes again, later and later, and not for ever") {
  Sandbox sandbox;
  sandbox.Charge("pm_card_visa");
  int attempts = 0;
  auto refuse = [&](const std::string&, const std::string&) {
    ++attempts;
    return absl::UnavailableError("down");
  };
  REQUIRE(sandbox.provider.DeliverWebhooks(refuse).ok());
  REQUIRE(sandbox.provider.DeliverWebhooks(refuse).ok());
  CHECK(attempts == 1);
  sandbox.clock.Advance(absl::Seconds(1));
  REQUIRE(sandbox.provider.DeliverWebhooks(refuse).ok());
  CHECK(attempts == 2);
  for (int i = 0; i < 100; ++i) {
    sandbox.clock.Advance(absl::Minutes(1));
    REQUIRE(sandbox.provider.DeliverWebhooks(refuse).ok());
  }
  CHECK(attempts == 50);
  CHECK(sandbox.database.Query<int64_t>("select count(*) from sandbox_webhooks").at(0) == 0);
}

TEST_CASE("amounts that Stripe would not take are declined as there") {
  Sandbox sandbox;
  ProviderPayment payment = sandbox.Make("pm_card_visa");
  *payment.payment.mutable_amount() = Money("KWD", 1999);
  CHECK(sandbox.provider.Charge(payment)->decline_code == "invalid_charge_amount");
}

}  // namespace
}  // namespace playmesh::payment
