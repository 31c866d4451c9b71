#include "services/payment/stripe_wire.h"

#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace playmesh::payment {
namespace {

using Kind = Outcome::Kind;

constexpr char kPaymentId[] = "0193f2a0-0000-7000-8000-000000000001";
constexpr char kBody[] = R"({"id":"evt_1"})";
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

type::v1::Money Money(const std::string& currency_code, int64_t units_minor) {
  type::v1::Money money;
  money.set_currency_code(currency_code);
  money.set_units_minor(units_minor);
  return money;
}

std::string Event(const std::string& type, const std::string& object) {
  return absl::StrCat(R"({"id":"evt_1","type":")", type, R"(","data":{"object":)", object, "}}");
}

TEST_CASE("amounts are Stripe's but for ISK, which it counts with two decimals") {
  CHECK(ToStripeAmount(Money("EUR", 1999)) == absl::StatusOr<int64_t>(1999));
  CHECK(ToStripeAmount(Money("JPY", 500)) == absl::StatusOr<int64_t>(500));
  CHECK(ToStripeAmount(Money("HUF", 123'45)) == absl::StatusOr<int64_t>(123'45));
  CHECK(ToStripeAmount(Money("ISK", 5)) == absl::StatusOr<int64_t>(500));
  CHECK(FromStripeAmount("isk", 500).units_minor() == 5);
  CHECK(FromStripeAmount("eur", 1999).currency_code() == "EUR");
  CHECK_FALSE(ToStripeAmount(Money("ISK", int64_t{1} << 60)).ok());
}

TEST_CASE("amounts with three decimals must end in 0") {
  CHECK(ToStripeAmount(Money("KWD", 5120)) == absl::StatusOr<int64_t>(5120));
  const absl::Status refused = ToStripeAmount(Money("KWD", 5124)).status();
  CHECK(absl::IsInvalidArgument(refused));
  const Outcome outcome = RefusedAmount(refused);
  CHECK(outcome.kind == Kind::kFailed);
  CHECK(outcome.decline_code == "invalid_charge_amount");
  CHECK(outcome.decline_message == "amounts in KWD must end in 0");
}

TEST_CASE("forms escape all that is not unreserved") {
  CHECK(EncodeForm({{"metadata[order_id]", "a b&c=d"}, {"x", "ö~"}}) ==
        "metadata%5Border_id%5D=a%20b%26c%3Dd&x=%C3%B6~");
  CHECK(EncodeForm({}).empty());
}

TEST_CASE("a charge is one form, with the ids as metadata") {
  ProviderPayment payment;
  payment.payment.set_payment_id(kPaymentId);
  payment.payment.set_order_id("order");
  *payment.payment.mutable_amount() = Money("EUR", 1999);
  payment.token = "pm_card_visa";
  const std::string form = EncodeForm(ChargeForm(payment, 1999, ""));
  CHECK(form == absl::StrCat("amount=1999&currency=eur&confirm=true&payment_method=pm_card_visa&"
                             "payment_method_types%5B%5D=card"
                             "&metadata%5Bpayment_id%5D=",
                             kPaymentId, "&metadata%5Border_id%5D=order"));
  CHECK(EncodeForm(ChargeForm(payment, 1999, "https://shop.example"))
            .ends_with("&return_url=https%3A%2F%2Fshop.example"));
}

TEST_CASE("the status of a payment intent is its outcome") {
  auto read = [](const std::string& rest) {
    return ReadIntent({200, absl::StrCat(R"({"id":"pi_1",)", rest, "}")});
  };
  CHECK(read(R"("status":"succeeded")")->kind == Kind::kCaptured);
  CHECK(read(R"("status":"succeeded")")->reference == "pi_1");
  CHECK(read(R"("status":"processing")")->kind == Kind::kPending);
  CHECK(read(R"("status":"requires_confirmation")")->kind == Kind::kPending);
  const auto action = read(R"("status":"requires_action","client_secret":"pi_1_secret_x",
      "next_action":{"type":"redirect_to_url","redirect_to_url":{"url":"https://bank.example"}})");
  CHECK(action->kind == Kind::kRequiresAction);
  CHECK(action->client_secret == "pi_1_secret_x");
  CHECK(action->redirect_url == "https://bank.example");
  const auto script = read(
      R"("status":"requires_action","client_secret":"s","next_action":{"type":"use_stripe_sdk"})");
  CHECK(script->kind == Kind::kRequiresAction);
  CHECK(script->redirect_url.empty());
  const auto refused = read(R"("status":"requires_payment_method","last_payment_error":
      {"type":"card_error","code":"payment_intent_authentication_failure","message":"The card failed authentication."})");
  CHECK(refused->kind == Kind::kFailed);
  CHECK(refused->decline_code == "authentication_failed");
  CHECK(refused->decline_message == "The card failed authentication.");
  CHECK(read(R"("status":"canceled","last_payment_error":null)")->decline_code ==
        "authentication_failed");
  CHECK_FALSE(read(R"("status":"requires_action")").ok());
  CHECK_FALSE(ReadIntent({200, "<html>"}).ok());
  CHECK_FALSE(ReadIntent({200, "[]"}).ok());
}

TEST_CASE("what Stripe refuses for good is a decline") {
  const auto declined = ReadCharge({402, R"({"error":{"type":"card_error","code":"card_declined",
      "decline_code":"insufficient_funds","message":"Not enough.","payment_intent":{"id":"pi_1"}}})"});
  REQUIRE(declined.ok());
  CHECK(declined->kind == Kind::kFailed);
  CHECK(declined->reference == "pi_1");
  CHECK(declined->decline_code == "insufficient_funds");
  CHECK(declined->decline_message == "Not enough.");
  CHECK(
      ReadCharge({402, R"({"error":{"type":"card_error","code":"expired_card"}})"})->decline_code ==
      "expired_card");

  const auto unknown =
      ReadCharge({400, R"({"error":{"type":"invalid_request_error","code":"resource_missing",
      "message":"No such PaymentMethod: 'pm_x'"}})"});
  CHECK(unknown->decline_code == "resource_missing");
  CHECK(unknown->decline_message == "The payment could not be made. Try another card.");
}

