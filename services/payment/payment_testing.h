// What the tests of the payment service share: the service with its sandbox, and a provider that
// says what a test tells it to.
#pragma once

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "common/base/random.h"
#include "common/context/context.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "playmesh/payment/v1/payment_events.pb.h"
#include "services/payment/payment_service.h"
#include "services/payment/sandbox_provider.h"
#include "services/payment/stripe_wire.h"

namespace playmesh::payment {

inline constexpr char kSecret[] = "whsec_of_the_tests";

inline type::v1::Money Money(const std::string& currency_code, int64_t units_minor) {
  type::v1::Money money;
  money.set_currency_code(currency_code);
  money.set_units_minor(units_minor);
  return money;
}

// Says to each question what the test put there; by default, that the outcome is not known.
class ScriptedProvider : public PaymentProvider {
 public:
  using Answer = std::function<absl::StatusOr<Outcome>(const ProviderPayment&)>;
  static absl::StatusOr<Outcome> Silence(const ProviderPayment&) {
    return absl::UnavailableError("silence");
  }

  std::string name() const override { return own_name; }
  absl::StatusOr<Outcome> Charge(const ProviderPayment& payment) override {
    return ++charges, charge(payment);
  }
  absl::StatusOr<Outcome> Retrieve(const ProviderPayment& payment) override {
    return ++retrievals, retrieve(payment);
  }
  absl::StatusOr<Outcome> Cancel(const ProviderPayment& payment) override {
    return ++cancellations, cancel(payment);
  }
  absl::StatusOr<Outcome> Refund(const ProviderPayment& payment) override {
    return ++refunds, refund(payment);
  }
  absl::StatusOr<ProviderEvent> ParseWebhook(const std::string& body, const std::string& signature,
                                             absl::Time now) const override {
    absl::Status status = VerifyWebhook(kSecret, body, signature, now);
    if (!status.ok()) return status;
    return ReadEvent(body);
  }

  std::string own_name = "sandbox";
  Answer charge = Silence, retrieve = Silence, cancel = Silence, refund = Silence;
  std::atomic<int> charges = 0, retrievals = 0, cancellations = 0, refunds = 0;
};

// The service with a provider, on a database and a clock of its own.
template <typename Provider>
struct Shop {
  Shop() : provider(Make()), service({database.db(), clock, outbox, provider}) {}

  Provider Make() {
    if constexpr (std::is_same_v<Provider, SandboxProvider>) {
      return Provider(database.db(), clock,
                      {kSecret, absl::Seconds(2), "https://bank.example/challenge"});
    } else {
      return Provider();
    }
  }

  CreatePaymentRequest Request(const std::string& token, int64_t units_minor = 1999) {
    CreatePaymentRequest request;
    request.set_payment_id(NewUuid(clock.Now()));
    request.set_order_id(NewUuid(clock.Now()));
    request.set_user_id(NewUuid(clock.Now()));
    *request.mutable_amount() = Money("EUR", units_minor);
    request.set_payment_method_token(token);
    auto* split = request.add_splits();
    split->set_organisation_id(organisation_id);
    *split->mutable_amount() = Money("EUR", units_minor);
    return request;
  }

  absl::StatusOr<Payment> Create(const CreatePaymentRequest& request) {
    auto response = service.CreatePayment(purchase, request);
    if (!response.ok()) return response.status();
    return response->payment();
  }
  // The payment, and its state after the call.
  Payment Pay(const std::string& token, int64_t units_minor = 1999) {
    auto payment = Create(Request(token, units_minor));
    REQUIRE(payment.status() == absl::OkStatus());
    return *payment;
  }
  Payment Get(const std::string& payment_id) {
    GetPaymentRequest request;
    request.set_payment_id(payment_id);
    auto response = service.GetPayment(purchase, request);
    REQUIRE(response.status() == absl::OkStatus());
    return response->payment();
  }
  absl::StatusOr<Payment> Cancel(const std::string& payment_id) {
    CancelPaymentRequest request;
    request.set_payment_id(payment_id);
    auto response = service.CancelPayment(purchase, request);
    if (!response.ok()) return response.status();
    return response->payment();
  }
  absl::StatusOr<Payment> Refund(const std::string& payment_id) {
    RefundPaymentRequest request;
    request.set_payment_id(payment_id);
    auto response = service.RefundPayment(purchase, request);
    if (!response.ok()) return response.status();
    return response->payment();
  }

  // Delivers the sandbox's due webhooks once; returns how many.
  int Deliver() {
    int delivered = 0;
    REQUIRE(provider.DeliverWebhooks([&](const std::string& body, const std::string& signature) {
      ++delivered;
      return service.DeliverWebhook(body, signature);
    }) == absl::OkStatus());
    return delivered;
  }
  // What the organisation is owed in euro cents.
  int64_t Owed() {
    GetBalanceRequest request;
    request.set_organisation_id(organisation_id);
    auto response = service.GetBalance(
        testing::UserCaller(NewUuid(clock.Now()), {}, {organisation_id}), request);
    REQUIRE(response.status() == absl::OkStatus());
    return response->balances_size() == 0 ? 0 : response->balances(0).amount().units_minor();
  }
  int64_t Count(absl::string_view sql) { return database.template Query<int64_t>(sql).at(0); }

  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  Outbox outbox{clock};
  Provider provider;
  PaymentService service;
  const Caller purchase = testing::ServiceCaller("purchase");
  const std::string organisation_id = NewUuid(absl::Now());
};

using SandboxShop = Shop<SandboxProvider>;
using ScriptedShop = Shop<ScriptedProvider>;

// An event of a PaymentIntent, as a provider sends it.
inline std::string IntentEvent(const std::string& event_id, const std::string& type,
                               const std::string& payment_id, const std::string& rest) {
  return absl::StrCat(R"({"id":")", event_id, R"(","type":")", type,
                      R"(","data":{"object":{"id":"pi_1","metadata":{"payment_id":")", payment_id,
                      R"("},)", rest, "}}}");
}

// Runs `body` in `count` threads at once.
inline void InThreads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace playmesh::payment
