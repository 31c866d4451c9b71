#include "common/status/status.h"
#include "services/payment/payment_testing.h"

namespace playmesh::payment {
namespace {

struct BalanceShop : SandboxShop {
  absl::StatusOr<GetBalanceResponse> Balance(const Caller& caller) {
    GetBalanceRequest request;
    request.set_organisation_id(organisation_id);
    return service.GetBalance(caller, request);
  }
  absl::StatusOr<ListBalanceTransactionsResponse> List(const Caller& caller, int page_size = 0,
                                                       const std::string& page_token = "") {
    ListBalanceTransactionsRequest request;
    request.set_organisation_id(organisation_id);
    request.set_page_size(page_size);
    request.set_page_token(page_token);
    return service.ListBalanceTransactions(caller, request);
  }
  void PayIn(const std::string& currency_code, int64_t units_minor) {
    CreatePaymentRequest request = Request("pm_card_visa");
    *request.mutable_amount() = *request.mutable_splits(0)->mutable_amount() =
        Money(currency_code, units_minor);
    REQUIRE(Create(request)->state() == PAYMENT_STATE_CAPTURED);
  }

  const Caller member =
      testing::UserCaller("0193f2a0-0000-7000-8000-000000000001", {}, {organisation_id});
};

TEST_CASE("balances and their transactions are for members only") {
  BalanceShop shop;
  const Caller stranger =
      testing::UserCaller(NewUuid(shop.clock.Now()), {}, {NewUuid(shop.clock.Now())});
  for (const absl::Status& status :
       {shop.Balance(stranger).status(), shop.List(stranger).status()}) {
    CHECK(absl::IsPermissionDenied(status));
    CHECK(ReasonOf(status) == "NOT_A_MEMBER");
  }
  CHECK(shop.Balance(shop.member).ok());
  CHECK(shop.List(shop.member).ok());
}

TEST_CASE("there is a balance for each currency in which there ever was a movement") {
  BalanceShop shop;
  CHECK(shop.Balance(shop.member)->balances().empty());
  shop.PayIn("JPY", 1000);
  shop.PayIn("EUR", 1000);
  shop.PayIn("EUR", 1000);
  REQUIRE(shop.Refund(shop.Pay("pm_card_visa").payment_id()).ok());
  auto response = shop.Balance(shop.member);
  REQUIRE(response->balances_size() == 2);
  CHECK(response->balances(0).amount().currency_code() == "EUR");
  CHECK(response->balances(0).amount().units_minor() == 1400);
  CHECK(response->balances(1).amount().currency_code() == "JPY");
  CHECK(response->balances(1).amount().units_minor() == 700);
}

TEST_CASE("transactions come latest first, page by page, and sum to the balance") {
  BalanceShop shop;
  std::vector<std::string> payment_ids;
  for (int i = 1; i <= 7; ++i) {
    payment_ids.insert(payment_ids.begin(), shop.Pay("pm_card_visa", 1000 * i).payment_id());
    shop.clock.Advance(absl::Milliseconds(1));
  }
  REQUIRE(shop.Refund(payment_ids[3]).ok());

  std::vector<BalanceTransaction> all;
  std::string page_token;
  do {
    const auto page = shop.List(shop.member, 3, page_token);
    REQUIRE(page.status() == absl::OkStatus());
    REQUIRE(page->transactions_size() <= 3);
    all.insert(all.end(), page->transactions().begin(), page->transactions().end());
    page_token = page->next_page_token();
  } while (!page_token.empty());

  REQUIRE(all.size() == 8);
  CHECK(all[0].kind() == "refund");
  CHECK(all[0].payment_id() == payment_ids[3]);
  CHECK(all[0].amount().units_minor() == -2800);
  CHECK(FromTimestamp(all[0].create_time()) == shop.clock.Now());
  int64_t sum = all[0].amount().units_minor();
  for (size_t i = 1; i < all.size(); ++i) {
    CHECK(all[i].kind() == "capture");
    CHECK(all[i].payment_id() == payment_ids[i - 1]);
    CHECK(all[i].amount().currency_code() == "EUR");
    CHECK(all[i].transaction_id() < all[i - 1].transaction_id());
    sum += all[i].amount().units_minor();
  }
  CHECK(sum == shop.Owed());
}

TEST_CASE("a page token of another list is refused") {
  BalanceShop shop;
  for (int i = 0; i < 3; ++i) shop.Pay("pm_card_visa");
  ListBalanceTransactionsRequest request;
  request.set_organisation_id(NewUuid(shop.clock.Now()));
  request.set_page_token(shop.List(shop.member, 1)->next_page_token());
  const Caller other =
      testing::UserCaller("0193f2a0-0000-7000-8000-000000000001", {}, {request.organisation_id()});
  CHECK(absl::IsInvalidArgument(shop.service.ListBalanceTransactions(other, request).status()));
}

}  // namespace
}  // namespace playmesh::payment
