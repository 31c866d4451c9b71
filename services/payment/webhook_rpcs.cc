// What providers tell on their own, and the sandbox's page of the bank.
#include "common/context/context.h"
#include "common/log/log.h"
#include "common/rpc/headers.h"
#include "services/payment/payment_service.h"

namespace playmesh::payment {
namespace {

bool IsSameMoney(const type::v1::Money& a, const type::v1::Money& b) {
  return a.currency_code() == b.currency_code() && a.units_minor() == b.units_minor();
}

}  // namespace

absl::StatusOr<HandleProviderWebhookResponse> PaymentService::HandleProviderWebhook(
    const Caller& caller, const HandleProviderWebhookRequest& request) {
  if (request.provider() != provider_.name()) {
    return absl::NotFoundError("there is no such provider");
  }
  const auto& headers = CurrentContext().headers;
  const auto signature = headers.find(rpc::kStripeSignatureHeader);
  ASSIGN_OR_RETURN(
      const ProviderEvent event,
      provider_.ParseWebhook(request.body().data(),
                             signature == headers.end() ? "" : signature->second, clock_.Now()));
  if (event.outcome) RETURN_IF_ERROR(HandleEvent(event));
  return HandleProviderWebhookResponse();
}

absl::Status PaymentService::DeliverWebhook(const std::string& body, const std::string& signature) {
  Context context = CurrentContext();
  context.headers[rpc::kStripeSignatureHeader] = signature;
  ScopedContext scope(context);
  HandleProviderWebhookRequest request;
  request.set_provider(provider_.name());
  request.mutable_body()->set_content_type("application/json");
  request.mutable_body()->set_data(body);
  return HandleProviderWebhook(Caller(), request).status();
}

absl::StatusOr<std::optional<ProviderPayment>> PaymentService::FindPayment(
    const ProviderEvent& event) const {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<std::optional<ProviderPayment>> {
    ASSIGN_OR_RETURN(const std::optional<std::string> payment_id,
                     tx.QueryMaybe<std::string>(R"(
        select payment_id from payments
        where provider = :provider and (payment_id = :payment_id or provider_reference = :reference))",
                                                provider_.name(), db::NullIfEmpty(event.payment_id),
                                                event.reference));
    if (!payment_id) return std::nullopt;
    return LoadForProvider(tx, *payment_id);
  });
}

absl::Status PaymentService::HandleEvent(const ProviderEvent& event) const {
  ASSIGN_OR_RETURN(const std::optional<ProviderPayment> payment, FindPayment(event));
  if (!payment) {
    // Also what other systems do with the same account at the provider; sending it again would not
    // help.
    log::Warning("webhook about an unknown payment",
                 {{"event_id", event.event_id}, {"type", event.type}});
    return absl::OkStatus();
  }
  if (event.refunded && !IsSameMoney(*event.refunded, payment->payment.amount())) {
    log::Warning("webhook about a refund of a part",
                 {{"event_id", event.event_id}, {"type", event.type}});
    return absl::OkStatus();
  }
  Outcome outcome = *event.outcome;
  // At Stripe, who holds the client secret could pay with another card after this one failed, for
  // an order that has gone on without. So the payment is ended before it counts as failed.
  if (outcome.kind == Outcome::Kind::kFailed &&
      payment->payment.state() == PAYMENT_STATE_REQUIRES_ACTION) {
    ASSIGN_OR_RETURN(const Outcome ended, provider_.Cancel(*payment));
    if (ended.kind != Outcome::Kind::kFailed) outcome = ended;
  }
  return db_.Transact([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const int64_t is_new,
                     tx.Execute(R"(
        insert into provider_events (provider, event_id, type, receive_time)
        values (:provider, :event_id, :type, :receive_time)
        on conflict do nothing)",
                                provider_.name(), event.event_id, event.type, clock_.Now()));
    return is_new == 0 ? absl::OkStatus()
                       : Apply(tx, payment->payment.payment_id(), outcome).status();
  });
}

absl::StatusOr<CompleteSandboxChallengeResponse> PaymentService::CompleteSandboxChallenge(
    const Caller& caller, const CompleteSandboxChallengeRequest& request) {
  RETURN_IF_ERROR(provider_.CompleteChallenge(request.client_secret(), request.approve()));
  return CompleteSandboxChallengeResponse();
}

}  // namespace playmesh::payment
