#include "absl/algorithm/container.h"
#include "common/base/random.h"
#include "common/rpc/idempotency.h"
#include "common/rpc/pages.h"
#include "services/catalog/catalog_service.h"
#include "services/catalog/game_fields.h"
#include "services/catalog/game_rows.h"

namespace playmesh::catalog {
namespace {

// Of the descriptions in a page of a list, which may so be shorter than asked for (AIP-158): a game
// in 60 languages is large, and clients refuse answers of more than 4 MiB unless they were told
// otherwise.
constexpr int64_t kMaxPageBytes = 2 * 1024 * 1024;

// A game's id and the bytes of its descriptions.
using SizedGame = std::tuple<std::string, int64_t>;

// The games that fit into a page: one at least.
std::vector<std::string> FittingGames(const std::vector<SizedGame>& games, int page_size) {
  std::vector<std::string> game_ids;
  int64_t bytes = 0;
  for (const auto& [game_id, game_bytes] : games) {
    bytes += game_bytes;
    const bool full = static_cast<int>(game_ids.size()) == page_size || bytes > kMaxPageBytes;
    if (full && !game_ids.empty()) break;
    game_ids.push_back(game_id);
  }
  return game_ids;
}

bool MaySee(const Caller& caller, const Game& game) {
  return game.state() != GAME_STATE_DRAFT || caller.IsMember(game.organisation_id());
}

}  // namespace

absl::StatusOr<CreateGameResponse> CatalogService::CreateGame(const Caller& caller,
                                                              const CreateGameRequest& request) {
  Violations violations;
  if (request.game().organisation_id().empty()) {
    violations.Add("game.organisation_id", "is required");
  }
  CheckTexts(request.game(), violations);
  RETURN_IF_ERROR(violations.status());
  RETURN_IF_ERROR(caller.RequireMember(request.game().organisation_id()));

  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<CreateGameResponse> {
    return rpc::Idempotent<CreateGameResponse>(
        tx, caller, request, [&]() -> absl::StatusOr<CreateGameResponse> {
          const std::string game_id = NewUuid(clock_.Now());
          ASSIGN_OR_RETURN(const bool inserted, InsertDraft(tx, game_id, request.game()));
          if (!inserted) return ExternalIdTaken();
          ASSIGN_OR_RETURN(Game game, LoadGame(tx, game_id));
          rpc::ApplyUpdate(request.game(), SettableFields(), game);
          RETURN_IF_ERROR(StoreFields(tx, game, {"texts"}));
          CreateGameResponse response;
          ASSIGN_OR_RETURN(*response.mutable_game(), LoadWholeGame(tx, game_id));
          return response;
        });
  });
}

absl::StatusOr<UpdateGameResponse> CatalogService::UpdateGame(const Caller& caller,
                                                              const UpdateGameRequest& request) {
  Violations violations;
  if (request.game().game_id().empty()) violations.Add("game.game_id", "is required");
  const rpc::FieldMask fields =
      rpc::ReadUpdateMask(request.game(), request.update_mask(), SettableFields(), violations);
  if (absl::c_linear_search(fields.paths(), "texts")) CheckTexts(request.game(), violations);
  RETURN_IF_ERROR(violations.status());

  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<UpdateGameResponse> {
    ASSIGN_OR_RETURN(Game game, LockGame(tx, request.game().game_id()));
    RETURN_IF_ERROR(caller.RequireMember(game.organisation_id()));
    const std::vector<std::string> changed_fields = rpc::ApplyUpdate(request.game(), fields, game);
    // An update that came before finds nothing to change, so its etag, which is old by now, does
    // not matter.
    if (!changed_fields.empty()) {
      RETURN_IF_ERROR(CheckEtag(request.etag(), game));
      RETURN_IF_ERROR(StoreFields(tx, game, changed_fields));
    }
    UpdateGameResponse response;
    ASSIGN_OR_RETURN(*response.mutable_game(), LoadWholeGame(tx, game.game_id()));
    return response;
  });
}

