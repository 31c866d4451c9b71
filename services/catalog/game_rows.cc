#include "services/catalog/game_rows.h"

namespace playmesh::catalog {

absl::Status CheckEtag(const std::string& etag, const Game& game) {
  if (etag.empty() || etag == game.etag()) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, ERROR_REASON_STALE_ETAG,
               "the game was changed since you read it: read it again");
}

absl::Status ExternalIdTaken() {
  return Error(absl::StatusCode::kAlreadyExists, ERROR_REASON_EXTERNAL_ID_TAKEN,
               "another game of your organisation has this external_id");
}

absl::StatusOr<std::vector<Game>> LoadGames(Transaction& tx,
                                            const std::vector<std::string>& game_ids) {
  return tx.Query<Game>(R"(
      select g.game_id, organisation_id, external_id, state, tags, platforms, languages, minimum_age,
        developer_name, license, homepage_url, screenshot_urls, version, release_notes,
        revision::text as etag, create_time, update_time, publish_time,
        (select json_agg(json_build_object('language', t.language, 'title', t.title,
             'summary', t.summary, 'description', t.description) order by t.position)
         from game_texts t where t.game_id = g.game_id) as texts
      from unnest(:game_ids::uuid[]) with ordinality as wanted (game_id, position)
      join games g on g.game_id = wanted.game_id
      order by wanted.position)",
                        game_ids);
}

absl::StatusOr<Game> LoadGame(Transaction& tx, const std::string& game_id) {
  ASSIGN_OR_RETURN(std::vector<Game> games, LoadGames(tx, {game_id}));
  if (games.empty()) return absl::NotFoundError("no such game");
  return std::move(games[0]);
}

absl::StatusOr<Game> LockGame(Transaction& tx, const std::string& game_id) {
  // A statement of its own: one that both waits for the lock and reads other tables would read them
  // as they were before it waited.
  RETURN_IF_ERROR(tx.Query<std::string>(
      "select game_id from games where game_id = :game_id for update", game_id));
  return LoadGame(tx, game_id);
}

absl::StatusOr<std::vector<Edition>> LoadEditions(Transaction& tx, const std::string& game_id,
                                                  const PriceView& view) {
  return tx.Query<Edition>(R"(
      select e.edition_id, e.name,
        p.currency_code as "price.currency_code", p.units_minor as "price.units_minor",
        case when :all::boolean then (
          select json_agg(json_build_object('country_code', a.country_code, 'amount', json_build_object(
              'currency_code', a.currency_code, 'units_minor', a.units_minor::text))
            order by a.currency_code, a.country_code nulls first)
          from edition_prices a where a.edition_id = e.edition_id) end as prices
      from editions e
      left join lateral (
        select :currency_code::text as currency_code,
          edition_price(e.edition_id, :currency_code::text, :country_code) as units_minor
      ) p on p.units_minor is not null
      where e.game_id = :game_id
      order by e.edition_id)",
                           view.all, view.currency_code, view.country_code, game_id);
}

absl::StatusOr<Game> LoadWholeGame(Transaction& tx, const std::string& game_id) {
  ASSIGN_OR_RETURN(Game game, LoadGame(tx, game_id));
  ASSIGN_OR_RETURN(const std::vector<Edition> editions, LoadEditions(tx, game_id, {.all = true}));
  game.mutable_editions()->Add(editions.begin(), editions.end());
  return game;
}

}  // namespace playmesh::catalog
