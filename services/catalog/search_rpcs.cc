#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "common/base/random.h"
#include "common/rpc/pages.h"
#include "services/catalog/catalog_service.h"
#include "services/catalog/search_text.h"

namespace playmesh::catalog {
namespace {

// A word is taken as mistyped when it has kMinMistyped characters, is in no title, tag or
// developer's name and in fewer than kKnownGames texts. Up to kMaxAlternatives words that are most
// like it then count as well.
constexpr int kMinMistyped = 4;
constexpr int kKnownGames = 3;
constexpr int kMaxAlternatives = 5;

// One result: the game's id and its key in the order, as text.
using Hit = std::tuple<std::string, std::string>;

// Where the page before ended; NULL on the first page.
struct Cursor {
  db::Param key = std::nullopt;
  db::Param game_id = std::nullopt;
};

// What the text of a search comes to; NULL when there is none.
struct Query {
  db::Param match_all = std::nullopt;
  std::string match_any;
  std::string folded;
};

db::Param NullIfNone(const google::protobuf::RepeatedPtrField<std::string>& values) {
  return values.empty() ? db::Param(std::nullopt) : db::Param(values);
}

std::optional<int64_t> Limit(bool given, int64_t units_minor) {
  return given ? std::optional(units_minor) : std::nullopt;
}

// A query of white space only is none.
bool HasQuery(const SearchGamesRequest& request) {
  return !absl::StripAsciiWhitespace(request.query()).empty();
}

SearchOrder EffectiveOrder(const SearchGamesRequest& request) {
  const bool relevance =
      request.order() == SEARCH_ORDER_UNSPECIFIED || request.order() == SEARCH_ORDER_RELEVANCE;
  if (!relevance) return request.order();
  return HasQuery(request) ? SEARCH_ORDER_RELEVANCE : SEARCH_ORDER_NEWEST;
}

absl::Status CheckCurrency(const SearchGamesRequest& request) {
  const bool needs_prices = request.has_min_price_units_minor() ||
                            request.has_max_price_units_minor() ||
                            request.order() == SEARCH_ORDER_PRICE_ASCENDING ||
                            request.order() == SEARCH_ORDER_PRICE_DESCENDING;
  if (!needs_prices || !request.currency_code().empty()) return absl::OkStatus();
  return InvalidField("currency_code", "is required to filter or order by price");
}

// The key of `page` in the order. INVALID_ARGUMENT when the token was made up.
absl::StatusOr<Cursor> ReadCursor(const rpc::Page& page, SearchOrder order) {
  if (page.first()) return Cursor();
  int64_t number = 0;
  const bool valid =
      page.after.size() == 2 && IsUuid(page.after[1]) &&
      (order == SEARCH_ORDER_TITLE || (absl::SimpleAtoi(page.after[0], &number) && number >= 0));
  if (!valid) return InvalidField("page_token", "is not of this search");
  return Cursor{order == SEARCH_ORDER_NEWEST ? db::Param(absl::FromUnixMicros(number))
                                             : db::Param(page.after[0]),
                db::Param(page.after[1])};
}

// The words of the query, and beside those that look mistyped the words of titles, tags and
// developers that are most like them.
absl::StatusOr<Query> ReadQuery(Transaction& tx, absl::string_view text,
                                const std::vector<std::string>& words) {
  using Mistyped = std::tuple<std::string, std::vector<std::string>>;
  ASSIGN_OR_RETURN(const auto mistyped,
                   tx.Query<Mistyped>(R"(
      select w.word, array(
        select n.word from (
          select s.word, similarity(s.word, w.word) as similarity,
            max(similarity(s.word, w.word)) over () as best
          from search_words s where s.word % w.word group by s.word) n
        where n.similarity >= 0.8 * n.best
        order by n.similarity desc, n.word limit :max_alternatives)
      from unnest(:words::text[]) as w (word)
      where length(w.word) >= :min_mistyped
        and not exists (select from search_words s where s.word = w.word)
        and (select count(*) from (
          select from search_documents d where d.document @@ quote_literal(w.word)::tsquery
          limit :known_games) known) < :known_games)",
                                      kMaxAlternatives, words, kMinMistyped, kKnownGames));
  Alternatives alternatives;
  for (const auto& [word, others] : mistyped) alternatives[word] = others;
  return Query{MatchAll(words, alternatives), MatchAny(words, alternatives), Fold(text)};
}

// One statement for each order, with the same parameters in the same order. Optional filters are
// NULL and then planned away. What the statements share are macros: literals join, so each
// statement is a constant as if it had been written out.

// By text, tags, platforms and language; on search_documents d.
#define DOCUMENT_FILTERS                                                   \
  "(:query::tsquery is null or d.document @@ :query::tsquery)"             \
  " and (:tags::text[] is null or d.tags @> :tags::text[])"                \
  " and (:platforms::text[] is null or d.platforms && :platforms::text[])" \
  " and (:language::text is null or d.languages @> array[:language::text])"

// The price for the buyer, within the limits; on search_prices p.
#define PRICE_FILTERS                                                       \
  "p.units_minor >= coalesce(:min_units::bigint, 0)"                        \
  " and p.units_minor <= coalesce(:max_units::bigint, 9223372036854775807)" \
  " and p.currency_code = :currency_code"                                   \
  " and (p.country_code = :country_code"                                    \
  " or p.country_code is null and :country_code <> all(p.except_countries))"

// All filters, for orders that do not read prices.
#define ALL_FILTERS                                                             \
  DOCUMENT_FILTERS                                                              \
  " and (:min_units::bigint is null and :max_units::bigint is null or exists (" \
  "select from search_prices p where p.game_id = d.game_id and " PRICE_FILTERS "))"

constexpr char kNewest[] = R"(
    select d.game_id, (extract(epoch from d.publish_time) * 1000000)::bigint as key
    from search_documents d
    where )" ALL_FILTERS R"(
      and (:after::timestamptz is null
           or (d.publish_time, d.game_id) < (:after::timestamptz, :after_game_id::uuid))
    order by d.publish_time desc, d.game_id desc
    limit :limit)";

