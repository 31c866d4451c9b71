#include "services/purchase/carts.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "services/purchase/total.h"

namespace playmesh::purchase {

using namespace v1;  // NOLINT: as in the generated headers

void SumUp(Cart& cart) {
  cart.clear_total();
  if (cart.items().empty()) return;
  absl::StatusOr<Money> total = TotalOf(cart.items());
  if (total.ok()) *cart.mutable_total() = *std::move(total);
}

absl::StatusOr<Cart> LoadCart(Transaction& tx, const std::string& user_id) {
  ASSIGN_OR_RETURN(std::optional<Cart> cart, tx.QueryMaybe<Cart>(R"(
      select country_code,
             (select jsonb_agg(jsonb_build_object(
                         'edition_id', edition_id, 'game_id', game_id, 'game_title', game_title,
                         'edition_name', edition_name,
                         'price', jsonb_build_object('currency_code', currency_code,
                                                     'units_minor', units_minor::text))
                     order by position)
              from cart_items where cart_items.user_id = carts.user_id) as items
      from carts where user_id = :user_id)",
                                                                 user_id));
  if (!cart) return Cart();
  SumUp(*cart);
  return *std::move(cart);
}

absl::StatusOr<Cart> LockCart(Transaction& tx, const std::string& user_id) {
  RETURN_IF_ERROR(
      tx.Execute("select user_id from carts where user_id = :user_id for update", user_id));
  return LoadCart(tx, user_id);
}

absl::Status PutCartItem(Transaction& tx, const std::string& user_id,
                         const catalog::v1::Offer& offer) {
  return AsStatus(tx.Execute(R"(
      insert into cart_items (user_id, game_id, edition_id, game_title, edition_name, units_minor)
      values (:user_id, :game_id, :edition_id, :game_title, :edition_name, :units_minor)
      on conflict (user_id, game_id) do update
      set edition_id = excluded.edition_id, game_title = excluded.game_title,
          edition_name = excluded.edition_name, units_minor = excluded.units_minor)",
                             user_id, offer.game_id(), offer.edition_id(), offer.game_title(),
                             offer.edition_name(), offer.price().units_minor()));
}

absl::Status UpdateCartPrices(Transaction& tx, const std::string& user_id, const Offers& offers) {
  std::vector<std::string> edition_ids;
  std::vector<int64_t> prices;
  std::vector<std::string> currency_codes;
  for (const auto& [edition_id, offer] : offers) {
    edition_ids.push_back(edition_id);
    prices.push_back(offer.price().units_minor());
    currency_codes.push_back(offer.price().currency_code());
  }
  // The cart may have been emptied meanwhile, and filled in another currency.
  return AsStatus(tx.Execute(R"(
      update cart_items set units_minor = offer.units_minor
      from carts, unnest(:edition_ids::uuid[], :prices::bigint[], :currency_codes::text[])
                  as offer(edition_id, units_minor, currency_code)
      where cart_items.user_id = :user_id and carts.user_id = cart_items.user_id
        and cart_items.edition_id = offer.edition_id
        and carts.currency_code = offer.currency_code)",
                             edition_ids, prices, currency_codes, user_id));
}

}  // namespace playmesh::purchase
