// What the tests of the catalogue begin with: a service on a database of its own, people, and games
// in short.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/random.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "playmesh/catalog/v1/catalog_events.pb.h"
#include "services/catalog/catalog_service.h"

namespace playmesh::catalog {

inline Price MakePrice(const std::string& currency, int64_t units,
                       const std::string& country = "") {
  Price price;
  price.mutable_amount()->set_currency_code(currency);
  price.mutable_amount()->set_units_minor(units);
  price.set_country_code(country);
  return price;
}

inline Prices MakePrices(const std::vector<Price>& prices) {
  return {prices.begin(), prices.end()};
}

inline void AddText(Game& game, const std::string& language, const std::string& title,
                    const std::string& summary = "", const std::string& description = "") {
  LocalizedText& text = *game.add_texts();
  text.set_language(language);
  text.set_title(title);
  text.set_summary(summary);
  text.set_description(description);
}

// What `work(0)`, …, `work(threads - 1)` return, each on a thread of its own. Catch is not
// thread-safe: check the results.
template <typename Result>
std::vector<Result> AtTheSameTime(int threads, const std::function<Result(int)>& work) {
  std::vector<Result> results(threads);
  std::vector<std::thread> running;
  running.reserve(threads);
  for (int i = 0; i < threads; ++i) running.emplace_back([&, i] { results[i] = work(i); });
  for (std::thread& thread : running) thread.join();
  return results;
}

// Titles of a page of results, in their order.
inline std::vector<std::string> Titles(const SearchGamesResponse& response) {
  std::vector<std::string> titles;
  for (const GameSummary& game : response.games()) titles.push_back(game.title());
  return titles;
}

struct CatalogFixture {
  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  Outbox outbox{clock};
  CatalogService service{{database.db(), clock, outbox}};

  std::string organisation_id = NewUuid(clock.Now());
  Caller member = testing::UserCaller(NewUuid(clock.Now()), {}, {organisation_id});
  Caller stranger = testing::UserCaller(NewUuid(clock.Now()), {}, {NewUuid(clock.Now())});
  Caller anonymous;

  Game Draft(const std::string& title) const {
    Game game;
    game.set_organisation_id(organisation_id);
    AddText(game, "en", title);
    return game;
  }

  Game Create(const Game& game) {
    CreateGameRequest request;
    *request.mutable_game() = game;
    return service.CreateGame(member, request).value().game();
  }

  Edition AddEdition(const std::string& game_id, const std::string& name,
                     const std::vector<Price>& prices = {}) {
    CreateEditionRequest request;
    request.set_game_id(game_id);
    request.set_name(name);
    *request.mutable_prices() = MakePrices(prices);
    return service.CreateEdition(member, request).value().edition();
  }

  Game Publish(const Game& game, const std::vector<Price>& prices = {MakePrice("EUR", 1000)}) {
    clock.Advance(absl::Seconds(1));
    const Game created = Create(game);
    AddEdition(created.game_id(), "Standard", prices);
    PublishGameRequest request;
    request.set_game_id(created.game_id());
    return service.PublishGame(member, request).value().game();
  }

  Game Publish(const std::string& title,
               const std::vector<Price>& prices = {MakePrice("EUR", 1000)}) {
    return Publish(Draft(title), prices);
  }

  Game Get(const std::string& game_id, const std::string& currency = "",
           const std::string& country = "") {
    return GetAs(member, game_id, currency, country).value().game();
  }

  absl::StatusOr<GetGameResponse> GetAs(const Caller& caller, const std::string& game_id,
                                        const std::string& currency = "",
                                        const std::string& country = "") {
    GetGameRequest request;
    request.set_game_id(game_id);
    request.set_currency_code(currency);
    request.set_country_code(country);
    return service.GetGame(caller, request);
  }

  absl::StatusOr<UpdateGameResponse> Update(const Game& game,
                                            const std::vector<std::string>& paths = {},
                                            const std::string& etag = "") {
    UpdateGameRequest request;
    *request.mutable_game() = game;
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    request.set_etag(etag);
    return service.UpdateGame(member, request);
  }

  absl::StatusOr<SetPricesResponse> SetPrices(const std::string& edition_id,
                                              const std::vector<Price>& prices) {
    SetPricesRequest request;
    request.set_edition_id(edition_id);
    *request.mutable_prices() = MakePrices(prices);
    return service.SetPrices(member, request);
  }

  SearchGamesResponse Search(const SearchGamesRequest& request) {
    return service.SearchGames(anonymous, request).value();
  }

  std::vector<std::string> Find(const std::string& query) {
    SearchGamesRequest request;
    request.set_query(query);
    return Titles(Search(request));
  }
};

}  // namespace playmesh::catalog
