// What changes a game: its rows, its search tables and its events, all in the transaction of the
// caller.

#include "absl/algorithm/container.h"
#include "common/base/random.h"
#include "playmesh/catalog/v1/catalog_events.pb.h"
#include "services/catalog/catalog_service.h"
#include "services/catalog/game_rows.h"
#include "services/catalog/search_index.h"

namespace playmesh::catalog {
namespace {

bool IsPublished(const Game& game) { return game.state() == GAME_STATE_PUBLISHED; }

absl::Status StoreTexts(Transaction& tx, const Game& game) {
  std::vector<std::string> languages, titles, summaries, descriptions;
  for (const LocalizedText& text : game.texts()) {
    languages.push_back(text.language());
    titles.push_back(text.title());
    summaries.push_back(text.summary());
    descriptions.push_back(text.description());
  }
  RETURN_IF_ERROR(tx.Execute("delete from game_texts where game_id = :game_id", game.game_id()));
  return AsStatus(tx.Execute(R"(
      insert into game_texts (game_id, position, language, title, summary, description)
      select :game_id::uuid, position - 1, language, title, nullif(summary, ''), nullif(description, '')
      from unnest(:languages::text[], :titles::text[], :summaries::text[], :descriptions::text[])
        with ordinality as t (language, title, summary, description, position))",
                             game.game_id(), languages, titles, summaries, descriptions));
}

// For changes that are not in the row of the game itself.
absl::Status Touch(Transaction& tx, const std::string& game_id, absl::Time now) {
  return AsStatus(tx.Execute(
      "update games set update_time = :now, revision = revision + 1 where game_id = :game_id", now,
      game_id));
}

}  // namespace

absl::StatusOr<bool> CatalogService::InsertDraft(Transaction& tx, const std::string& game_id,
                                                 const Game& game) {
  ASSIGN_OR_RETURN(const int64_t inserted,
                   tx.Execute(R"(
      insert into games (game_id, organisation_id, external_id, create_time, update_time)
      values (:game_id, :organisation_id, :external_id, :now, :now)
      on conflict (organisation_id, external_id) do nothing)",
                              game_id, game.organisation_id(), db::NullIfEmpty(game.external_id()),
                              clock_.Now()));
  if (inserted == 0) return false;
  GameCreated event;
  event.set_game_id(game_id);
  event.set_organisation_id(game.organisation_id());
  RETURN_IF_ERROR(outbox_.Add(tx, event));
  return true;
}

absl::Status CatalogService::StoreFields(Transaction& tx, const Game& game,
                                         const std::vector<std::string>& changed_fields) {
  const absl::Time now = clock_.Now();
  const auto updated = tx.Execute(
      R"(
      update games set external_id = :external_id, tags = :tags, platforms = :platforms,
        languages = :languages, minimum_age = :minimum_age, developer_name = :developer_name,
        license = :license, homepage_url = :homepage_url, screenshot_urls = :screenshot_urls,
        version = :version, release_notes = :release_notes, update_time = :now, revision = revision + 1
      where game_id = :game_id)",
      db::NullIfEmpty(game.external_id()), game.tags(),
      db::Param::EnumArray<Platform>(game.platforms()), game.languages(), game.minimum_age(),
      db::NullIfEmpty(game.developer_name()), db::NullIfEmpty(game.license()),
      db::NullIfEmpty(game.homepage_url()), game.screenshot_urls(), db::NullIfEmpty(game.version()),
      db::NullIfEmpty(game.release_notes()), now, game.game_id());
  if (absl::IsAlreadyExists(updated.status())) return ExternalIdTaken();
  RETURN_IF_ERROR(updated);
  if (absl::c_linear_search(changed_fields, "texts")) RETURN_IF_ERROR(StoreTexts(tx, game));
  if (IsPublished(game)) RETURN_IF_ERROR(IndexDocument(tx, game));
  // Nobody but its organisation knows of a draft; owners keep a game that is not on sale any more.
  if (game.state() == GAME_STATE_DRAFT) return absl::OkStatus();

  GameUpdated event;
  event.set_game_id(game.game_id());
  event.set_organisation_id(game.organisation_id());
  event.set_title(game.texts(0).title());
  event.set_version(game.version());
  event.set_release_notes(game.release_notes());
  event.mutable_changed_fields()->Add(changed_fields.begin(), changed_fields.end());
  *event.mutable_update_time() = ToTimestamp(now);
  return outbox_.Add(tx, event);
}

