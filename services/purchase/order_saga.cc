#include "services/purchase/order_saga.h"

#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/context/context.h"
#include "common/log/log.h"
#include "playmesh/purchase/v1/purchase_events.pb.h"
#include "services/purchase/order_state.h"

namespace playmesh::purchase {

using namespace v1;  // NOLINT: as in the generated headers

namespace {

constexpr int kReconcileBatch = 100;
constexpr int kExpireBatch = 1000;

absl::string_view AttemptState(OrderState order) {
  switch (order) {
    case ORDER_STATE_PENDING:
      return "failed";
    case ORDER_STATE_PAYING:
    case ORDER_STATE_REQUIRES_ACTION:
      return "open";
    default:
      return "captured";
  }
}

// In the order of their ids, so that two orders of the same games wait for each other in one order.
absl::Status Reserve(Transaction& tx, const LockedOrder& order) {
  ASSIGN_OR_RETURN(const int64_t reserved, tx.Execute(R"(
      insert into purchased_games (user_id, game_id, order_id)
      select :user_id::uuid, game_id, order_id from order_items where order_id = :order_id
      order by game_id
      on conflict do nothing)",
                                                      order.user_id, order.order.order_id()));
  return reserved == order.order.items_size() ? absl::OkStatus() : AlreadyOwned();
}

absl::Status Release(Transaction& tx, const LockedOrder& order) {
  return AsStatus(
      tx.Execute("delete from purchased_games where order_id = :order_id", order.order.order_id()));
}

PurchaseCompleted Completed(const LockedOrder& order) {
  PurchaseCompleted event;
  event.set_order_id(order.order.order_id());
  event.set_user_id(order.user_id);
  *event.mutable_items() = order.order.items();
  *event.mutable_total() = order.order.total();
  event.set_payment_id(order.payment_id);
  *event.mutable_complete_time() = order.order.complete_time();
  return event;
}

PurchaseRefunded Refunded(const LockedOrder& order) {
  PurchaseRefunded event;
  event.set_order_id(order.order.order_id());
  event.set_user_id(order.user_id);
  *event.mutable_items() = order.order.items();
  *event.mutable_total() = order.order.total();
  *event.mutable_complete_time() = order.order.complete_time();
  *event.mutable_refund_time() = order.order.refund_time();
  return event;
}

}  // namespace

OrderSaga::OrderSaga(Deps deps)
    : db_(deps.db), clock_(deps.clock), outbox_(deps.outbox), payment_(deps.payment) {}

absl::Status OrderSaga::Start(Transaction& tx, LockedOrder& order,
                              const std::string& payment_method_token) {
  RETURN_IF_ERROR(Reserve(tx, order));
  if (order.order.total().units_minor() == 0) return Enter(tx, order, ORDER_STATE_COMPLETED);
  order.payment_id = NewUuid(clock_.Now());
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into payment_attempts (payment_id, order_id, state, payment_method_token, create_time)
      values (:payment_id, :order_id, 'open', :payment_method_token, :create_time))",
                             order.payment_id, order.order.order_id(), payment_method_token,
                             clock_.Now()));
  RETURN_IF_ERROR(
      tx.Execute("update orders set payment_id = :payment_id where order_id = :order_id",
                 order.payment_id, order.order.order_id()));
  return Enter(tx, order, ORDER_STATE_PAYING);
}

absl::Status OrderSaga::StartRefund(Transaction& tx, LockedOrder& order,
                                    const std::string& reason) {
  RETURN_IF_ERROR(
      tx.Execute("update orders set refund_reason = :refund_reason where order_id = :order_id",
                 db::NullIfEmpty(reason), order.order.order_id()));
  return Enter(tx, order, order.payment_id.empty() ? ORDER_STATE_REFUNDED : ORDER_STATE_REFUNDING);
}

absl::Status OrderSaga::Cancel(Transaction& tx, LockedOrder& order) {
  return Enter(tx, order, ORDER_STATE_CANCELLED);
}

absl::Status OrderSaga::Apply(Transaction& tx, const payment::Payment& payment) {
  ASSIGN_OR_RETURN(LockedOrder order, LockOrder(tx, payment.order_id()));
  const bool failed_before = payment.payment_id() != order.payment_id ||
                             order.order.state() == ORDER_STATE_PENDING ||
                             order.order.state() == ORDER_STATE_CANCELLED;
  if (failed_before) {
    // The games may belong to another order by now, so somebody must look and give the money back.
    return payment.state() == payment::PAYMENT_STATE_CAPTURED
               ? absl::FailedPreconditionError("a payment was captured after it had failed")
               : absl::OkStatus();
  }
  while (true) {
    const OrderState next = AfterPayment(order.order.state(), payment.state());
    if (next == order.order.state()) return absl::OkStatus();
    RETURN_IF_ERROR(RecordAttempt(tx, payment, next));
    RETURN_IF_ERROR(Enter(tx, order, next));
  }
}