TEST_CASE("an error that may pass leaves the outcome open") {
  for (int status : {0, 301, 408, 409, 424, 429, 500, 502, 503}) {
    CAPTURE(status);
    CHECK(absl::IsUnavailable(ReadCharge({status, R"({"error":{"type":"api_error"}})"}).status()));
  }
  // Ours to mend; the money may have moved all the same.
  for (int status : {401, 403}) {
    CHECK(absl::IsFailedPrecondition(ReadCharge({status, "{}"}).status()));
  }
  const auto other =
      ReadCharge({400, R"({"error":{"type":"idempotency_error","message":"pm_secret"}})"});
  CHECK(absl::IsFailedPrecondition(other.status()));
  CHECK_FALSE(absl::StrContains(other.status().message(), "pm_secret"));
  CHECK(absl::IsNotFound(ReadIntent({404, "{}"}).status()));
}

TEST_CASE("a search finds the intent of the payment only") {
  const std::string list =
      absl::StrCat(R"({"data":[{"id":"pi_0","status":"succeeded","metadata":{}},
      {"id":"pi_1","status":"succeeded","metadata":{"payment_id":")",
                   kPaymentId, R"("}}]})");
  CHECK(ReadIntentSearch({200, list}, kPaymentId)->reference == "pi_1");
  CHECK(absl::IsNotFound(ReadIntentSearch({200, list}, "other").status()));
  CHECK(absl::IsUnavailable(ReadIntentSearch({200, "{}"}, kPaymentId).status()));
  CHECK(absl::IsUnavailable(ReadIntentSearch({500, list}, kPaymentId).status()));
}

TEST_CASE("refunds of the whole are looked at, newest or not") {
  auto read = [](const std::string& refunds) {
    return *ReadRefunds({200, absl::StrCat(R"({"data":[)", refunds, "]}")}, 100);
  };
  CHECK(read("").latest == Kind::kFailed);
  CHECK(read(R"({"amount":100,"status":"succeeded"})").latest == Kind::kRefunded);
  CHECK(read(R"({"amount":100,"status":"pending"},{"amount":100,"status":"failed"})").latest ==
        Kind::kPending);
  CHECK(read(R"({"amount":100,"status":"failed"},{"amount":100,"status":"canceled"})").failed == 2);
  CHECK(read(R"({"amount":99,"status":"succeeded"})").latest == Kind::kFailed);
  CHECK_FALSE(ReadRefunds({200, "{}"}, 100).ok());

  CHECK(ReadRefund({200, R"({"object":"refund","status":"succeeded"})"})->kind == Kind::kRefunded);
  CHECK(ReadRefund({200, R"({"object":"refund","status":"pending"})"})->kind == Kind::kPending);
  CHECK_FALSE(ReadRefund({200, R"({"object":"refund","status":"failed"})"}).ok());
  CHECK(ReadRefund({400, R"({"error":{"code":"charge_already_refunded"}})"})->kind ==
        Kind::kRefunded);
  CHECK_FALSE(ReadRefund({400, R"({"error":{"code":"charge_disputed"}})"}).ok());
}

