#include "services/payment/stripe_wire.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/currency.h"
#include "common/base/random.h"
#include "common/status/status.h"

namespace playmesh::payment {
namespace {

using nlohmann::json;

constexpr char kGenericDecline[] = "generic_decline";
constexpr char kSorry[] = "The payment could not be made. Try another card.";

json Parse(const std::string& body) {
  return json::parse(body, nullptr, /*allow_exceptions=*/false);
}

// Members that are missing, null or of another type read as nothing: Stripe adds and drops members.
const json& Member(const json& object, const char* name) {
  static const json none;
  if (!object.is_object()) return none;
  auto found = object.find(name);
  return found == object.end() ? none : *found;
}
std::string Text(const json& object, const char* name) {
  const json& member = Member(object, name);
  return member.is_string() ? member.get<std::string>() : "";
}
int64_t Number(const json& object, const char* name) {
  const json& member = Member(object, name);
  return member.is_number_integer() ? member.get<int64_t>() : 0;
}

Outcome Failed(std::string reference, const json& error) {
  Outcome outcome{.kind = Outcome::Kind::kFailed, .reference = std::move(reference)};
  outcome.decline_code = Text(error, "decline_code");
  if (outcome.decline_code.empty()) outcome.decline_code = Text(error, "code");
  if (outcome.decline_code == "payment_intent_authentication_failure") {
    outcome.decline_code = "authentication_failed";
  }
  if (outcome.decline_code.empty()) outcome.decline_code = kGenericDecline;
  // Only what Stripe says of the card is meant for the buyer; the rest is for engineers.
  if (Text(error, "type") == "card_error") outcome.decline_message = Text(error, "message");
  if (outcome.decline_message.empty()) outcome.decline_message = kSorry;
  return outcome;
}

absl::StatusOr<Outcome> FromIntent(const json& intent) {
  const std::string status = Text(intent, "status");
  Outcome outcome{.reference = Text(intent, "id")};
  if (outcome.reference.empty() || status.empty()) {
    return absl::UnavailableError("stripe answered no payment intent");
  }
  if (status == "succeeded") {
    outcome.kind = Outcome::Kind::kCaptured;
  } else if (status == "requires_action") {
    outcome.kind = Outcome::Kind::kRequiresAction;
    outcome.client_secret = Text(intent, "client_secret");
    outcome.redirect_url = Text(Member(Member(intent, "next_action"), "redirect_to_url"), "url");
    if (outcome.client_secret.empty()) {
      return absl::UnavailableError("stripe answered no client secret");
    }
  } else if (status == "requires_payment_method") {
    return Failed(outcome.reference, Member(intent, "last_payment_error"));
  } else if (status == "canceled") {
    const json& error = Member(intent, "last_payment_error");
    if (error.is_object()) return Failed(outcome.reference, error);
    outcome.kind = Outcome::Kind::kFailed;
    outcome.decline_code = "authentication_failed";
    outcome.decline_message = "The payment was not confirmed.";
  }
  return outcome;
}

// An answer that is neither an object nor a decline. Names the kind of the error, and never repeats
// Stripe's sentence, which may hold a token.
absl::Status ErrorOf(const HttpAnswer& answer) {
  const json body = Parse(answer.body);
  const json& error = Member(body, "error");
  const std::string what = absl::StrCat("stripe answered ", answer.status, " ", Text(error, "type"),
                                        " ", ErrorCode(answer));
  if (answer.status == 404) return absl::NotFoundError(what);
  const bool again = answer.status < 400 || answer.status == 408 || answer.status == 409 ||
                     answer.status == 424 || answer.status == 429 || answer.status >= 500;
  return again ? absl::UnavailableError(what) : absl::FailedPreconditionError(what);
}

bool IsSuccess(const HttpAnswer& answer) { return answer.status >= 200 && answer.status < 300; }

Outcome::Kind RefundKind(const json& refund) {
  const std::string status = Text(refund, "status");
  if (status == "succeeded") return Outcome::Kind::kRefunded;
  return status == "failed" || status == "canceled" ? Outcome::Kind::kFailed
                                                    : Outcome::Kind::kPending;
}

// HMAC-SHA256 (RFC 2104) in hexadecimal.
std::string Hmac(absl::string_view secret, absl::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest, &size);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), size});
}

