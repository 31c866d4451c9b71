#include "absl/strings/str_cat.h"
#include "common/rpc/idempotency.h"
#include "services/catalog/catalog_service.h"
#include "services/catalog/game_rows.h"

namespace playmesh::catalog {
namespace {

constexpr int64_t kMaxEditions = 20;

absl::Status CheckEditionCount(Transaction& tx, const std::string& game_id) {
  ASSIGN_OR_RETURN(
      const int64_t editions,
      tx.QueryOne<int64_t>("select count(*) from editions where game_id = :game_id", game_id));
  if (editions < kMaxEditions) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_TOO_MANY_EDITIONS,
               absl::StrCat("a game has ", kMaxEditions, " editions at most"));
}

Edition MakeEdition(const std::string& edition_id, const std::string& name, const Prices& prices) {
  Edition edition;
  edition.set_edition_id(edition_id);
  edition.set_name(name);
  *edition.mutable_prices() = Sorted(prices);
  return edition;
}

}  // namespace

absl::StatusOr<CreateEditionResponse> CatalogService::CreateEdition(
    const Caller& caller, const CreateEditionRequest& request) {
  Violations violations;
  CheckPrices(request.prices(), violations);
  RETURN_IF_ERROR(violations.status());
  return db_.Transact([&](Transaction& tx) {
    return rpc::Idempotent<CreateEditionResponse>(
        tx, caller, request, [&]() -> absl::StatusOr<CreateEditionResponse> {
          ASSIGN_OR_RETURN(const Game game, LockGame(tx, request.game_id()));
          RETURN_IF_ERROR(caller.RequireMember(game.organisation_id()));
          RETURN_IF_ERROR(CheckEditionCount(tx, game.game_id()));
          ASSIGN_OR_RETURN(const NamedEdition edition, EnsureEdition(tx, game, request.name()));
          if (!edition.created) {
            return Error(absl::StatusCode::kAlreadyExists, ERROR_REASON_EDITION_NAME_TAKEN,
                         "the game has an edition of this name");
          }
          RETURN_IF_ERROR(ReplacePrices(tx, game, edition.edition_id, request.prices()));
          CreateEditionResponse response;
          *response.mutable_edition() =
              MakeEdition(edition.edition_id, request.name(), request.prices());
          return response;
        });
  });
}

absl::StatusOr<SetPricesResponse> CatalogService::SetPrices(const Caller& caller,
                                                            const SetPricesRequest& request) {
  Violations violations;
  CheckPrices(request.prices(), violations);
  RETURN_IF_ERROR(violations.status());
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<SetPricesResponse> {
    using Found = std::tuple<std::string, std::string>;
    ASSIGN_OR_RETURN(const auto found, tx.QueryMaybe<Found>(R"(
        select game_id, name from editions where edition_id = :edition_id)",
                                                            request.edition_id()));
    if (!found) return absl::NotFoundError("no such edition");
    const auto& [game_id, name] = *found;
    ASSIGN_OR_RETURN(const Game game, LockGame(tx, game_id));
    RETURN_IF_ERROR(caller.RequireMember(game.organisation_id()));
    RETURN_IF_ERROR(ReplacePrices(tx, game, request.edition_id(), request.prices()));
    SetPricesResponse response;
    *response.mutable_edition() = MakeEdition(request.edition_id(), name, request.prices());
    return response;
  });
}

absl::StatusOr<BatchGetOffersResponse> CatalogService::BatchGetOffers(
    const Caller&, const BatchGetOffersRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<BatchGetOffersResponse> {
    ASSIGN_OR_RETURN(
        const std::vector<Offer> offers,
        tx.Query<Offer>(R"(
        select e.edition_id, g.game_id, g.organisation_id, t.title as game_title, e.name as edition_name,
          :currency_code::text as "price.currency_code", price.units_minor as "price.units_minor"
        from editions e
        join games g on g.game_id = e.game_id and g.state = 'published'
        join game_texts t on t.game_id = g.game_id and t.position = 0
        cross join lateral edition_price(e.edition_id, :currency_code::text, :country_code)
          as price (units_minor)
        where e.edition_id = any(:edition_ids::uuid[]) and price.units_minor is not null)",
                        request.currency_code(), request.country_code(), request.edition_ids()));
    BatchGetOffersResponse response;
    response.mutable_offers()->Add(offers.begin(), offers.end());
    return response;
  });
}

}  // namespace playmesh::catalog
