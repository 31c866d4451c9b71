// What purchase's tests share: a shop with its own database, and fakes of the services that it
// calls.
#pragma once

#include <google/protobuf/util/message_differencer.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/events/consumer.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "playmesh/purchase/v1/purchase_events.pb.h"
#include "services/purchase/order_saga.h"
#include "services/purchase/purchase_events.h"
#include "services/purchase/purchase_service.h"

namespace playmesh::purchase {

inline std::string Id() { return NewUuid(absl::Now()); }

// The value of `result`; fails the test case when there is none.
template <typename T>
T Value(absl::StatusOr<T> result) {
  if (!result.ok()) FAIL(result.status());
  return *std::move(result);
}

// Runs `body(0)` to `body(count - 1)` at the same time.
inline void InParallel(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

// Counts an outcome from many threads.
class Tally {
 public:
  void Add(const std::string& outcome) {
    std::lock_guard lock(mutex_);
    ++counts_[outcome];
  }
  int operator[](const std::string& outcome) { return counts_[outcome]; }

 private:
  std::mutex mutex_;
  std::map<std::string, int> counts_;
};

class FakeCatalog : public catalog::CatalogServiceClient {
 public:
  // An edition of a game of its own, and its offer.
  catalog::Offer Sell(int64_t units_minor, const std::string& currency_code = "EUR") {
    catalog::Offer offer;
    offer.set_edition_id(Id());
    offer.set_game_id(Id());
    offer.set_organisation_id(Id());
    offer.set_game_title(R"(Fog, "Sea" & {Sand}\)");
    offer.set_edition_name("Standard");
    offer.mutable_price()->set_currency_code(currency_code);
    offer.mutable_price()->set_units_minor(units_minor);
    Put(offer);
    return offer;
  }
  void Put(const catalog::Offer& offer) {
    std::lock_guard lock(mutex_);
    offers_[offer.edition_id()] = offer;
  }
  void SetPrice(const catalog::Offer& offer, int64_t units_minor) {
    std::lock_guard lock(mutex_);
    offers_[offer.edition_id()].mutable_price()->set_units_minor(units_minor);
  }
  void Withdraw(const catalog::Offer& offer) {
    std::lock_guard lock(mutex_);
    offers_.erase(offer.edition_id());
  }

  absl::StatusOr<catalog::BatchGetOffersResponse> BatchGetOffers(
      const catalog::BatchGetOffersRequest& request) override {
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    std::lock_guard lock(mutex_);
    if (down) return absl::UnavailableError("catalog is down");
    catalog::BatchGetOffersResponse response;
    for (const std::string& edition_id : request.edition_ids()) {
      auto offer = offers_.find(edition_id);
      if (offer == offers_.end()) continue;
      if (offer->second.price().currency_code() != request.currency_code()) continue;
      *response.add_offers() = offer->second;
    }
    return response;
  }

  bool down = false;
  std::function<void()> meanwhile;  // happens once, while somebody waits for an answer

 private:
  std::mutex mutex_;
  std::map<std::string, catalog::Offer> offers_;
};

class FakeLibrary : public library::LibraryServiceClient {
 public:
  void Grant(const std::string& user_id, const std::string& game_id) {
    std::lock_guard lock(mutex_);
    owned_.emplace(user_id, game_id);
  }
  absl::StatusOr<library::CheckOwnershipResponse> CheckOwnership(
      const library::CheckOwnershipRequest& request) override {
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    std::lock_guard lock(mutex_);
    if (down) return absl::UnavailableError("library is down");
    library::CheckOwnershipResponse response;
    for (const std::string& game_id : request.game_ids()) {
      if (owned_.contains({request.user_id(), game_id})) response.add_owned_game_ids(game_id);
    }
    return response;
  }

  bool down = false;
  std::function<void()> meanwhile;  // happens once, while somebody waits for an answer

 private:
  std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> owned_;
};

// Payment as its contract says, with the outcome in the token: "pm_declined", "pm_3ds…", "pm_slow",
// "pm_malformed", all others are captured.
class FakePayment : public payment::PaymentServiceClient {
 public:
  enum class Fault { kNone, kLoseRequest, kLoseAnswer };

  absl::StatusOr<payment::CreatePaymentResponse> CreatePayment(
      const payment::CreatePaymentRequest& request) override {
    std::lock_guard lock(mutex_);
    ++create_calls;
    if (fault == Fault::kLoseRequest) return absl::UnavailableError("payment is down");
    if (request.payment_method_token() == "pm_malformed") {
      return absl::InvalidArgumentError("no such token");
    }
    auto [known, fresh] = requests_.emplace(request.payment_id(), request);
    if (!google::protobuf::util::MessageDifferencer::Equals(known->second, request)) {
      ++differing_calls;
      return absl::InvalidArgumentError("another field differs");
    }
    if (fresh) payments_[request.payment_id()] = Begin(request);
    if (fault == Fault::kLoseAnswer) return absl::DeadlineExceededError("the answer was lost");
    payment::CreatePaymentResponse response;
    *response.mutable_payment() = payments_[request.payment_id()];
    return response;
  }

  absl::StatusOr<payment::GetPaymentResponse> GetPayment(
      const payment::GetPaymentRequest& request) override {
    std::lock_guard lock(mutex_);
    ++get_calls;
    if (fault != Fault::kNone) return absl::UnavailableError("payment is down");
    auto found = payments_.find(request.payment_id());
    if (found == payments_.end()) return absl::NotFoundError("no such payment");
    payment::GetPaymentResponse response;
    *response.mutable_payment() = found->second;
    return response;
  }

  absl::StatusOr<payment::CancelPaymentResponse> CancelPayment(
      const payment::CancelPaymentRequest& request) override {
    std::lock_guard lock(mutex_);
    ++cancel_calls;
    if (fault == Fault::kLoseRequest) return absl::UnavailableError("payment is down");
    auto found = payments_.find(request.payment_id());
    if (found == payments_.end()) return absl::NotFoundError("no such payment");
    payment::Payment& payment = found->second;
    if (payment.state() == payment::PAYMENT_STATE_REQUIRES_ACTION && !silent_provider) {
      Decide(payment, payment::PAYMENT_STATE_FAILED);
    }
    if (fault == Fault::kLoseAnswer) return absl::DeadlineExceededError("the answer was lost");
    payment::CancelPaymentResponse response;
    *response.mutable_payment() = payment;
    return response;
  }

  absl::StatusOr<payment::RefundPaymentResponse> RefundPayment(
      const payment::RefundPaymentRequest& request) override {
    std::lock_guard lock(mutex_);
    if (fault == Fault::kLoseRequest) return absl::UnavailableError("payment is down");
    auto found = payments_.find(request.payment_id());
    if (found == payments_.end()) return absl::NotFoundError("no such payment");
    payment::Payment& payment = found->second;
    if (payment.state() == payment::PAYMENT_STATE_CAPTURED) {
      payment.set_state(slow_refunds ? payment::PAYMENT_STATE_REFUNDING
                                     : payment::PAYMENT_STATE_REFUNDED);
    }
    if (fault == Fault::kLoseAnswer) return absl::DeadlineExceededError("the answer was lost");
    payment::RefundPaymentResponse response;
    *response.mutable_payment() = payment;
    return response;
  }

  // The provider decides about a payment; one that has failed stays as it is. Returns the payment.
  payment::Payment Settle(const std::string& payment_id, payment::PaymentState state) {
    std::lock_guard lock(mutex_);
    payment::Payment& payment = payments_.at(payment_id);
    if (payment.state() != payment::PAYMENT_STATE_FAILED) Decide(payment, state);
    return payment;
  }

  std::vector<payment::Payment> payments() {
    std::lock_guard lock(mutex_);
    std::vector<payment::Payment> all;
    for (const auto& [id, payment] : payments_) all.push_back(payment);
    return all;
  }
  // The only payment there is.
  payment::Payment payment() {
    auto all = payments();
    if (all.size() != 1) FAIL("there are " << all.size() << " payments");
    return all.front();
  }
  payment::CreatePaymentRequest request(const std::string& payment_id) {
    std::lock_guard lock(mutex_);
    return requests_.at(payment_id);
  }
  // Payments that took money, whether or not it went back.
  int charges() {
    int count = 0;
    for (const payment::Payment& payment : payments()) {
      count += payment.state() >= payment::PAYMENT_STATE_CAPTURED &&
               payment.state() != payment::PAYMENT_STATE_FAILED;
    }
    return count;
  }

  std::atomic<Fault> fault = Fault::kNone;
  std::atomic<bool> slow_refunds = false;
  std::atomic<bool> silent_provider = false;  // cannot be asked to cancel
  std::atomic<int> create_calls = 0;
  std::atomic<int> get_calls = 0;
  std::atomic<int> cancel_calls = 0;
  std::atomic<int> differing_calls = 0;

 private:
  static void Decide(payment::Payment& payment, payment::PaymentState state) {
    payment.set_state(state);
    payment.clear_redirect_url();
    payment.clear_client_secret();
    if (state == payment::PAYMENT_STATE_FAILED) payment.set_decline_code("authentication_failed");
  }
  static payment::Payment Begin(const payment::CreatePaymentRequest& request) {
    const std::string& token = request.payment_method_token();
    payment::Payment payment;
    payment.set_payment_id(request.payment_id());
    payment.set_order_id(request.order_id());
    *payment.mutable_amount() = request.amount();
    payment.set_state(payment::PAYMENT_STATE_CAPTURED);
    if (token == "pm_slow") payment.set_state(payment::PAYMENT_STATE_PROCESSING);
    if (token == "pm_declined") {
      payment.set_state(payment::PAYMENT_STATE_FAILED);
      payment.set_decline_code("insufficient_funds");
      payment.set_decline_message("The card has too little money.");
    }
    if (absl::StartsWith(token, "pm_3ds")) {
      payment.set_state(payment::PAYMENT_STATE_REQUIRES_ACTION);
      payment.set_redirect_url("https://bank.example/confirm");
      payment.set_client_secret("pi_secret_of_the_buyer");
    }
    return payment;
  }

  std::mutex mutex_;
  std::map<std::string, payment::Payment> payments_;
  std::map<std::string, payment::CreatePaymentRequest> requests_;
};

// Purchase in process, and the calls of a buyer with few words.
struct Shop {
  explicit Shop(absl::Duration lifetime = absl::Minutes(30)) : order_lifetime(lifetime) {
    events.Register(consumer);
  }

  absl::StatusOr<AddCartItemResponse> Add(const Caller& buyer, const catalog::Offer& offer,
                                          const std::string& currency_code = "EUR") {
    AddCartItemRequest request;
    request.set_edition_id(offer.edition_id());
    request.set_currency_code(currency_code);
    request.set_country_code("DE");
    return service.AddCartItem(buyer, request);
  }
  Cart CartOf(const Caller& buyer) { return Value(service.GetCart(buyer, {})).cart(); }
  absl::StatusOr<CreateOrderResponse> CreateOrder(const Caller& buyer,
                                                  const std::string& request_id = Id()) {
    CreateOrderRequest request;
    request.set_request_id(request_id);
    return service.CreateOrder(buyer, request);
  }
  // A pending order of these editions.
  Order OrderOf(const Caller& buyer, const std::vector<catalog::Offer>& offers) {
    for (const catalog::Offer& offer : offers) Value(Add(buyer, offer));
    return Value(CreateOrder(buyer)).order();
  }
  absl::StatusOr<Order> Checkout(const Caller& buyer, const Order& order,
                                 const std::string& token = "pm_card_visa",
                                 const std::string& request_id = Id()) {
    CheckoutOrderRequest request;
    request.set_request_id(request_id);
    request.set_order_id(order.order_id());
    request.set_payment_method_token(token);
    ASSIGN_OR_RETURN(CheckoutOrderResponse response, service.CheckoutOrder(buyer, request));
    return std::move(*response.mutable_order());
  }
  absl::StatusOr<Order> Cancel(const Caller& buyer, const Order& order) {
    CancelOrderRequest request;
    request.set_order_id(order.order_id());
    ASSIGN_OR_RETURN(CancelOrderResponse response, service.CancelOrder(buyer, request));
    return std::move(*response.mutable_order());
  }
  absl::StatusOr<Order> Refund(const Caller& buyer, const Order& order,
                               const std::string& request_id = Id()) {
    RefundOrderRequest request;
    request.set_request_id(request_id);
    request.set_order_id(order.order_id());
    request.set_reason("Too foggy.");
    ASSIGN_OR_RETURN(RefundOrderResponse response, service.RefundOrder(buyer, request));
    return std::move(*response.mutable_order());
  }
  absl::StatusOr<Order> Claim(const Caller& buyer, const catalog::Offer& offer) {
    ClaimFreeGameRequest request;
    request.set_edition_id(offer.edition_id());
    request.set_currency_code("EUR");
    request.set_country_code("DE");
    ASSIGN_OR_RETURN(ClaimFreeGameResponse response, service.ClaimFreeGame(buyer, request));
    return std::move(*response.mutable_order());
  }
  absl::StatusOr<Order> Get(const Caller& buyer, const Order& order) {
    GetOrderRequest request;
    request.set_order_id(order.order_id());
    ASSIGN_OR_RETURN(GetOrderResponse response, service.GetOrder(buyer, request));
    return std::move(*response.mutable_order());
  }
  OrderState StateOf(const Caller& buyer, const Order& order) {
    return Value(Get(buyer, order)).state();
  }

  absl::StatusOr<RemoveCartItemResponse> Remove(const Caller& buyer, const catalog::Offer& offer) {
    RemoveCartItemRequest request;
    request.set_edition_id(offer.edition_id());
    return service.RemoveCartItem(buyer, request);
  }

  // An event of payment about a payment, as a delivery.
  template <typename Event>
  absl::Status Deliver(const payment::Payment& payment, const std::string& event_id = Id()) {
    Event event;
    event.set_payment_id(payment.payment_id());
    event.set_order_id(payment.order_id());
    if constexpr (std::is_same_v<Event, payment::PaymentFailed>) {
      event.set_decline_code("authentication_failed");
      event.set_decline_message("The bank did not confirm.");
    }
    return consumer.Deliver({event_id, "/playmesh/payment", Event::descriptor()->full_name(),
                             payment.order_id(), clock.Now(), ""},
                            event.SerializeAsString());
  }

  // Lets the time pass after which open orders are asked about, and asks.
  void ReconcileLater(absl::Duration delay = absl::Minutes(2)) {
    clock.Advance(delay);
    const absl::Status status = saga.Reconcile();
    if (!status.ok()) FAIL(status);
  }

  // Cancels orders that have expired.
  void Sweep() {
    const absl::Status status = saga.CancelExpired();
    if (!status.ok()) FAIL(status);
  }

  // Fails the test case unless money, orders, games and events agree.
  void CheckBooks();

  const absl::Duration order_lifetime;
  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  Outbox outbox{clock};
  FakeCatalog catalog;
  FakeLibrary library;
  FakePayment payment;
  OrderSaga saga{{database.db(), clock, outbox, payment}};
  PurchaseService service{{database.db(), clock, saga, catalog, library, order_lifetime}};
  PurchaseEvents events{saga};
  Consumer consumer{database.db(), {}};
  const Caller buyer = testing::UserCaller(Id());
};

inline void Shop::CheckBooks() {
  // One charge of an order at most, and only of orders that were completed or wait for the answer.
  std::map<std::string, int> charges;
  for (const payment::Payment& payment : payment.payments()) {
    if (payment.state() >= payment::PAYMENT_STATE_CAPTURED &&
        payment.state() != payment::PAYMENT_STATE_FAILED) {
      ++charges[payment.order_id()];
    }
  }
  std::map<std::string, int> completed, refunded;
  for (const auto& event : database.Published<PurchaseCompleted>()) ++completed[event.order_id()];
  for (const auto& event : database.Published<PurchaseRefunded>()) ++refunded[event.order_id()];

  using Row = std::tuple<std::string, std::string, int64_t>;
  for (const auto& [order_id, state, total] :
       database.Query<Row>("select order_id, state, units_minor from orders limit 1000")) {
    INFO("order " << order_id << " is " << state << " of " << total);
    const bool was_completed = state == "completed" || state == "refunding" || state == "refunded";
    const bool is_open = state == "paying" || state == "requires_action";
    CHECK(completed[order_id] == (was_completed ? 1 : 0));
    CHECK(refunded[order_id] == (state == "refunded" ? 1 : 0));
    CHECK(charges[order_id] <= 1);
    if (was_completed) CHECK(charges[order_id] == (total > 0 ? 1 : 0));
    if (!was_completed && !is_open) CHECK(charges[order_id] == 0);
  }
  CHECK(payment.differing_calls == 0);
  // Games are held by exactly those orders that pay for them or have.
  CHECK(database.Query<int64_t>(R"(
      select count(*)
      from (select user_id, game_id, order_id from orders join order_items using (order_id)
            where state in ('paying', 'requires_action', 'completed', 'refunding')) as held
      full join purchased_games using (user_id, game_id, order_id)
      where held.order_id is null or purchased_games.order_id is null)") ==
        std::vector<int64_t>{0});
  // Tokens are kept no longer than needed.
  CHECK(database.Query<int64_t>(R"(
      select count(*) from payment_attempts join orders using (order_id)
      where payment_method_token is not null
        and orders.state not in ('paying', 'requires_action'))") == std::vector<int64_t>{0});
}

}  // namespace playmesh::purchase
