#include "services/payment/stripe_provider.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/context/context.h"
#include "common/status/status.h"

namespace playmesh::payment {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
constexpr size_t kMaxAnswerBytes = 1024 * 1024;

// This thread's handle, which keeps its connections open between calls.
CURL* Handle() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) return nullptr;
  thread_local const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(),
                                                                                &curl_easy_cleanup);
  if (handle != nullptr) curl_easy_reset(handle.get());
  return handle.get();
}

// libcurl's write callback: anything but `size` ends the call.
size_t Append(const char* data, size_t, size_t size, void* answer) {
  std::string& body = static_cast<HttpAnswer*>(answer)->body;
  if (body.size() + size > kMaxAnswerBytes) return 0;
  body.append(data, size);
  return size;
}

class Headers {
 public:
  Headers() = default;
  ~Headers() { curl_slist_free_all(list_); }
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  void Add(absl::string_view name, absl::string_view value) {
    list_ = curl_slist_append(list_, absl::StrCat(name, ": ", value).c_str());
  }
  curl_slist* list() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

}  // namespace

StripeProvider::StripeProvider(StripeOptions options) : options_(std::move(options)) {}

absl::StatusOr<Outcome> StripeProvider::Charge(const ProviderPayment& payment) {
  absl::StatusOr<int64_t> amount = ToStripeAmount(payment.payment.amount());
  if (!amount.ok()) return RefusedAmount(amount.status());
  const Form form = ChargeForm(payment, *amount, options_.return_url);
  ASSIGN_OR_RETURN(const HttpAnswer answer,
                   Post("/v1/payment_intents", form, payment.payment.payment_id()));
  return ReadCharge(answer);
}

absl::StatusOr<Outcome> StripeProvider::Retrieve(const ProviderPayment& payment) {
  if (!payment.reference.empty()) {
    ASSIGN_OR_RETURN(const HttpAnswer answer,
                     Get(absl::StrCat("/v1/payment_intents/", payment.reference)));
    return ReadIntent(answer);
  }
  const std::string& payment_id = payment.payment.payment_id();
  const Form query = {{"query", absl::StrCat("metadata['payment_id']:'", payment_id, "'")}};
  ASSIGN_OR_RETURN(const HttpAnswer answer,
                   Get(absl::StrCat("/v1/payment_intents/search?", EncodeForm(query))));
  return ReadIntentSearch(answer, payment_id);
}

absl::StatusOr<Outcome> StripeProvider::Cancel(const ProviderPayment& payment) {
  ASSIGN_OR_RETURN(const HttpAnswer answer,
                   Post(absl::StrCat("/v1/payment_intents/", payment.reference, "/cancel"),
                        {{"cancellation_reason", "abandoned"}}, /*idempotency_key=*/""));
  // It was decided before: the buyer was faster, or it had been cancelled.
  if (ErrorCode(answer) == "payment_intent_unexpected_state") return Retrieve(payment);
  return ReadIntent(answer);
}

// Stripe forgets idempotency keys after a day and repeats a failed answer until then, so what is
// there already is looked at first, and each attempt after a failed one has a key of its own.
absl::StatusOr<Outcome> StripeProvider::Refund(const ProviderPayment& payment) {
  ASSIGN_OR_RETURN(const int64_t amount, ToStripeAmount(payment.payment.amount()));
  const Form query = {{"payment_intent", payment.reference}, {"limit", "100"}};
  ASSIGN_OR_RETURN(const HttpAnswer refunds, Get(absl::StrCat("/v1/refunds?", EncodeForm(query))));
  ASSIGN_OR_RETURN(const RefundAttempts attempts, ReadRefunds(refunds, amount));
  if (attempts.latest != Outcome::Kind::kFailed) return Outcome{.kind = attempts.latest};

  const std::string key =
      absl::StrCat("refund-", payment.payment.payment_id(), "-", attempts.failed);
  ASSIGN_OR_RETURN(const HttpAnswer answer, Post("/v1/refunds", RefundForm(payment, amount), key));
  return ReadRefund(answer);
}

absl::StatusOr<ProviderEvent> StripeProvider::ParseWebhook(const std::string& body,
                                                           const std::string& signature,
                                                           absl::Time now) const {
  RETURN_IF_ERROR(VerifyWebhook(options_.webhook_secret, body, signature, now));
  return ReadEvent(body);
}

absl::StatusOr<HttpAnswer> StripeProvider::Get(const std::string& path) const {
  return Send(path, nullptr, "");
}

absl::StatusOr<HttpAnswer> StripeProvider::Post(const std::string& path, const Form& form,
                                                const std::string& idempotency_key) const {
  const std::string body = EncodeForm(form);
  return Send(path, &body, idempotency_key);
}

absl::StatusOr<HttpAnswer> StripeProvider::Send(const std::string& path, const std::string* body,
                                                const std::string& idempotency_key) const {
  const absl::Duration left = std::min(CurrentContext().deadline - absl::Now(), kCallTimeout);
  if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("no time left");
  CURL* curl = Handle();
  if (curl == nullptr) return absl::UnavailableError("libcurl does not start");

  Headers headers;
  headers.Add("Authorization", absl::StrCat("Bearer ", options_.secret_key));
  headers.Add("Stripe-Version", kStripeVersion);
  if (!idempotency_key.empty()) headers.Add("Idempotency-Key", idempotency_key);
  HttpAnswer answer;
  curl_easy_setopt(curl, CURLOPT_URL, absl::StrCat(options_.api_base, path).c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list());
  if (body != nullptr) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->c_str());
  }
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, std::max<int64_t>(1, absl::ToInt64Milliseconds(left)));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, absl::ToInt64Milliseconds(kConnectTimeout));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);

  const CURLcode result = curl_easy_perform(curl);
  if (result == CURLE_OPERATION_TIMEDOUT) {
    return absl::DeadlineExceededError("stripe did not answer in time");
  }
  if (result != CURLE_OK) {
    return absl::UnavailableError(absl::StrCat("stripe: ", curl_easy_strerror(result)));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  return answer;
}

}  // namespace playmesh::payment
