#include "services/purchase/orders.h"

#include <cstdint>
#include <tuple>
#include <utility>

#include "common/base/random.h"
#include "common/status/status.h"
#include "services/purchase/total.h"

namespace playmesh::purchase {

using namespace v1;  // NOLINT: as in the generated headers

namespace {

absl::StatusOr<Order> LoadOrder(Transaction& tx, const std::string& order_id) {
  ASSIGN_OR_RETURN(std::vector<Order> orders, LoadOrders(tx, {order_id}));
  if (orders.empty()) return absl::NotFoundError("there is no such order");
  return std::move(orders.front());
}

absl::Status InsertItems(Transaction& tx, const std::string& order_id,
                         const std::vector<catalog::v1::Offer>& offers) {
  std::vector<std::string> edition_ids, game_ids, organisation_ids, game_titles, edition_names;
  std::vector<int64_t> prices;
  for (const catalog::v1::Offer& offer : offers) {
    edition_ids.push_back(offer.edition_id());
    game_ids.push_back(offer.game_id());
    organisation_ids.push_back(offer.organisation_id());
    game_titles.push_back(offer.game_title());
    edition_names.push_back(offer.edition_name());
    prices.push_back(offer.price().units_minor());
  }
  return AsStatus(tx.Execute(
      R"(
      insert into order_items (order_id, position, edition_id, game_id, organisation_id, game_title,
                               edition_name, units_minor)
      select :order_id::uuid, position, edition_id, game_id, organisation_id, game_title,
             edition_name, units_minor
      from unnest(:edition_ids::uuid[], :game_ids::uuid[], :organisation_ids::uuid[],
                  :game_titles::text[], :edition_names::text[], :prices::bigint[]) with ordinality
           as offer(edition_id, game_id, organisation_id, game_title, edition_name, units_minor,
                    position))",
      order_id, edition_ids, game_ids, organisation_ids, game_titles, edition_names, prices));
}

}  // namespace

absl::StatusOr<LockedOrder> LockOrder(Transaction& tx, const std::string& order_id) {
  using Row = std::tuple<std::string, std::string>;
  ASSIGN_OR_RETURN(std::optional<Row> row, tx.QueryMaybe<Row>(R"(
      select user_id, payment_id from orders where order_id = :order_id for update)",
                                                              order_id));
  if (!row) return absl::NotFoundError("there is no such order");
  // A statement of its own: one that has waited for the lock would see the rest as it was before.
  ASSIGN_OR_RETURN(Order order, LoadOrder(tx, order_id));
  return LockedOrder{std::get<0>(*row), std::get<1>(*row), std::move(order)};
}

absl::StatusOr<LockedOrder> LockOrderOf(Transaction& tx, const std::string& user_id,
                                        const std::string& order_id) {
  ASSIGN_OR_RETURN(LockedOrder order, LockOrder(tx, order_id));
  if (order.user_id != user_id) return absl::NotFoundError("there is no such order");
  return order;
}

absl::StatusOr<Order> LoadOrderOf(Transaction& tx, const std::string& user_id,
                                  const std::string& order_id) {
  ASSIGN_OR_RETURN(std::optional<std::string> own, tx.QueryMaybe<std::string>(R"(
      select order_id from orders where order_id = :order_id and user_id = :user_id)",
                                                                              order_id, user_id));
  if (!own) return absl::NotFoundError("there is no such order");
  return LoadOrder(tx, order_id);
}

absl::StatusOr<std::vector<Order>> LoadOrders(Transaction& tx,
                                              const std::vector<std::string>& order_ids) {
  return tx.Query<Order>(R"(
      select o.order_id, o.state, o.create_time, o.expire_time, o.complete_time, o.refund_time,
             o.currency_code as "total.currency_code", o.units_minor as "total.units_minor",
             p.decline_code as "payment_error.decline_code",
             p.decline_message as "payment_error.message",
             p.redirect_url as "next_action.redirect_url",
             p.client_secret as "next_action.client_secret",
             (select jsonb_agg(jsonb_build_object(
                         'edition_id', edition_id, 'game_id', game_id,
                         'organisation_id', organisation_id, 'game_title', game_title,
                         'edition_name', edition_name,
                         'price', jsonb_build_object('currency_code', o.currency_code,
                                                     'units_minor', i.units_minor::text))
                     order by position)
              from order_items i where i.order_id = o.order_id) as items
      from orders o left join payment_attempts p on p.payment_id = o.payment_id
      where o.order_id = any(:order_ids::uuid[])
      order by o.order_id desc)",
                         order_ids);
}

absl::StatusOr<std::string> InsertOrder(Transaction& tx, const std::string& user_id, absl::Time now,
                                        absl::Duration lifetime,
                                        const std::vector<catalog::v1::Offer>& offers,
                                        const std::optional<std::string>& claimed_edition_id) {
  ASSIGN_OR_RETURN(const Money total, TotalOf(offers));
  const std::string order_id = NewUuid(now);
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into orders (order_id, user_id, state, state_time, currency_code, units_minor,
                          claimed_edition_id, create_time, expire_time)
      values (:order_id, :user_id, 'pending', :now, :currency_code, :units_minor,
              :claimed_edition_id, :now, :expire_time))",
                             order_id, user_id, now, total.currency_code(), total.units_minor(),
                             claimed_edition_id, now + lifetime));
  RETURN_IF_ERROR(InsertItems(tx, order_id, offers));
  return order_id;
}

absl::Status AlreadyOwned() {
  return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_ALREADY_OWNED,
               "you own this game, or are paying for it");
}

absl::Status CheckNotPurchased(Transaction& tx, const std::string& user_id,
                               const std::vector<std::string>& game_ids) {
  ASSIGN_OR_RETURN(const bool purchased, tx.QueryOne<bool>(R"(
      select exists (select from purchased_games
                     where user_id = :user_id and game_id = any(:game_ids::uuid[])))",
                                                           user_id, game_ids));
  return purchased ? AlreadyOwned() : absl::OkStatus();
}

}  // namespace playmesh::purchase
