#include "services/catalog/search_index.h"

#include "services/catalog/search_text.h"

namespace playmesh::catalog {

absl::Status IndexDocument(Transaction& tx, const Game& game) {
  const SearchDocument document = MakeSearchDocument(game);
  ASSIGN_OR_RETURN(const int64_t written,
                   tx.Execute(R"(
      insert into search_documents as d
        (game_id, publish_time, title_key, head, document, tags, platforms, languages)
      select g.game_id, g.publish_time, left(:title_key, 200), :head::tsvector, :document::tsvector,
        g.tags, g.platforms, :languages::text[]
      from games g where g.game_id = :game_id
      on conflict (game_id) do update set title_key = excluded.title_key, head = excluded.head,
        document = excluded.document, tags = excluded.tags, platforms = excluded.platforms,
        languages = excluded.languages
      where (d.title_key, d.head, d.document, d.tags, d.platforms, d.languages) is distinct from
        (excluded.title_key, excluded.head, excluded.document, excluded.tags, excluded.platforms,
         excluded.languages))",
                              document.title_key, document.head, document.document,
                              document.languages, game.game_id()));
  if (written == 0) return absl::OkStatus();
  RETURN_IF_ERROR(tx.Execute("delete from search_words where game_id = :game_id", game.game_id()));
  return AsStatus(tx.Execute(R"(
      insert into search_words (word, game_id) select word, :game_id::uuid from unnest(:words::text[]) as w (word))",
                             game.game_id(), document.words));
}

absl::Status IndexPrices(Transaction& tx, const std::string& game_id) {
  RETURN_IF_ERROR(tx.Execute("delete from search_prices where game_id = :game_id", game_id));
  return AsStatus(tx.Execute(R"(
      with markets as (
        select distinct p.currency_code, p.country_code
        from editions e join edition_prices p on p.edition_id = e.edition_id
        where e.game_id = :game_id
      )
      insert into search_prices
        (game_id, currency_code, country_code, units_minor, edition_id, except_countries)
      select distinct on (m.currency_code, m.country_code)
        e.game_id, m.currency_code, m.country_code, price.units_minor, e.edition_id,
        case when m.country_code is null then array(
          select own.country_code from markets own
          where own.currency_code = m.currency_code and own.country_code is not null order by 1)
        else '{}' end
      from markets m
      join editions e on e.game_id = :game_id
      cross join lateral edition_price(e.edition_id, m.currency_code, m.country_code)
        as price (units_minor)
      where price.units_minor is not null
      order by m.currency_code, m.country_code, price.units_minor, e.edition_id)",
                             game_id));
}

absl::Status RemoveFromIndex(Transaction& tx, const std::string& game_id) {
  return AsStatus(tx.Execute("delete from search_documents where game_id = :game_id", game_id));
}

}  // namespace playmesh::catalog
