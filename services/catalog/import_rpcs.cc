#include "common/base/random.h"
#include "services/catalog/catalog_service.h"
#include "services/catalog/game_fields.h"
#include "services/catalog/game_rows.h"

namespace playmesh::catalog {
namespace {

constexpr char kImportedEdition[] = "Standard";

absl::Status CheckEntry(const ImportGameRequest& request) {
  Violations violations;
  if (request.game().organisation_id().empty()) {
    violations.Add("game.organisation_id", "is required");
  }
  if (request.game().external_id().empty()) violations.Add("game.external_id", "is required");
  CheckTexts(request.game(), violations);
  CheckPrices(request.prices(), violations);
  return violations.status();
}

}  // namespace

absl::StatusOr<ImportGameResponse> CatalogService::ImportGame(const Caller& caller,
                                                              const ImportGameRequest& request) {
  RETURN_IF_ERROR(CheckEntry(request));
  const Game& entry = request.game();
  RETURN_IF_ERROR(caller.RequireMember(entry.organisation_id()));

  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<ImportGameResponse> {
    // Of several that import an entry for the first time, one inserts; the others wait for it here.
    ASSIGN_OR_RETURN(const bool created, InsertDraft(tx, NewUuid(clock_.Now()), entry));
    ASSIGN_OR_RETURN(const std::string game_id,
                     tx.QueryOne<std::string>(R"(
        select game_id from games where organisation_id = :organisation_id and external_id = :external_id)",
                                              entry.organisation_id(), entry.external_id()));
    ASSIGN_OR_RETURN(Game game, LockGame(tx, game_id));
    const std::vector<std::string> changed_fields = rpc::ApplyUpdate(entry, SettableFields(), game);
    if (!changed_fields.empty()) RETURN_IF_ERROR(StoreFields(tx, game, changed_fields));
    ASSIGN_OR_RETURN(const NamedEdition edition, EnsureEdition(tx, game, kImportedEdition));
    ASSIGN_OR_RETURN(const bool prices_changed,
                     ReplacePrices(tx, game, edition.edition_id, request.prices()));
    // Who took a game off sale decides when it comes back, not the next run of the feed.
    const bool draft = game.state() == GAME_STATE_DRAFT;
    if (draft) RETURN_IF_ERROR(Publish(tx, game));

    ImportGameResponse response;
    response.set_game_id(game_id);
    response.set_created(created);
    response.set_changed(!changed_fields.empty() || edition.created || prices_changed || draft);
    return response;
  });
}

}  // namespace playmesh::catalog
