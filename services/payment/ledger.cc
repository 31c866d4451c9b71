#include "services/payment/ledger.h"

#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "services/payment/revenue_split.h"

namespace playmesh::payment {
namespace {

// The space of the accounts' ids (RFC 9562, UUIDv5): an account's id follows from what it is for.
constexpr char kAccountSpace[] = "5b0d5ed0-6f1c-4b8e-9a53-6d0a7c1f2e94";
constexpr char kReceivable[] = "provider_receivable";
constexpr char kFees[] = "platform_fees";
constexpr char kPayable[] = "organisation_payable";

struct Entry {
  std::string kind;
  std::string organisation_id;  // only with kPayable
  int64_t units_minor;
};

// The id of an account, which is made when it is needed for the first time.
absl::StatusOr<std::string> OpenAccount(Transaction& tx, const Entry& entry,
                                        const std::string& currency_code) {
  const std::string account_id = DerivedUuid(
      kAccountSpace, absl::StrCat(entry.kind, "/", entry.organisation_id, "/", currency_code));
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into ledger_accounts (account_id, kind, organisation_id, currency_code)
      values (:account_id, :kind, :organisation_id, :currency_code)
      on conflict do nothing)",
                             account_id, entry.kind, db::NullIfEmpty(entry.organisation_id),
                             currency_code));
  return account_id;
}

absl::StatusOr<std::string> OpenTransaction(Transaction& tx, const Payment& payment,
                                            absl::string_view kind, absl::Time now) {
  const std::string transaction_id = NewUuid(now);
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into ledger_transactions (transaction_id, payment_id, kind, create_time)
      values (:transaction_id, :payment_id, :kind, :create_time))",
                             transaction_id, payment.payment_id(), kind, now));
  return transaction_id;
}

// A capture's entries: credits above zero, debits below.
std::vector<Entry> CaptureEntries(const RevenueSplit& split) {
  std::vector<Entry> entries;
  int64_t total = split.platform_fee;
  for (const Share& share : split.payable) {
    total += share.units_minor;
    if (share.units_minor != 0) {
      entries.push_back({kPayable, share.organisation_id, share.units_minor});
    }
  }
  if (split.platform_fee != 0) entries.push_back({kFees, "", split.platform_fee});
  entries.push_back({kReceivable, "", -total});
  return entries;
}

}  // namespace

absl::Status RecordCapture(Transaction& tx, const Payment& payment, absl::Time now) {
  ASSIGN_OR_RETURN(
      const int64_t fee_basis_points,
      tx.QueryOne<int64_t>("select fee_basis_points from payments where payment_id = :payment_id",
                           payment.payment_id()));
  // In one order, so that two captures that open accounts of the same organisations do not wait for
  // each other.
  using Row = std::tuple<std::string, int64_t>;
  ASSIGN_OR_RETURN(const std::vector<Row> rows, tx.Query<Row>(R"(
      select organisation_id, units_minor from payment_splits
      where payment_id = :payment_id order by organisation_id)",
                                                              payment.payment_id()));
  std::vector<Share> gross;
  gross.reserve(rows.size());
  for (const auto& [organisation_id, units_minor] : rows) {
    gross.push_back({organisation_id, units_minor});
  }

  const std::string& currency_code = payment.amount().currency_code();
  std::vector<std::string> account_ids;
  std::vector<int64_t> units;
  for (const Entry& entry :
       CaptureEntries(SplitRevenue(gross, static_cast<int>(fee_basis_points)))) {
    ASSIGN_OR_RETURN(account_ids.emplace_back(), OpenAccount(tx, entry, currency_code));
    units.push_back(entry.units_minor);
  }
  ASSIGN_OR_RETURN(const std::string transaction_id, OpenTransaction(tx, payment, "capture", now));
  return AsStatus(tx.Execute(R"(
      insert into ledger_entries (transaction_id, account_id, currency_code, units_minor)
      select cast(:transaction_id as uuid), account_id, :currency_code, units_minor
      from unnest(cast(:account_ids as uuid[]), cast(:units as bigint[])) as entry (account_id, units_minor))",
                             transaction_id, currency_code, account_ids, units));
}

absl::Status RecordRefund(Transaction& tx, const Payment& payment, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string transaction_id, OpenTransaction(tx, payment, "refund", now));
  return AsStatus(tx.Execute(R"(
      insert into ledger_entries (transaction_id, account_id, currency_code, units_minor)
      select cast(:transaction_id as uuid), account_id, currency_code, -units_minor
      from ledger_entries join ledger_transactions using (transaction_id)
      where payment_id = :payment_id and kind = 'capture')",
                             transaction_id, payment.payment_id()));
}

}  // namespace playmesh::payment