constexpr char kByTitle[] = R"(
    select d.game_id, d.title_key as key
    from search_documents d
    where )" ALL_FILTERS R"(
      and (:after::text is null or (d.title_key, d.game_id) > (:after::text, :after_game_id::uuid))
    order by d.title_key, d.game_id
    limit :limit)";

constexpr char kCheapest[] = R"(
    select d.game_id, p.units_minor as key
    from search_prices p
    join search_documents d on d.game_id = p.game_id
    where )" DOCUMENT_FILTERS " and " PRICE_FILTERS R"(
      and (:after::bigint is null
           or (p.units_minor, p.game_id) > (:after::bigint, :after_game_id::uuid))
    order by p.units_minor, p.game_id
    limit :limit)";

constexpr char kDearest[] = R"(
    select d.game_id, p.units_minor as key
    from search_prices p
    join search_documents d on d.game_id = p.game_id
    where )" DOCUMENT_FILTERS " and " PRICE_FILTERS R"(
      and (:after::bigint is null
           or (p.units_minor, p.game_id) < (:after::bigint, :after_game_id::uuid))
    order by p.units_minor desc, p.game_id desc
    limit :limit)";

// Two parameters more, before the others. The rank is a whole number, so that the next page
// compares the very value that this one ended with; it is zero for games that match by their
// summary or description only.
constexpr char kMostRelevant[] = R"(
    select d.game_id, r.rank as key
    from search_documents d
    cross join lateral (
      select case when d.head @@ :match_any::tsquery
        then (100 * (ts_rank(d.head, :match_any::tsquery) + similarity(d.title_key, :folded)))::bigint
        else 0 end as rank) r
    where )" ALL_FILTERS R"(
      and (:after::bigint is null or (r.rank, d.game_id) < (:after::bigint, :after_game_id::uuid))
    order by r.rank desc, d.game_id desc
    limit :limit)";

const char* StatementOf(SearchOrder order) {
  switch (order) {
    case SEARCH_ORDER_TITLE:
      return kByTitle;
    case SEARCH_ORDER_PRICE_ASCENDING:
      return kCheapest;
    case SEARCH_ORDER_PRICE_DESCENDING:
      return kDearest;
    default:
      return kNewest;
  }
}

