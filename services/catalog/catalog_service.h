// The catalogue: games, their editions and prices, and the search for them. What each RPC does
// stands in its contract.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/db/database.h"
#include "common/events/outbox.h"
#include "playmesh/catalog/v1/catalog_service.playmesh.h"
#include "services/catalog/pricing.h"

namespace playmesh::catalog {

// Thread-safe.
class CatalogService : public CatalogServiceBase {
 public:
  struct Deps {
    Database& db;
    Clock& clock;
    Outbox& outbox;
  };
  explicit CatalogService(Deps deps) : db_(deps.db), clock_(deps.clock), outbox_(deps.outbox) {}

  // game_rpcs.cc
  absl::StatusOr<CreateGameResponse> CreateGame(const Caller& caller,
                                                const CreateGameRequest& request) override;
  absl::StatusOr<UpdateGameResponse> UpdateGame(const Caller& caller,
                                                const UpdateGameRequest& request) override;
  absl::StatusOr<PublishGameResponse> PublishGame(const Caller& caller,
                                                  const PublishGameRequest& request) override;
  absl::StatusOr<UnpublishGameResponse> UnpublishGame(const Caller& caller,
                                                      const UnpublishGameRequest& request) override;
  absl::StatusOr<GetGameResponse> GetGame(const Caller& caller,
                                          const GetGameRequest& request) override;
  absl::StatusOr<ListGamesResponse> ListGames(const Caller& caller,
                                              const ListGamesRequest& request) override;

  // edition_rpcs.cc
  absl::StatusOr<CreateEditionResponse> CreateEdition(const Caller& caller,
                                                      const CreateEditionRequest& request) override;
  absl::StatusOr<SetPricesResponse> SetPrices(const Caller& caller,
                                              const SetPricesRequest& request) override;
  absl::StatusOr<BatchGetOffersResponse> BatchGetOffers(
      const Caller& caller, const BatchGetOffersRequest& request) override;

  // import_rpcs.cc
  absl::StatusOr<ImportGameResponse> ImportGame(const Caller& caller,
                                                const ImportGameRequest& request) override;

  // search_rpcs.cc
  absl::StatusOr<SearchGamesResponse> SearchGames(const Caller& caller,
                                                  const SearchGamesRequest& request) override;

 private:
  struct NamedEdition {
    std::string edition_id;
    bool created;
  };

  // What changes a game; game_changes.cc. Each writes the rows, keeps the search tables in step and
  // publishes the events. All but the first want the row of the game locked.

  // A draft that has its ids only. False when the organisation has a game with this external_id.
  absl::StatusOr<bool> InsertDraft(Transaction& tx, const std::string& game_id, const Game& game);
  absl::Status StoreFields(Transaction& tx, const Game& game,
                           const std::vector<std::string>& changed_fields);
  absl::Status Publish(Transaction& tx, const Game& game);
  absl::Status Unpublish(Transaction& tx, const Game& game);
  // The edition of that name, made without prices when there is none.
  absl::StatusOr<NamedEdition> EnsureEdition(Transaction& tx, const Game& game,
                                             const std::string& name);
  // False when the edition has these prices already.
  absl::StatusOr<bool> ReplacePrices(Transaction& tx, const Game& game,
                                     const std::string& edition_id, const Prices& prices);

  Database& db_;
  Clock& clock_;
  Outbox& outbox_;
};

}  // namespace playmesh::catalog
