// The payment service. A payment is written down before the provider is asked; whatever the
// provider says, in its answer, by webhook or when it is asked again, goes through Apply, which
// moves the state, the ledger and the events in one transaction.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/db/database.h"
#include "common/events/outbox.h"
#include "playmesh/payment/v1/payment_service.playmesh.h"
#include "services/payment/payment_provider.h"

namespace playmesh::payment {

class PaymentService : public PaymentServiceBase {
 public:
  struct Deps {
    Database& db;
    const Clock& clock;
    Outbox& outbox;
    PaymentProvider& provider;
    int fee_basis_points = 3000;
    // How soon the provider is asked again when it left an outcome open; each further time it takes
    // twice as long.
    absl::Duration ask_interval = absl::Seconds(2);
  };
  explicit PaymentService(Deps deps);

  absl::StatusOr<CreatePaymentResponse> CreatePayment(const Caller& caller,
                                                      const CreatePaymentRequest& request) override;
  absl::StatusOr<GetPaymentResponse> GetPayment(const Caller& caller,
                                                const GetPaymentRequest& request) override;
  absl::StatusOr<CancelPaymentResponse> CancelPayment(const Caller& caller,
                                                      const CancelPaymentRequest& request) override;
  absl::StatusOr<RefundPaymentResponse> RefundPayment(const Caller& caller,
                                                      const RefundPaymentRequest& request) override;
  absl::StatusOr<HandleProviderWebhookResponse> HandleProviderWebhook(
      const Caller& caller, const HandleProviderWebhookRequest& request) override;
  absl::StatusOr<CompleteSandboxChallengeResponse> CompleteSandboxChallenge(
      const Caller& caller, const CompleteSandboxChallengeRequest& request) override;
  absl::StatusOr<GetBalanceResponse> GetBalance(const Caller& caller,
                                                const GetBalanceRequest& request) override;
  absl::StatusOr<ListBalanceTransactionsResponse> ListBalanceTransactions(
      const Caller& caller, const ListBalanceTransactionsRequest& request) override;

  // Asks the provider about payments and refunds whose outcome is overdue, and ends payments that
  // the buyer left unconfirmed. Some at a time, and none that another provider has made; any number
  // of replicas may do it at once.
  absl::Status Reconcile();

  // Hands a webhook to HandleProviderWebhook, for a provider inside of this process.
  absl::Status DeliverWebhook(const std::string& body, const std::string& signature);

  // Forgets which webhooks came over 30 days ago; providers repeat them for three.
  absl::Status ForgetWebhooks();

 private:
  // payment_service.cc
  absl::StatusOr<ProviderPayment> LoadForProvider(Transaction& tx,
                                                  const std::string& payment_id) const;
  // FAILED_PRECONDITION (PROVIDER_NOT_CONFIGURED) when the payment was made with another provider.
  absl::Status CheckProvider(const ProviderPayment& payment) const;
  absl::StatusOr<Payment> Apply(Transaction& tx, const std::string& payment_id,
                                const Outcome& outcome) const;
  absl::Status AskLater(Transaction& tx, const std::string& payment_id,
                        const std::string& reference) const;
  absl::Status Enter(Transaction& tx, const Payment& payment, PaymentState state,
                     const Outcome& outcome) const;
  // Asks the provider with `question`, outside of any transaction, and applies what it says; an
  // error leaves the outcome open.
  using Question = std::function<absl::StatusOr<Outcome>(PaymentProvider&, const ProviderPayment&)>;
  absl::StatusOr<Payment> Settle(const ProviderPayment& payment, const Question& question) const;
  absl::Status ReconcileOne(const Payment& claimed) const;

  // webhook_rpcs.cc
  absl::Status HandleEvent(const ProviderEvent& event) const;
  absl::StatusOr<std::optional<ProviderPayment>> FindPayment(const ProviderEvent& event) const;

  Database& db_;
  const Clock& clock_;
  Outbox& outbox_;
  PaymentProvider& provider_;
  const int fee_basis_points_;
  const absl::Duration ask_interval_;
};

// NOT_FOUND.
absl::StatusOr<Payment> LoadPayment(Transaction& tx, const std::string& payment_id);

// How long a question to the provider may stay without an answer before it is asked again, as after
// a crash.
inline constexpr absl::Duration kAskLease = absl::Seconds(30);

}  // namespace playmesh::payment