absl::StatusOr<PublishGameResponse> CatalogService::PublishGame(const Caller& caller,
                                                                const PublishGameRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<PublishGameResponse> {
    ASSIGN_OR_RETURN(const Game game, LockGame(tx, request.game_id()));
    RETURN_IF_ERROR(caller.RequireMember(game.organisation_id()));
    if (game.state() != GAME_STATE_PUBLISHED) {
      RETURN_IF_ERROR(CheckEtag(request.etag(), game));
      ASSIGN_OR_RETURN(const bool has_price, tx.QueryOne<bool>(R"(
          select exists (select from editions e join edition_prices p on p.edition_id = e.edition_id
                         where e.game_id = :game_id))",
                                                               game.game_id()));
      if (!has_price) {
        return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_GAME_HAS_NO_PRICE,
                     "set a price of an edition first");
      }
      RETURN_IF_ERROR(Publish(tx, game));
    }
    PublishGameResponse response;
    ASSIGN_OR_RETURN(*response.mutable_game(), LoadWholeGame(tx, game.game_id()));
    return response;
  });
}

absl::StatusOr<UnpublishGameResponse> CatalogService::UnpublishGame(
    const Caller& caller, const UnpublishGameRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<UnpublishGameResponse> {
    ASSIGN_OR_RETURN(const Game game, LockGame(tx, request.game_id()));
    RETURN_IF_ERROR(caller.RequireMember(game.organisation_id()));
    if (game.state() == GAME_STATE_PUBLISHED) RETURN_IF_ERROR(Unpublish(tx, game));
    UnpublishGameResponse response;
    ASSIGN_OR_RETURN(*response.mutable_game(), LoadWholeGame(tx, game.game_id()));
    return response;
  });
}

absl::StatusOr<GetGameResponse> CatalogService::GetGame(const Caller& caller,
                                                        const GetGameRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<GetGameResponse> {
    ASSIGN_OR_RETURN(Game game, LoadGame(tx, request.game_id()));
    if (!MaySee(caller, game)) return absl::NotFoundError("no such game");
    PriceView view = {request.currency_code(), request.country_code(),
                      caller.IsMember(game.organisation_id())};
    // It is not sold any more, whatever it did cost.
    if (game.state() == GAME_STATE_UNPUBLISHED) view.currency_code.clear();
    ASSIGN_OR_RETURN(const auto editions, LoadEditions(tx, game.game_id(), view));
    game.mutable_editions()->Add(editions.begin(), editions.end());
    GetGameResponse response;
    *response.mutable_game() = std::move(game);
    return response;
  });
}

absl::StatusOr<ListGamesResponse> CatalogService::ListGames(const Caller& caller,
                                                            const ListGamesRequest& request) {
  RETURN_IF_ERROR(caller.RequireMember(request.organisation_id()));
  ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadNewestFirst(request));

  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<ListGamesResponse> {
    // Ids are UUIDv7, so the latest comes first.
    ASSIGN_OR_RETURN(const auto found,
                     tx.Query<SizedGame>(R"(
        select g.game_id, (select coalesce(sum(octet_length(t.description)), 0)
                           from game_texts t where t.game_id = g.game_id)
        from games g where g.organisation_id = :organisation_id and g.game_id < :after
        order by g.game_id desc limit :limit)",
                                         request.organisation_id(), page.after[0], page.limit()));
    const std::vector<std::string> game_ids = FittingGames(found, page.size);
    ASSIGN_OR_RETURN(const std::vector<Game> games, LoadGames(tx, game_ids));
    ListGamesResponse response;
    response.mutable_games()->Add(games.begin(), games.end());
    if (game_ids.size() < found.size()) {
      response.set_next_page_token(rpc::PageToken(request, {game_ids.back()}));
    }
    return response;
  });
}

}  // namespace playmesh::catalog