absl::Status CatalogService::Publish(Transaction& tx, const Game& game) {
  const absl::Time now = clock_.Now();
  RETURN_IF_ERROR(tx.Execute(R"(
      update games set state = 'published', publish_time = coalesce(publish_time, :now),
        update_time = :now, revision = revision + 1
      where game_id = :game_id)",
                             now, game.game_id()));
  RETURN_IF_ERROR(IndexDocument(tx, game));
  RETURN_IF_ERROR(IndexPrices(tx, game.game_id()));
  GamePublished event;
  event.set_game_id(game.game_id());
  event.set_organisation_id(game.organisation_id());
  event.set_title(game.texts(0).title());
  event.set_version(game.version());
  *event.mutable_publish_time() = ToTimestamp(now);
  return outbox_.Add(tx, event);
}

absl::Status CatalogService::Unpublish(Transaction& tx, const Game& game) {
  RETURN_IF_ERROR(tx.Execute(R"(
      update games set state = 'unpublished', update_time = :now, revision = revision + 1
      where game_id = :game_id)",
                             clock_.Now(), game.game_id()));
  RETURN_IF_ERROR(RemoveFromIndex(tx, game.game_id()));
  GameUnpublished event;
  event.set_game_id(game.game_id());
  return outbox_.Add(tx, event);
}

absl::StatusOr<CatalogService::NamedEdition> CatalogService::EnsureEdition(
    Transaction& tx, const Game& game, const std::string& name) {
  ASSIGN_OR_RETURN(const auto found, tx.QueryMaybe<std::string>(R"(
      select edition_id from editions where game_id = :game_id and name = :name)",
                                                                game.game_id(), name));
  if (found) return NamedEdition{*found, false};
  const std::string edition_id = NewUuid(clock_.Now());
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into editions (edition_id, game_id, name) values (:edition_id, :game_id, :name))",
                             edition_id, game.game_id(), name));
  RETURN_IF_ERROR(Touch(tx, game.game_id(), clock_.Now()));
  return NamedEdition{edition_id, true};
}

absl::StatusOr<bool> CatalogService::ReplacePrices(Transaction& tx, const Game& game,
                                                   const std::string& edition_id,
                                                   const Prices& prices) {
  const Prices wanted = Sorted(prices);
  ASSIGN_OR_RETURN(const std::vector<Price> current, tx.Query<Price>(R"(
      select currency_code as "amount.currency_code", units_minor as "amount.units_minor", country_code
      from edition_prices where edition_id = :edition_id)",
                                                                     edition_id));
  if (SamePrices(wanted, Sorted({current.begin(), current.end()}))) return false;

  std::vector<std::string> currencies, countries;
  std::vector<int64_t> units;
  for (const Price& price : wanted) {
    currencies.push_back(price.amount().currency_code());
    countries.push_back(price.country_code());
    units.push_back(price.amount().units_minor());
  }
  RETURN_IF_ERROR(
      tx.Execute("delete from edition_prices where edition_id = :edition_id", edition_id));
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into edition_prices (edition_id, currency_code, country_code, units_minor)
      select :edition_id::uuid, currency_code, nullif(country_code, ''), units_minor
      from unnest(:currencies::text[], :countries::text[], :units::bigint[])
        as p (currency_code, country_code, units_minor))",
                             edition_id, currencies, countries, units));
  RETURN_IF_ERROR(Touch(tx, game.game_id(), clock_.Now()));
  if (IsPublished(game)) RETURN_IF_ERROR(IndexPrices(tx, game.game_id()));

  PriceChanged event;
  event.set_game_id(game.game_id());
  event.set_edition_id(edition_id);
  *event.mutable_prices() = wanted;
  RETURN_IF_ERROR(outbox_.Add(tx, event));
  return true;
}

}  // namespace playmesh::catalog