absl::StatusOr<std::vector<Hit>> FindGames(Transaction& tx, const SearchGamesRequest& request,
                                           const Cursor& after, int limit) {
  // Which plan is good depends on which filters are given, so these statements are planned each
  // time. And the planner does not know that a sequential scan would fetch the documents
  // themselves, which are stored apart.
  RETURN_IF_ERROR(
      tx.Query<std::string>("select set_config('plan_cache_mode', 'force_custom_plan', true), "
                            "set_config('enable_seqscan', 'off', true)"));
  Query query;
  if (HasQuery(request)) {
    const std::vector<std::string> words = QueryWords(request.query());
    if (words.empty()) return std::vector<Hit>();  // signs only, which no text has
    ASSIGN_OR_RETURN(query, ReadQuery(tx, request.query(), words));
  }
  const db::Param tags = NullIfNone(request.tags());
  const db::Param platforms = request.platforms().empty()
                                  ? db::Param(std::nullopt)
                                  : db::Param::EnumArray<Platform>(request.platforms());
  const db::Param language = db::NullIfEmpty(absl::AsciiStrToLower(request.language()));
  const auto min_units =
      Limit(request.has_min_price_units_minor(), request.min_price_units_minor());
  const auto max_units =
      Limit(request.has_max_price_units_minor(), request.max_price_units_minor());
  const SearchOrder order = EffectiveOrder(request);
  if (order == SEARCH_ORDER_RELEVANCE) {
    return tx.Query<Hit>(kMostRelevant, query.match_any, query.folded, query.match_all, tags,
                         platforms, language, min_units, max_units, request.currency_code(),
                         request.country_code(), after.key, after.game_id, limit);
  }
  return tx.Query<Hit>(StatementOf(order), query.match_all, tags, platforms, language, min_units,
                       max_units, request.currency_code(), request.country_code(), after.key,
                       after.game_id, limit);
}

// The entries of the hits, in their order. Of the texts of a game, the one in the language asked
// for; else one that differs in script or region only; else the default.
absl::StatusOr<std::vector<GameSummary>> LoadSummaries(Transaction& tx,
                                                       const SearchGamesRequest& request,
                                                       const std::vector<Hit>& hits) {
  std::vector<std::string> game_ids;
  game_ids.reserve(hits.size());
  for (const auto& [game_id, key] : hits) game_ids.push_back(game_id);
  return tx.Query<GameSummary>(R"(
      select g.game_id, t.title, t.summary, g.tags, g.platforms, g.screenshot_urls[1] as screenshot_url,
        p.edition_id, p.currency_code as "price.currency_code", p.units_minor as "price.units_minor",
        g.publish_time, g.developer_name
      from unnest(:game_ids::uuid[]) with ordinality as hit (game_id, position)
      join games g on g.game_id = hit.game_id
      left join search_prices p on p.game_id = g.game_id and p.currency_code = :currency_code
        and (p.country_code = :country_code
             or p.country_code is null and :country_code <> all(p.except_countries))
      cross join lateral (
        select title, summary from game_texts
        where game_id = g.game_id
        order by lower(language) = :language desc,
          split_part(lower(language), '-', 1) = split_part(:language, '-', 1) desc, position
        limit 1) t
      order by hit.position)",
                               game_ids, request.currency_code(), request.country_code(),
                               absl::AsciiStrToLower(request.display_language()));
}

}  // namespace

absl::StatusOr<SearchGamesResponse> CatalogService::SearchGames(const Caller&,
                                                                const SearchGamesRequest& request) {
  RETURN_IF_ERROR(CheckCurrency(request));
  ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(request));
  ASSIGN_OR_RETURN(const Cursor after, ReadCursor(page, EffectiveOrder(request)));

  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<SearchGamesResponse> {
    ASSIGN_OR_RETURN(std::vector<Hit> hits, FindGames(tx, request, after, page.limit()));
    SearchGamesResponse response;
    if (static_cast<int>(hits.size()) > page.size) {
      hits.resize(page.size);
      const auto& [game_id, key] = hits.back();
      response.set_next_page_token(rpc::PageToken(request, {key, game_id}));
    }
    ASSIGN_OR_RETURN(const auto summaries, LoadSummaries(tx, request, hits));
    response.mutable_games()->Add(summaries.begin(), summaries.end());
    return response;
  });
}

}  // namespace playmesh::catalog