absl::Status OrderSaga::RecordAttempt(Transaction& tx, const payment::Payment& payment,
                                      OrderState state) {
  const bool failed = state == ORDER_STATE_PENDING;
  const bool asks = state == ORDER_STATE_REQUIRES_ACTION;
  using db::NullIfEmpty;
  using db::Param;
  return AsStatus(tx.Execute(
      R"(
      update payment_attempts
      set state = :state, decline_code = :decline_code, decline_message = :decline_message,
          redirect_url = :redirect_url, client_secret = :client_secret,
          payment_method_token = case when :state = 'open' then payment_method_token end
      where payment_id = :payment_id)",
      AttemptState(state), failed ? Param(payment.decline_code()) : Param(std::nullopt),
      failed ? Param(payment.decline_message()) : Param(std::nullopt),
      asks ? NullIfEmpty(payment.redirect_url()) : Param(std::nullopt),
      asks ? NullIfEmpty(payment.client_secret()) : Param(std::nullopt), payment.payment_id()));
}

absl::Status OrderSaga::Enter(Transaction& tx, LockedOrder& order, OrderState state) {
  using db::Param;
  const absl::Time now = clock_.Now();
  const std::optional<absl::Duration> wait = FirstCheck(state);
  if (state == ORDER_STATE_COMPLETED) *order.order.mutable_complete_time() = ToTimestamp(now);
  if (state == ORDER_STATE_REFUNDED) *order.order.mutable_refund_time() = ToTimestamp(now);
  // A CANCELLED order keeps it when that was why.
  if (state == ORDER_STATE_COMPLETED ||
      (state == ORDER_STATE_CANCELLED && !HasExpired(order.order, now))) {
    order.order.clear_expire_time();
  }
  order.order.set_state(state);
  RETURN_IF_ERROR(tx.Execute(
      R"(
      update orders
      set state = :state, state_time = :now, check_time = :check_time,
          expire_time = :expire_time,
          complete_time = case when :state = 'completed' then :now else complete_time end,
          refund_time = case when :state = 'refunded' then :now else refund_time end
      where order_id = :order_id)",
      state, now, wait ? std::optional(now + *wait) : std::nullopt,
      order.order.has_expire_time() ? Param(order.order.expire_time()) : Param(std::nullopt),
      order.order.order_id()));
  switch (state) {
    case ORDER_STATE_PENDING:
      return Release(tx, order);
    case ORDER_STATE_COMPLETED:
      return outbox_.Add(tx, Completed(order));
    case ORDER_STATE_REFUNDED:
      RETURN_IF_ERROR(Release(tx, order));
      return outbox_.Add(tx, Refunded(order));
    default:
      return absl::OkStatus();
  }
}

absl::StatusOr<OrderSaga::Question> OrderSaga::LoadQuestion(Transaction& tx,
                                                            const std::string& order_id) {
  // Locked, so that state and attempt are of the same moment: every call for an attempt is the
  // same.
  ASSIGN_OR_RETURN(const LockedOrder order, LockOrder(tx, order_id));
  ASSIGN_OR_RETURN(payment::CreatePaymentRequest charge,
                   tx.QueryOne<payment::CreatePaymentRequest>(R"(
      select o.order_id, o.user_id, o.payment_id, p.payment_method_token,
             o.currency_code as "amount.currency_code", o.units_minor as "amount.units_minor",
             (select jsonb_agg(jsonb_build_object(
                         'organisation_id', organisation_id,
                         'amount', jsonb_build_object('currency_code', o.currency_code,
                                                      'units_minor', split.units_minor::text))
                     order by organisation_id)
              from (select organisation_id, sum(units_minor) as units_minor
                    from order_items where order_id = o.order_id and units_minor > 0
                    group by organisation_id) as split) as splits
      from orders o left join payment_attempts p on p.payment_id = o.payment_id
      where o.order_id = :order_id)",
                                                              order_id));
  return Question{order.order.state(), std::move(charge)};
}

