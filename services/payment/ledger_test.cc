#include "services/payment/ledger.h"

#include "services/payment/payment_testing.h"

namespace playmesh::payment {
namespace {

constexpr char kTransaction[] = "0193f2a0-0000-7000-8000-00000000aaaa";

// A ledger with one capture, and a payment without one.
struct Books : SandboxShop {
  Books() {
    Pay("pm_card_visa", 1000);
    payment_id = Pay("pm_card_visa_chargeDeclined").payment_id();
    fees = Account("platform_fees");
    receivable = Account("provider_receivable");
  }
  std::string Account(const std::string& kind) {
    return database
        .Query<std::string>("select account_id from ledger_accounts where kind = :kind", kind)
        .at(0);
  }
  // Runs all in one transaction of the database, with a new ledger transaction before.
  absl::Status Post(const std::vector<std::tuple<std::string, std::string, int64_t>>& entries) {
    return database.db().Transact([&](Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(tx.Execute(R"(
          insert into ledger_transactions (transaction_id, payment_id, kind, create_time)
          values (:id, :payment_id, 'capture', now()))",
                                 kTransaction, payment_id));
      for (const auto& [account_id, currency_code, units_minor] : entries) {
        RETURN_IF_ERROR(Add(tx, kTransaction, account_id, currency_code, units_minor));
      }
      return absl::OkStatus();
    });
  }
  static absl::Status Add(Transaction& tx, const std::string& transaction_id,
                          const std::string& account_id, const std::string& currency_code,
                          int64_t units_minor) {
    return AsStatus(tx.Execute(R"(
        insert into ledger_entries (transaction_id, account_id, currency_code, units_minor)
        values (:transaction_id, :account_id, :currency_code, :units_minor))",
                               transaction_id, account_id, currency_code, units_minor));
  }

  std::string payment_id, fees, receivable;
};

TEST_CASE("the database takes a balanced transaction and refuses all others") {
  Books books;
  CHECK(absl::IsFailedPrecondition(books.Post({})));
  CHECK(absl::IsFailedPrecondition(books.Post({{books.fees, "EUR", 1}})));
  CHECK(absl::IsFailedPrecondition(
      books.Post({{books.fees, "EUR", 1}, {books.receivable, "EUR", -2}})));
  // A zero entry says nothing, and an account has one currency.
  CHECK(absl::IsFailedPrecondition(books.Post({{books.fees, "EUR", 0}})));
  CHECK(absl::IsFailedPrecondition(
      books.Post({{books.fees, "USD", 1}, {books.receivable, "USD", -1}})));
  CHECK(books.Post({{books.fees, "EUR", 1}, {books.receivable, "EUR", -1}}).ok());
}

TEST_CASE("currencies do not balance each other") {
  Books books;
  REQUIRE(books.database
              .Execute("insert into ledger_accounts (account_id, kind, currency_code) values (:id, "
                       "'platform_fees', 'USD')",
                       kTransaction)
              .ok());
  CHECK(absl::IsFailedPrecondition(
      books.Post({{books.receivable, "EUR", -1}, {kTransaction, "USD", 1}})));
}

TEST_CASE("nothing is added to a transaction once it is committed, even when it balances") {
  Books books;
  REQUIRE(books.Post({{books.fees, "EUR", 1}, {books.receivable, "EUR", -1}}).ok());
  const std::string payable = books.Account("organisation_payable");
  CHECK(absl::IsFailedPrecondition(books.database.db().Transact(
      [&](Transaction& tx) { return Books::Add(tx, kTransaction, payable, "EUR", 1); })));
}

TEST_CASE("the ledger is not changed, by nobody") {
  Books books;
  for (const char* sql :
       {"update ledger_entries set units_minor = units_minor + 1", "delete from ledger_entries",
        "truncate ledger_entries", "update ledger_transactions set kind = 'refund'",
        "delete from ledger_transactions where false", "truncate ledger_transactions cascade",
        "update ledger_accounts set currency_code = 'USD'", "delete from ledger_accounts",
        "truncate ledger_accounts cascade"}) {
    CAPTURE(sql);
    CHECK(absl::IsFailedPrecondition(books.database.Execute(sql).status()));
  }
}

TEST_CASE("a payment has one capture and one refund") {
  Books books;
  REQUIRE(books.Post({{books.fees, "EUR", 1}, {books.receivable, "EUR", -1}}).ok());
  CHECK(absl::IsAlreadyExists(books.database.db().Transact([&](Transaction& tx) {
    Payment payment;
    payment.set_payment_id(books.payment_id);
    *payment.mutable_amount() = Money("EUR", 1999);
    return RecordCapture(tx, payment, books.clock.Now());
  })));
}

TEST_CASE("a capture is divided among organisations and platform, and a refund is its mirror") {
  SandboxShop shop;
  CreatePaymentRequest request = shop.Request("pm_card_visa", 1001);
  const std::string other_id = NewUuid(shop.clock.Now());
  request.mutable_splits(0)->mutable_amount()->set_units_minor(501);
  *request.add_splits() = request.splits(0);
  request.mutable_splits(1)->mutable_amount()->set_units_minor(199);
  *request.add_splits() = request.splits(0);
  request.mutable_splits(2)->set_organisation_id(other_id);
  request.mutable_splits(2)->mutable_amount()->set_units_minor(301);
  REQUIRE(shop.Create(request).ok());

  using Row = std::tuple<std::string, int64_t>;
  constexpr char kEntries[] = R"(
      select coalesce(cast(organisation_id as text), ledger_accounts.kind), units_minor
      from ledger_entries join ledger_accounts using (account_id) join ledger_transactions using (transaction_id)
      where ledger_transactions.kind = :kind order by units_minor * (case ledger_transactions.kind when 'refund' then -1 else 1 end))";
  // 30 % of 700 and of 301, rounded down.
  CHECK(shop.database.Query<Row>(kEntries, "capture") ==
        std::vector<Row>{{"provider_receivable", -1001},
                         {other_id, 211},
                         {"platform_fees", 300},
                         {shop.organisation_id, 490}});
  REQUIRE(shop.Refund(request.payment_id()).ok());
  CHECK(shop.database.Query<Row>(kEntries, "refund") ==
        std::vector<Row>{{"provider_receivable", 1001},
                         {other_id, -211},
                         {"platform_fees", -300},
                         {shop.organisation_id, -490}});
  CHECK(shop.Owed() == 0);
}

TEST_CASE("a payment too small for a fee gets no entry for one") {
  SandboxShop shop;
  shop.Pay("pm_card_visa", 1);
  CHECK(shop.Owed() == 1);
  CHECK(shop.Count("select count(*) from ledger_entries") == 2);
}

}  // namespace
}  // namespace playmesh::payment