TEST_CASE("events are read by type") {
  const std::string intent = absl::StrCat(
      R"({"id":"pi_1","status":"succeeded","metadata":{"payment_id":")", kPaymentId, R"("}})");
  const auto captured = ReadEvent(Event("payment_intent.succeeded", intent));
  REQUIRE(captured.ok());
  CHECK(captured->event_id == "evt_1");
  CHECK(captured->payment_id == kPaymentId);
  CHECK(captured->reference == "pi_1");
  CHECK(captured->outcome->kind == Kind::kCaptured);

  const auto charge = ReadEvent(
      Event("charge.refunded",
            R"({"payment_intent":"pi_1","amount":900,"amount_refunded":500,"currency":"isk"})"));
  CHECK(charge->reference == "pi_1");
  CHECK(charge->outcome->kind == Kind::kRefunded);
  CHECK(charge->refunded->units_minor() == 5);
  const auto refund = ReadEvent(
      Event("refund.updated",
            R"({"payment_intent":"pi_1","amount":900,"currency":"eur","status":"succeeded"})"));
  CHECK(refund->refunded->units_minor() == 900);
  CHECK_FALSE(ReadEvent(Event("refund.updated", R"({"payment_intent":"pi_1","status":"pending"})"))
                  ->outcome);

  CHECK_FALSE(ReadEvent(Event("customer.created", "{}"))->outcome);
  CHECK(ReadEvent(Event("payment_intent.succeeded",
                        R"({"id":"pi_1","status":"succeeded","metadata":{"payment_id":"no id"}})"))
            ->payment_id.empty());
  for (const std::string& body :
       {std::string("no json"), std::string("[]"), std::string(R"({"id":"evt_1"})"),
        Event("payment_intent.succeeded", "{}"), Event("payment_intent.succeeded", "null")}) {
    CAPTURE(body);
    CHECK(absl::IsInvalidArgument(ReadEvent(body).status()));
  }
}

TEST_CASE("a signature holds for its body, secret and time") {
  const std::string header = SignWebhook("whsec_x", kBody, kNow);
  // openssl dgst -sha256 -hmac whsec_x over "1700000000.{"id":"evt_1"}"
  CHECK(header ==
        "t=1700000000,v1=366e40c480fe3a9e6a03609dca079cea86d77ae82d5a56b5348208247317a8d1");
  CHECK(VerifyWebhook("whsec_x", kBody, header, kNow).ok());
  CHECK(ReasonOf(VerifyWebhook("whsec_y", kBody, header, kNow)) == "BAD_SIGNATURE");
  CHECK(absl::IsUnauthenticated(VerifyWebhook("whsec_x", R"({"id":"evt_2"})", header, kNow)));
}

TEST_CASE("a signature holds for five minutes, before and after") {
  const std::string header = SignWebhook("whsec_x", kBody, kNow);
  CHECK(VerifyWebhook("whsec_x", kBody, header, kNow + kSignatureTolerance).ok());
  CHECK(VerifyWebhook("whsec_x", kBody, header, kNow - kSignatureTolerance).ok());
  CHECK_FALSE(
      VerifyWebhook("whsec_x", kBody, header, kNow + kSignatureTolerance + absl::Seconds(1)).ok());
  CHECK_FALSE(
      VerifyWebhook("whsec_x", kBody, header, kNow - kSignatureTolerance - absl::Seconds(1)).ok());
}

TEST_CASE("one of several signatures is enough, and other schemes count for nothing") {
  const std::string good =
      SignWebhook("whsec_x", kBody, kNow).substr(std::string("t=1700000000,").size());
  const std::string other = SignWebhook("whsec_y", kBody, kNow);
  CHECK(VerifyWebhook("whsec_x", kBody, absl::StrCat(other, ",", good), kNow).ok());
  CHECK(VerifyWebhook("whsec_x", kBody, absl::StrCat("t=1700000000,v0=00,", good), kNow).ok());
  CHECK_FALSE(
      VerifyWebhook("whsec_x", kBody, absl::StrCat("t=1700000000,v0=", good.substr(3)), kNow).ok());
  for (const char* header :
       {"", "t=", "t=1700000000", "v1=00", "t=x,v1=00",
        "t=1700000000,v1=", ",,==", "t=99999999999999999999,v1=0", "t=-9223372036854775808,v1=0"}) {
    CAPTURE(header);
    CHECK_FALSE(VerifyWebhook("whsec_x", kBody, header, kNow).ok());
  }
  // A secret that was not configured must not be one that anybody can guess.
  CHECK_FALSE(VerifyWebhook("", kBody, SignWebhook("", kBody, kNow), kNow).ok());
}

}  // namespace
}  // namespace playmesh::payment