absl::StatusOr<payment::Payment> OrderSaga::Ask(const Question& question) {
  if (question.state == ORDER_STATE_PAYING) return Charge(question.charge);
  if (question.state == ORDER_STATE_REFUNDING) {
    payment::RefundPaymentRequest request;
    request.set_payment_id(question.charge.payment_id());
    ASSIGN_OR_RETURN(payment::RefundPaymentResponse response, payment_.RefundPayment(request));
    return std::move(*response.mutable_payment());
  }
  payment::GetPaymentRequest request;
  request.set_payment_id(question.charge.payment_id());
  ASSIGN_OR_RETURN(payment::GetPaymentResponse response, payment_.GetPayment(request));
  return std::move(*response.mutable_payment());
}

absl::StatusOr<payment::Payment> OrderSaga::Charge(const payment::CreatePaymentRequest& request) {
  absl::StatusOr<payment::CreatePaymentResponse> created = payment_.CreatePayment(request);
  if (created.ok()) return std::move(*created->mutable_payment());
  if (!absl::IsInvalidArgument(created.status())) return created.status();

  // Payment refuses the request itself, so it will for ever. Every call of this attempt is the
  // same, so none was charged, unless the contract has changed in between: then the payment is
  // there, and counts.
  log::Error("payment refuses a charge",
             {{"order_id", request.order_id()}, {"error", created.status()}});
  payment::GetPaymentRequest get;
  get.set_payment_id(request.payment_id());
  absl::StatusOr<payment::GetPaymentResponse> found = payment_.GetPayment(get);
  if (found.ok()) return std::move(*found->mutable_payment());
  if (!absl::IsNotFound(found.status())) return found.status();
  payment::Payment failed;
  failed.set_payment_id(request.payment_id());
  failed.set_order_id(request.order_id());
  failed.set_state(payment::PAYMENT_STATE_FAILED);
  failed.set_decline_code("processing_error");
  failed.set_decline_message("The payment could not be processed. Try another way to pay.");
  return failed;
}

absl::Status OrderSaga::Drive(const std::string& order_id) {
  ASSIGN_OR_RETURN(const Question question,
                   db_.Transact([&](Transaction& tx) { return LoadQuestion(tx, order_id); }));
  if (!FirstCheck(question.state)) return absl::OkStatus();  // decided meanwhile
  ASSIGN_OR_RETURN(const payment::Payment payment, Ask(question));
  return db_.Transact([&](Transaction& tx) { return Apply(tx, payment); });
}

absl::Status OrderSaga::CancelAttempt(const std::string& payment_id) {
  payment::CancelPaymentRequest request;
  request.set_payment_id(payment_id);
  const absl::StatusOr<payment::CancelPaymentResponse> response = payment_.CancelPayment(request);
  if (response.ok()) {
    RETURN_IF_ERROR(db_.Transact([&](Transaction& tx) { return Apply(tx, response->payment()); }));
  } else {
    log::Warning("payment did not end an attempt",
                 {{"payment_id", payment_id}, {"error", response.status()}});
  }
  if (!response.ok() || response->payment().state() == payment::PAYMENT_STATE_REQUIRES_ACTION) {
    return absl::UnavailableError("the payment cannot be ended now; confirm it, or try again");
  }
  return absl::OkStatus();
}

absl::Status OrderSaga::Reconcile() {
  // The longer an order has waited, the rarer it is asked about; a buyer who never confirms is the
  // usual case of a long wait.
  ASSIGN_OR_RETURN(const std::vector<std::string> due, db_.Transact([&](Transaction& tx) {
    return tx.Query<std::string>(R"(
        update orders
        set check_time = :now::timestamptz + least(
              :now::timestamptz - state_time,
              case state when 'requires_action' then interval '1 hour' else interval '1 minute' end)
        where order_id = any(array(
            select order_id from orders where check_time <= :now::timestamptz
            order by check_time limit :batch for update skip locked))
        returning order_id)",
                                 clock_.Now(), kReconcileBatch);
  }));
  for (const std::string& order_id : due) {
    if (absl::Now() >= CurrentContext().deadline) break;
    const absl::Status status = Drive(order_id);
    if (!status.ok()) {
      log::Warning("order is driven again later", {{"order_id", order_id}, {"error", status}});
    }
  }
  return absl::OkStatus();
}

absl::Status OrderSaga::CancelExpired() {
  // A PENDING order holds nothing, and nobody was told of it: its state is all that changes.
  return db_.Transact([&](Transaction& tx) {
    return AsStatus(tx.Execute(R"(
        update orders set state = 'cancelled', state_time = :now
        where order_id = any(array(
            select order_id from orders where state = 'pending' and expire_time <= :now
            order by expire_time limit :batch for update skip locked)))",
                               clock_.Now(), kExpireBatch));
  });
}

}  // namespace playmesh::purchase