std::string SignatureAt(absl::string_view secret, absl::string_view body,
                        absl::string_view unix_seconds) {
  return Hmac(secret, absl::StrCat(unix_seconds, ".", body));
}

}  // namespace

absl::StatusOr<int64_t> ToStripeAmount(const type::v1::Money& amount) {
  int64_t scaled = amount.units_minor();
  // Stripe took ISK with two decimals before the króna lost them, and stayed with that.
  if (amount.currency_code() == "ISK" && __builtin_mul_overflow(scaled, 100, &scaled)) {
    return absl::InvalidArgumentError("the amount is too large");
  }
  if (CurrencyExponent(amount.currency_code()) == 3 && scaled % 10 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("amounts in ", amount.currency_code(), " must end in 0"));
  }
  return scaled;
}

Outcome RefusedAmount(const absl::Status& refusal) {
  return Outcome{.kind = Outcome::Kind::kFailed,
                 .decline_code = "invalid_charge_amount",
                 .decline_message = std::string(refusal.message())};
}

type::v1::Money FromStripeAmount(absl::string_view currency, int64_t amount) {
  type::v1::Money money;
  money.set_currency_code(absl::AsciiStrToUpper(currency));
  money.set_units_minor(money.currency_code() == "ISK" ? amount / 100 : amount);
  return money;
}

std::string EncodeForm(const Form& form) {
  std::string encoded;
  auto append = [&](absl::string_view text) {
    for (unsigned char c : text) {
      if (absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
        encoded += static_cast<char>(c);
      } else {
        absl::StrAppendFormat(&encoded, "%%%02X", c);
      }
    }
  };
  for (const auto& [name, value] : form) {
    if (!encoded.empty()) encoded += '&';
    append(name);
    encoded += '=';
    append(value);
  }
  return encoded;
}

Form ChargeForm(const ProviderPayment& payment, int64_t stripe_amount,
                const std::string& return_url) {
  Form form = {{"amount", absl::StrCat(stripe_amount)},
               {"currency", absl::AsciiStrToLower(payment.payment.amount().currency_code())},
               {"confirm", "true"},
               {"payment_method", payment.token},
               {"payment_method_types[]", "card"},
               {"metadata[payment_id]", payment.payment.payment_id()},
               {"metadata[order_id]", payment.payment.order_id()}};
  if (!return_url.empty()) form.emplace_back("return_url", return_url);
  return form;
}

Form RefundForm(const ProviderPayment& payment, int64_t stripe_amount) {
  return {{"payment_intent", payment.reference},
          {"amount", absl::StrCat(stripe_amount)},
          {"metadata[payment_id]", payment.payment.payment_id()}};
}

absl::StatusOr<Outcome> ReadCharge(const HttpAnswer& answer) {
  if (answer.status != 400 && answer.status != 402 && answer.status != 404) {
    return ReadIntent(answer);
  }
  const json body = Parse(answer.body);
  const json& error = Member(body, "error");
  const std::string type = Text(error, "type");
  if (type != "card_error" && type != "invalid_request_error") return ErrorOf(answer);
  return Failed(Text(Member(error, "payment_intent"), "id"), error);
}

absl::StatusOr<Outcome> ReadIntent(const HttpAnswer& answer) {
  if (!IsSuccess(answer)) return ErrorOf(answer);
  return FromIntent(Parse(answer.body));
}

absl::StatusOr<Outcome> ReadIntentSearch(const HttpAnswer& answer, absl::string_view payment_id) {
  if (!IsSuccess(answer)) return ErrorOf(answer);
  const json body = Parse(answer.body);
  const json& found = Member(body, "data");
  if (!found.is_array()) return absl::UnavailableError("stripe answered no list");
  for (const json& intent : found) {
    if (Text(Member(intent, "metadata"), "payment_id") == payment_id) return FromIntent(intent);
  }
  return absl::NotFoundError("stripe does not know the payment");
}

