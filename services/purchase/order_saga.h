// Takes orders through payment and back. Every step is either a transaction of this database or one
// call to payment, which may be made any number of times; between any two of them the process may
// end, and Reconcile goes on.
//
//   Start   one transaction: reserves the games, writes the attempt with its payment_id, PAYING
//   Drive   asks payment (the same payment_id: one charge, however often), then Apply
//   Apply   part of a transaction: takes the order to where its payment is, with its events
//   CancelAttempt   asks payment to end an attempt that waits for the buyer, then Apply
//
// Drive is called by who started, and by Reconcile until the outcome is known. Events of payment
// come to Apply as well; whoever is first moves the order, and the others find nothing to do.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/db/database.h"
#include "common/events/outbox.h"
#include "playmesh/payment/v1/payment_service.playmesh.h"
#include "services/purchase/orders.h"

namespace playmesh::purchase {

// Thread-safe.
class OrderSaga {
 public:
  struct Deps {
    Database& db;
    Clock& clock;
    Outbox& outbox;
    payment::PaymentServiceClient& payment;
  };
  explicit OrderSaga(Deps deps);

  // Begins an attempt to pay a PENDING order; one that costs nothing is COMPLETED at once, and
  // needs no token. ALREADY_OWNED when another order has one of the games.
  absl::Status Start(Transaction& tx, LockedOrder& order, const std::string& payment_method_token);

  // Begins to give a COMPLETED order back; one that cost nothing is REFUNDED at once.
  absl::Status StartRefund(Transaction& tx, LockedOrder& order, const std::string& reason);

  // Gives up a PENDING order. It keeps its expire_time only when that has passed.
  absl::Status Cancel(Transaction& tx, LockedOrder& order);

  // Takes the order of `payment` to where the payment is. Late and repeated reports change nothing.
  // NOT_FOUND when there is no such order; FAILED_PRECONDITION when money was taken by a payment
  // that had failed, which payment excludes.
  absl::Status Apply(Transaction& tx, const payment::Payment& payment);

  // Asks payment about an order that waits for it, and applies the answer. An error leaves the
  // order as it is.
  absl::Status Drive(const std::string& order_id);

  // Asks payment to end an attempt of an order that is REQUIRES_ACTION, and applies the answer: the
  // order is PENDING then, or COMPLETED when the buyer was faster. UNAVAILABLE while payment cannot
  // tell that the attempt has ended; it then goes on. One that had ended stays as it is.
  absl::Status CancelAttempt(const std::string& payment_id);

  // Drives orders that have waited for long, up to a hundred. Any number of replicas may do so at
  // the same time.
  absl::Status Reconcile();

  // Cancels PENDING orders whose time to be paid is over, up to a thousand. Any number of replicas
  // may do so at the same time.
  absl::Status CancelExpired();

 private:
  struct Question {
    v1::OrderState state;
    payment::CreatePaymentRequest charge;
  };

  // What became of the attempt, now that its order goes to `state`.
  absl::Status RecordAttempt(Transaction& tx, const payment::Payment& payment,
                             v1::OrderState state);
  // Takes the order to `state`, with all that becomes true then: whose the games are, and what
  // others are told.
  absl::Status Enter(Transaction& tx, LockedOrder& order, v1::OrderState state);
  absl::StatusOr<Question> LoadQuestion(Transaction& tx, const std::string& order_id);
  absl::StatusOr<payment::Payment> Ask(const Question& question);
  absl::StatusOr<payment::Payment> Charge(const payment::CreatePaymentRequest& request);

  Database& db_;
  Clock& clock_;
  Outbox& outbox_;
  payment::PaymentServiceClient& payment_;
};

}  // namespace playmesh::purchase
