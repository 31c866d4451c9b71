// What the platform owes organisations.
#include "common/base/random.h"
#include "common/rpc/pages.h"
#include "common/status/status.h"
#include "services/payment/payment_service.h"

namespace playmesh::payment {
namespace {

// One balance for each currency that Playmesh trades in, at most.
constexpr int kMaxBalances = 200;

}  // namespace

absl::StatusOr<GetBalanceResponse> PaymentService::GetBalance(const Caller& caller,
                                                              const GetBalanceRequest& request) {
  RETURN_IF_ERROR(caller.RequireMember(request.organisation_id()));
  GetBalanceResponse response;
  ASSIGN_OR_RETURN(const std::vector<Balance> balances, db_.Transact([&](Transaction& tx) {
    return tx.Query<Balance>(R"(
        select account.currency_code as "amount.currency_code", cast(sum(units_minor) as bigint) as "amount.units_minor"
        from ledger_accounts account join ledger_entries using (account_id)
        where organisation_id = :organisation_id
        group by account.currency_code order by account.currency_code limit :limit)",
                             request.organisation_id(), kMaxBalances);
  }));
  response.mutable_balances()->Assign(balances.begin(), balances.end());
  return response;
}

absl::StatusOr<ListBalanceTransactionsResponse> PaymentService::ListBalanceTransactions(
    const Caller& caller, const ListBalanceTransactionsRequest& request) {
  RETURN_IF_ERROR(caller.RequireMember(request.organisation_id()));
  ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadNewestFirst(request));
  ListBalanceTransactionsResponse response;
  ASSIGN_OR_RETURN(
      const std::vector<BalanceTransaction> transactions, db_.Transact([&](Transaction& tx) {
        return tx.Query<BalanceTransaction>(R"(
        select transaction_id, payment_id, ledger_transactions.kind, create_time,
               ledger_entries.currency_code as "amount.currency_code", units_minor as "amount.units_minor"
        from ledger_accounts account
        join ledger_entries using (account_id)
        join ledger_transactions using (transaction_id)
        where organisation_id = :organisation_id and transaction_id < :before
        order by transaction_id desc limit :limit)",
                                            request.organisation_id(), page.after[0], page.limit());
      }));
  response.mutable_transactions()->Assign(transactions.begin(), transactions.end());
  response.set_next_page_token(rpc::FinishPage<BalanceTransaction>(
      request, page, *response.mutable_transactions(), [](const BalanceTransaction& transaction) {
        return rpc::PageKey{transaction.transaction_id()};
      }));
  return response;
}

}  // namespace playmesh::payment