absl::StatusOr<RefundAttempts> ReadRefunds(const HttpAnswer& answer, int64_t stripe_amount) {
  if (!IsSuccess(answer)) return ErrorOf(answer);
  const json body = Parse(answer.body);
  const json& refunds = Member(body, "data");
  if (!refunds.is_array()) return absl::UnavailableError("stripe answered no list");
  RefundAttempts attempts;
  for (const json& refund : refunds) {
    if (Number(refund, "amount") != stripe_amount) continue;
    const Outcome::Kind kind = RefundKind(refund);
    if (kind == Outcome::Kind::kFailed) {
      ++attempts.failed;
    } else if (attempts.latest != Outcome::Kind::kRefunded) {
      attempts.latest = kind;
    }
  }
  return attempts;
}

absl::StatusOr<Outcome> ReadRefund(const HttpAnswer& answer) {
  if (ErrorCode(answer) == "charge_already_refunded") {
    return Outcome{.kind = Outcome::Kind::kRefunded};
  }
  if (!IsSuccess(answer)) return ErrorOf(answer);
  const json refund = Parse(answer.body);
  if (Text(refund, "object") != "refund") {
    return absl::UnavailableError("stripe answered no refund");
  }
  const Outcome::Kind kind = RefundKind(refund);
  if (kind == Outcome::Kind::kFailed) {
    return absl::FailedPreconditionError("stripe could not refund");
  }
  return Outcome{.kind = kind};
}

std::string ErrorCode(const HttpAnswer& answer) {
  const json body = Parse(answer.body);
  return Text(Member(body, "error"), "code");
}

absl::StatusOr<ProviderEvent> ReadEvent(const std::string& body) {
  const json parsed = Parse(body);
  const json& object = Member(Member(parsed, "data"), "object");
  ProviderEvent event{.event_id = Text(parsed, "id"), .type = Text(parsed, "type")};
  if (event.event_id.empty() || event.type.empty() || !object.is_object()) {
    return InvalidField("body", "is no event");
  }
  event.payment_id = Text(Member(object, "metadata"), "payment_id");
  if (!IsUuid(event.payment_id)) event.payment_id.clear();
  if (event.type == "payment_intent.succeeded" || event.type == "payment_intent.payment_failed" ||
      event.type == "payment_intent.requires_action" || event.type == "payment_intent.canceled") {
    event.reference = Text(object, "id");
    absl::StatusOr<Outcome> outcome = FromIntent(object);
    if (!outcome.ok()) return InvalidField("body", "holds no payment intent");
    event.outcome = *std::move(outcome);
  } else if (event.type == "charge.refunded" ||
             (event.type == "refund.updated" && RefundKind(object) == Outcome::Kind::kRefunded)) {
    event.reference = Text(object, "payment_intent");
    event.outcome = Outcome{.kind = Outcome::Kind::kRefunded, .reference = event.reference};
    const char* amount = event.type == "charge.refunded" ? "amount_refunded" : "amount";
    event.refunded = FromStripeAmount(Text(object, "currency"), Number(object, amount));
  }
  return event;
}

std::string SignWebhook(absl::string_view secret, absl::string_view body, absl::Time now) {
  const std::string time = absl::StrCat(absl::ToUnixSeconds(now));
  return absl::StrCat("t=", time, ",v1=", SignatureAt(secret, body, time));
}

absl::Status VerifyWebhook(absl::string_view secret, absl::string_view body,
                           absl::string_view header, absl::Time now) {
  const absl::Status bad = Error(absl::StatusCode::kUnauthenticated, ERROR_REASON_BAD_SIGNATURE,
                                 "the signature does not hold, or is too old");
  absl::string_view time;
  std::vector<absl::string_view> signatures;
  for (absl::string_view item : absl::StrSplit(header, ',')) {
    const std::pair<absl::string_view, absl::string_view> part =
        absl::StrSplit(item, absl::MaxSplits('=', 1));
    if (part.first == "t") time = part.second;
    if (part.first == "v1") signatures.push_back(part.second);
  }
  int64_t seconds = 0;
  if (secret.empty() || !absl::SimpleAtoi(time, &seconds)) return bad;
  if (absl::AbsDuration(now - absl::FromUnixSeconds(seconds)) > kSignatureTolerance) return bad;
  const std::string expected = SignatureAt(secret, body, time);
  for (absl::string_view signature : signatures) {
    if (EqualInConstantTime(signature, expected)) return absl::OkStatus();
  }
  return bad;
}

}  // namespace playmesh::payment
