#include "services/payment/payment_service.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/time/clock.h"
#include "common/context/context.h"
#include "common/log/log.h"
#include "common/observe/metrics.h"
#include "common/status/status.h"
#include "playmesh/payment/v1/payment_events.pb.h"
#include "services/payment/ledger.h"

namespace playmesh::payment {
namespace {

constexpr absl::Duration kProviderTimeout = absl::Seconds(10);
// Of the caller's time, what is left to write down the provider's answer.
constexpr absl::Duration kWriteReserve = absl::Milliseconds(500);
constexpr absl::Duration kMaxAskDelay = absl::Minutes(10);
// How long a buyer has to confirm a payment with the bank.
constexpr absl::Duration kChallengeLimit = absl::Hours(1);
// Stripe forgets an idempotency key after 24 hours, and would then charge again.
constexpr absl::Duration kRepeatLimit = absl::Hours(23);
constexpr int kAskBatch = 20;

void Count(PaymentState state) {
  static const auto counters = [] {
    std::array<prometheus::Counter*, PaymentState_ARRAYSIZE> all{};
    for (int i = 1; i < PaymentState_ARRAYSIZE; ++i) {
      all[i] = &observe::Counter("payments_total", "Payments that reached a state.",
                                 {{"state", db::EnumText(PaymentState_descriptor(), i)}});
    }
    return all;
  }();
  counters[state]->Increment();
}

// For a payment of which the provider has no trace, and which it must not be asked to charge any
// more.
Outcome NeverCharged() {
  return Outcome{.kind = Outcome::Kind::kFailed,
                 .decline_code = "processing_error",
                 .decline_message = "The payment could not be processed. Try again."};
}

template <typename Event>
Event EventOf(const Payment& payment) {
  Event event;
  event.set_payment_id(payment.payment_id());
  event.set_order_id(payment.order_id());
  return event;
}

}  // namespace

PaymentService::PaymentService(Deps deps)
    : db_(deps.db),
      clock_(deps.clock),
      outbox_(deps.outbox),
      provider_(deps.provider),
      fee_basis_points_(deps.fee_basis_points),
      ask_interval_(deps.ask_interval) {}

absl::StatusOr<Payment> LoadPayment(Transaction& tx, const std::string& payment_id) {
  absl::StatusOr<Payment> payment = tx.QueryOne<Payment>(R"(
      select payment_id, order_id, state, currency_code as "amount.currency_code", units_minor as "amount.units_minor",
             decline_code, decline_message, redirect_url, client_secret, create_time
      from payments where payment_id = :payment_id)",
                                                         payment_id);
  if (absl::IsNotFound(payment.status())) return absl::NotFoundError("there is no such payment");
  return payment;
}

absl::StatusOr<ProviderPayment> PaymentService::LoadForProvider(
    Transaction& tx, const std::string& payment_id) const {
  ProviderPayment loaded;
  ASSIGN_OR_RETURN(loaded.payment, LoadPayment(tx, payment_id));
  using Row = std::tuple<std::string, std::string, std::string>;
  ASSIGN_OR_RETURN(std::tie(loaded.token, loaded.reference, loaded.provider),
                   tx.QueryOne<Row>(R"(
      select payment_method_token, provider_reference, provider from payments
      where payment_id = :payment_id)",
                                    payment_id));
  return loaded;
}

absl::Status PaymentService::CheckProvider(const ProviderPayment& payment) const {
  if (payment.provider == provider_.name()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_PROVIDER_NOT_CONFIGURED,
               "the payment was made with a provider that is not configured any more");
}

absl::StatusOr<Payment> PaymentService::Apply(Transaction& tx, const std::string& payment_id,
                                              const Outcome& outcome) const {
  RETURN_IF_ERROR(tx.QueryOne<int64_t>(
      "select 1 from payments where payment_id = :payment_id for update", payment_id));
  ASSIGN_OR_RETURN(const Payment payment, LoadPayment(tx, payment_id));
  for (PaymentState state : StatesAfter(payment.state(), outcome.kind)) {
    RETURN_IF_ERROR(Enter(tx, payment, state, outcome));
  }
  if (outcome.kind == Outcome::Kind::kPending) {
    RETURN_IF_ERROR(AskLater(tx, payment_id, outcome.reference));
  }
  if (outcome.kind == Outcome::Kind::kCaptured && payment.state() == PAYMENT_STATE_FAILED) {
    log::Error("a failed payment was captured: refund it at the provider",
               {{"payment_id", payment_id}});
  }
  return LoadPayment(tx, payment_id);
}

absl::Status PaymentService::AskLater(Transaction& tx, const std::string& payment_id,
                                      const std::string& reference) const {
  return AsStatus(tx.Execute(R"(
      update payments
      set provider_reference = coalesce(provider_reference, :reference),
          ask_time = cast(:now as timestamptz) +
                     least(:interval_ms * power(2, least(ask_count, 30)), :max_ms) * interval '1 millisecond'
      where payment_id = :payment_id and state in ('processing', 'refunding'))",
                             db::NullIfEmpty(reference), clock_.Now(),
                             absl::ToInt64Milliseconds(ask_interval_),
                             absl::ToInt64Milliseconds(kMaxAskDelay), payment_id));
}

