// Stripe's wire format, without IO: amounts, forms, answers, webhooks and their signatures. The
// sandbox speaks it too.
//
// Sources: docs.stripe.com/currencies, /api/payment_intents, /api/refunds, /api/errors,
// /api/idempotent_requests, /webhooks.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/payment/payment_provider.h"

namespace playmesh::payment {

// The version of the API for which this is written.
inline constexpr char kStripeVersion[] = "2025-09-30.clover";

// Furthest that a webhook's time may be from ours, in either direction.
inline constexpr absl::Duration kSignatureTolerance = absl::Minutes(5);

// An amount as Stripe counts it: in minor units, but with two decimals for ISK. INVALID_ARGUMENT
// for amounts that Stripe does not take: those of currencies with three decimals must end in 0.
absl::StatusOr<int64_t> ToStripeAmount(const type::v1::Money& amount);

// The decline of a charge whose amount ToStripeAmount refused.
Outcome RefusedAmount(const absl::Status& refusal);

// The money behind an amount and a lower-case currency code of Stripe's.
type::v1::Money FromStripeAmount(absl::string_view currency, int64_t amount);

using Form = std::vector<std::pair<std::string, std::string>>;

// application/x-www-form-urlencoded, with everything escaped that RFC 3986 does not leave
// unreserved.
std::string EncodeForm(const Form& form);

// The forms that make a charge and a refund of the whole.
Form ChargeForm(const ProviderPayment& payment, int64_t stripe_amount,
                const std::string& return_url);
Form RefundForm(const ProviderPayment& payment, int64_t stripe_amount);

// What came back over HTTP.
struct HttpAnswer {
  int status = 0;
  std::string body;
};

// The outcome in the answer to creating a PaymentIntent. What Stripe refuses for good is an
// outcome, kFailed; all else is an error: UNAVAILABLE when repeating may help, FAILED_PRECONDITION
// when somebody must change the configuration.
absl::StatusOr<Outcome> ReadCharge(const HttpAnswer& answer);

// The outcome in an answer that holds a PaymentIntent. NOT_FOUND when there is none.
absl::StatusOr<Outcome> ReadIntent(const HttpAnswer& answer);

// The outcome in the answer to a search for the PaymentIntent of a payment_id. NOT_FOUND when none
// was found.
absl::StatusOr<Outcome> ReadIntentSearch(const HttpAnswer& answer, absl::string_view payment_id);

// What there is of refunds of `stripe_amount` in an answer that lists refunds.
struct RefundAttempts {
  Outcome::Kind latest =
      Outcome::Kind::kFailed;  // kRefunded, kPending, or kFailed when the next attempt may begin
  int failed = 0;
};
absl::StatusOr<RefundAttempts> ReadRefunds(const HttpAnswer& answer, int64_t stripe_amount);

// The outcome in the answer to creating a refund: kRefunded or kPending.
absl::StatusOr<Outcome> ReadRefund(const HttpAnswer& answer);

// The code of the error in an answer, such as "payment_intent_unexpected_state"; empty when it
// holds none.
std::string ErrorCode(const HttpAnswer& answer);

// Reads the body of a webhook. INVALID_ARGUMENT when it is no event.
absl::StatusOr<ProviderEvent> ReadEvent(const std::string& body);

// The header `stripe-signature` for a body: "t=…,v1=…".
std::string SignWebhook(absl::string_view secret, absl::string_view body, absl::Time now);

// OK when a v1 signature of the header is that of the body, made near `now`; several are allowed,
// as while a secret is changed. UNAUTHENTICATED (BAD_SIGNATURE) otherwise.
absl::Status VerifyWebhook(absl::string_view secret, absl::string_view body,
                           absl::string_view header, absl::Time now);

}  // namespace playmesh::payment
