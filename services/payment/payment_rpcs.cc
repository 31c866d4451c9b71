// Charging, cancelling and refunding.
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/status/status.h"
#include "services/payment/payment_service.h"

namespace playmesh::payment {
namespace {

// What an order of purchase can cost: 50 items at 10^12, the highest price in catalog.
constexpr int64_t kMaxUnitsMinor = 50'000'000'000'000;

// What the field rules cannot say about the amounts.
absl::Status CheckAmounts(const CreatePaymentRequest& request) {
  Violations violations;
  if (request.amount().units_minor() <= 0) {
    violations.Add("amount.units_minor", "must be above zero");
  }
  if (request.amount().units_minor() > kMaxUnitsMinor) {
    violations.Add("amount.units_minor", absl::StrCat("is more than ", kMaxUnitsMinor));
  }
  int64_t sum = 0;
  bool overflow = false;
  for (int i = 0; i < request.splits_size(); ++i) {
    const type::v1::Money& amount = request.splits(i).amount();
    if (amount.currency_code() != request.amount().currency_code()) {
      violations.Add(absl::StrCat("splits[", i, "].amount.currency_code"),
                     "must be that of the payment");
    }
    if (amount.units_minor() < 0) {
      violations.Add(absl::StrCat("splits[", i, "].amount.units_minor"), "must not be negative");
    }
    overflow |= __builtin_add_overflow(sum, amount.units_minor(), &sum);
  }
  if (overflow || sum != request.amount().units_minor()) {
    violations.Add("splits", "must sum to the amount");
  }
  return violations.status();
}

absl::Status InsertSplits(Transaction& tx, const CreatePaymentRequest& request) {
  std::vector<std::string> organisation_ids;
  std::vector<int64_t> units;
  for (const PaymentSplit& split : request.splits()) {
    organisation_ids.push_back(split.organisation_id());
    units.push_back(split.amount().units_minor());
  }
  return AsStatus(tx.Execute(R"(
      insert into payment_splits (payment_id, organisation_id, units_minor)
      select cast(:payment_id as uuid), organisation_id, sum(units_minor)
      from unnest(cast(:organisation_ids as uuid[]), cast(:units as bigint[])) as split (organisation_id, units_minor)
      group by organisation_id)",
                             request.payment_id(), organisation_ids, units));
}

// Whether the payment is new; when it is not, it must be the same. INVALID_ARGUMENT.
absl::StatusOr<bool> InsertPayment(Transaction& tx, const CreatePaymentRequest& request,
                                   const std::string& provider, int fee_basis_points,
                                   absl::Time now) {
  const std::string hash = Sha256(request.SerializeAsString());
  ASSIGN_OR_RETURN(
      const int64_t inserted,
      tx.Execute(R"(
      insert into payments (payment_id, order_id, user_id, currency_code, units_minor, request_hash, fee_basis_points,
                            provider, state, payment_method_token, ask_time, create_time)
      values (:payment_id, :order_id, :user_id, :currency_code, :units_minor, :request_hash, :fee_basis_points,
              :provider, 'processing', :payment_method_token, :ask_time, :create_time)
      on conflict do nothing)",
                 request.payment_id(), request.order_id(), request.user_id(),
                 request.amount().currency_code(), request.amount().units_minor(), db::Bytes{hash},
                 fee_basis_points, provider, request.payment_method_token(), now + kAskLease, now));
  if (inserted == 1) {
    RETURN_IF_ERROR(InsertSplits(tx, request));
    return true;
  }
  ASSIGN_OR_RETURN(
      const db::Blob kept,
      tx.QueryOne<db::Blob>("select request_hash from payments where payment_id = :payment_id",
                            request.payment_id()));
  if (kept.data != hash) return InvalidField("payment_id", "was used for another payment");
  return false;
}

}  // namespace

absl::StatusOr<CreatePaymentResponse> PaymentService::CreatePayment(
    const Caller& caller, const CreatePaymentRequest& request) {
  RETURN_IF_ERROR(CheckAmounts(request));
  bool is_new = false;
  ASSIGN_OR_RETURN(ProviderPayment payment,
                   db_.Transact([&](Transaction& tx) -> absl::StatusOr<ProviderPayment> {
                     ASSIGN_OR_RETURN(is_new, InsertPayment(tx, request, provider_.name(),
                                                            fee_basis_points_, clock_.Now()));
                     return LoadForProvider(tx, request.payment_id());
                   }));
  // Only who made the payment charges. When that one crashes, reconciliation does it.
  if (is_new) {
    ASSIGN_OR_RETURN(payment.payment, Settle(payment, std::mem_fn(&PaymentProvider::Charge)));
  }
  CreatePaymentResponse response;
  *response.mutable_payment() = std::move(payment.payment);
  return response;
}

absl::StatusOr<GetPaymentResponse> PaymentService::GetPayment(const Caller& caller,
                                                              const GetPaymentRequest& request) {
  GetPaymentResponse response;
  ASSIGN_OR_RETURN(*response.mutable_payment(), db_.Transact([&](Transaction& tx) {
    return LoadPayment(tx, request.payment_id());
  }));
  return response;
}

absl::StatusOr<CancelPaymentResponse> PaymentService::CancelPayment(
    const Caller& caller, const CancelPaymentRequest& request) {
  ASSIGN_OR_RETURN(ProviderPayment payment, db_.Transact([&](Transaction& tx) {
    return LoadForProvider(tx, request.payment_id());
  }));
  if (payment.payment.state() == PAYMENT_STATE_REQUIRES_ACTION) {
    RETURN_IF_ERROR(CheckProvider(payment));
    ASSIGN_OR_RETURN(payment.payment, Settle(payment, std::mem_fn(&PaymentProvider::Cancel)));
  }
  CancelPaymentResponse response;
  *response.mutable_payment() = std::move(payment.payment);
  return response;
}

absl::StatusOr<RefundPaymentResponse> PaymentService::RefundPayment(
    const Caller& caller, const RefundPaymentRequest& request) {
  bool is_new = false;
  ASSIGN_OR_RETURN(ProviderPayment payment,
                   db_.Transact([&](Transaction& tx) -> absl::StatusOr<ProviderPayment> {
                     ASSIGN_OR_RETURN(const int64_t begun,
                                      tx.Execute(R"(
        update payments set state = 'refunding', ask_time = :ask_time
        where payment_id = :payment_id and state = 'captured' and provider = :provider)",
                                                 clock_.Now() + kAskLease, request.payment_id(),
                                                 provider_.name()));
                     is_new = begun == 1;
                     return LoadForProvider(tx, request.payment_id());
                   }));
  const PaymentState state = payment.payment.state();
  if (state == PAYMENT_STATE_CAPTURED) RETURN_IF_ERROR(CheckProvider(payment));
  if (state != PAYMENT_STATE_REFUNDING && state != PAYMENT_STATE_REFUNDED) {
    return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_PAYMENT_NOT_CAPTURED,
                 "there is nothing to give back: the payment was not captured");
  }
  if (is_new) {
    ASSIGN_OR_RETURN(payment.payment, Settle(payment, std::mem_fn(&PaymentProvider::Refund)));
  }
  RefundPaymentResponse response;
  *response.mutable_payment() = std::move(payment.payment);
  return response;
}

}  // namespace playmesh::payment