absl::Status PaymentService::Enter(Transaction& tx, const Payment& payment, PaymentState state,
                                   const Outcome& outcome) const {
  const absl::Time now = clock_.Now();
  std::optional<absl::Time> ask_time;
  if (state == PAYMENT_STATE_REQUIRES_ACTION) ask_time = now + kChallengeLimit;
  RETURN_IF_ERROR(
      tx.Execute(R"(
      update payments
      set state = :state, provider_reference = coalesce(provider_reference, :reference), payment_method_token = null,
          redirect_url = :redirect_url, client_secret = :client_secret, decline_code = :decline_code,
          decline_message = :decline_message, ask_time = :ask_time, ask_count = 0
      where payment_id = :payment_id)",
                 state, db::NullIfEmpty(outcome.reference), db::NullIfEmpty(outcome.redirect_url),
                 db::NullIfEmpty(outcome.client_secret), db::NullIfEmpty(outcome.decline_code),
                 db::NullIfEmpty(outcome.decline_message), ask_time, payment.payment_id()));
  tx.OnCommit([state] { Count(state); });
  switch (state) {
    case PAYMENT_STATE_CAPTURED: {
      RETURN_IF_ERROR(RecordCapture(tx, payment, now));
      auto event = EventOf<PaymentCaptured>(payment);
      *event.mutable_amount() = payment.amount();
      *event.mutable_capture_time() = ToTimestamp(now);
      return outbox_.Add(tx, event);
    }
    case PAYMENT_STATE_FAILED: {
      auto event = EventOf<PaymentFailed>(payment);
      event.set_decline_code(outcome.decline_code);
      event.set_decline_message(outcome.decline_message);
      return outbox_.Add(tx, event);
    }
    case PAYMENT_STATE_REFUNDED: {
      RETURN_IF_ERROR(RecordRefund(tx, payment, now));
      auto event = EventOf<PaymentRefunded>(payment);
      *event.mutable_amount() = payment.amount();
      *event.mutable_refund_time() = ToTimestamp(now);
      return outbox_.Add(tx, event);
    }
    default:
      return absl::OkStatus();
  }
}

absl::StatusOr<Payment> PaymentService::Settle(const ProviderPayment& payment,
                                               const Question& question) const {
  const std::string& payment_id = payment.payment.payment_id();
  Context context = CurrentContext();
  context.deadline = std::min(context.deadline - kWriteReserve, absl::Now() + kProviderTimeout);
  absl::StatusOr<Outcome> outcome = Outcome();
  {
    ScopedContext scope(context);
    outcome = question(provider_, payment);
  }
  if (!outcome.ok()) {
    static auto& open = observe::Counter("payment_outcomes_open_total",
                                         "Times that a provider did not tell an outcome.");
    open.Increment();
    log::Warning("the provider left an outcome open",
                 {{"payment_id", payment_id}, {"error", outcome.status()}});
    outcome = Outcome{.kind = Outcome::Kind::kPending};
  }
  return db_.Transact([&](Transaction& tx) { return Apply(tx, payment_id, *outcome); });
}

absl::Status PaymentService::Reconcile() {
  ASSIGN_OR_RETURN(const std::vector<Payment> due, db_.Transact([&](Transaction& tx) {
    return tx.Query<Payment>(R"(
        update payments set ask_time = :lease_end
        where payment_id in (select payment_id from payments
                             where ask_time <= :now and provider = :provider
                             order by ask_time limit :limit for update skip locked)
        returning payment_id, state)",
                             clock_.Now() + kAskLease, clock_.Now(), provider_.name(), kAskBatch);
  }));
  for (const Payment& payment : due) {
    // The rest is due again when its lease has run out.
    if (absl::Now() >= CurrentContext().deadline - kWriteReserve) break;
    const absl::Status status = ReconcileOne(payment);
    if (!status.ok()) {
      log::Warning("payment not reconciled",
                   {{"payment_id", payment.payment_id()}, {"error", status}});
    }
  }
  return absl::OkStatus();
}

absl::Status PaymentService::ReconcileOne(const Payment& claimed) const {
  ASSIGN_OR_RETURN(const ProviderPayment due,
                   db_.Transact([&](Transaction& tx) -> absl::StatusOr<ProviderPayment> {
                     RETURN_IF_ERROR(tx.Execute(R"(
            update payments set ask_count = ask_count + 1
            where payment_id = :payment_id and state = :state)",
                                                claimed.payment_id(), claimed.state()));
                     return LoadForProvider(tx, claimed.payment_id());
                   }));
  // What was due is not any more: a webhook came in between.
  if (due.payment.state() != claimed.state()) return absl::OkStatus();
  const bool may_repeat = clock_.Now() - FromTimestamp(due.payment.create_time()) < kRepeatLimit;
  return AsStatus(Settle(
      due,
      [&](PaymentProvider& provider, const ProviderPayment& payment) -> absl::StatusOr<Outcome> {
        switch (payment.payment.state()) {
          case PAYMENT_STATE_PROCESSING: {
            absl::StatusOr<Outcome> outcome = provider.Retrieve(payment);
            if (!absl::IsNotFound(outcome.status())) return outcome;
            return may_repeat ? provider.Charge(payment) : NeverCharged();
          }
          case PAYMENT_STATE_REQUIRES_ACTION:
            return provider.Cancel(payment);
          case PAYMENT_STATE_REFUNDING:
            return provider.Refund(payment);
          default:
            return Outcome();  // decided since
        }
      }));
}

absl::Status PaymentService::ForgetWebhooks() {
  constexpr absl::Duration kKeep = absl::Hours(24 * 30);
  constexpr int kBatch = 10'000;
  return AsStatus(db_.Transact([&](Transaction& tx) {
    return tx.Execute(R"(
        delete from provider_events
        where (provider, event_id) in (select provider, event_id from provider_events
                                       where receive_time < :before limit :limit))",
                      clock_.Now() - kKeep, kBatch);
  }));
}

}  // namespace playmesh::payment
