#include "services/purchase/purchase_service.h"

#include <utility>

#include "common/log/log.h"

namespace playmesh::purchase {

PurchaseService::PurchaseService(Deps deps)
    : db_(deps.db),
      clock_(deps.clock),
      saga_(deps.saga),
      catalog_(deps.catalog),
      library_(deps.library),
      order_lifetime_(deps.order_lifetime) {}

absl::StatusOr<Offers> PurchaseService::FetchOffers(const std::vector<std::string>& edition_ids,
                                                    const std::string& currency_code,
                                                    const std::string& country_code) {
  catalog::BatchGetOffersRequest request;
  request.mutable_edition_ids()->Assign(edition_ids.begin(), edition_ids.end());
  request.set_currency_code(currency_code);
  request.set_country_code(country_code);
  ASSIGN_OR_RETURN(catalog::BatchGetOffersResponse response, catalog_.BatchGetOffers(request));
  Offers offers;
  for (catalog::Offer& offer : *response.mutable_offers()) {
    const std::string edition_id = offer.edition_id();
    offers.emplace(edition_id, std::move(offer));
  }
  return offers;
}

absl::StatusOr<Offers> PurchaseService::FetchOffers(const Cart& cart) {
  if (cart.items().empty()) return Offers();
  std::vector<std::string> edition_ids;
  for (const CartItem& item : cart.items()) edition_ids.push_back(item.edition_id());
  return FetchOffers(edition_ids, cart.items(0).price().currency_code(), cart.country_code());
}

absl::StatusOr<bool> PurchaseService::OwnsAny(const std::string& user_id,
                                              const std::vector<std::string>& game_ids) {
  if (game_ids.empty()) return false;
  library::CheckOwnershipRequest request;
  request.set_user_id(user_id);
  request.mutable_game_ids()->Assign(game_ids.begin(), game_ids.end());
  ASSIGN_OR_RETURN(const library::CheckOwnershipResponse response,
                   library_.CheckOwnership(request));
  return !response.owned_game_ids().empty();
}

absl::StatusOr<Order> PurchaseService::FindOrder(const Caller& caller,
                                                 const std::string& order_id) {
  return db_.Transact([&](Transaction& tx) { return LoadOrderOf(tx, caller.user_id, order_id); });
}

absl::StatusOr<Order> PurchaseService::DriveAndFind(const Caller& caller,
                                                    const std::string& order_id) {
  const absl::Status driven = saga_.Drive(order_id);
  if (!driven.ok()) {
    log::Warning("payment's answer is open", {{"order_id", order_id}, {"error", driven}});
  }
  return FindOrder(caller, order_id);
}

}  // namespace playmesh::purchase
