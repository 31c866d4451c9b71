// Searches among 10,000 games. Takes minutes, so it runs when asked for: catalog_test "[.load]"

#include <algorithm>
#include <iostream>
#include <numeric>
#include <random>

#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {
namespace {

constexpr int kGames = 10'000;
constexpr int kSeed = 20'260'101;
constexpr int kRuns = 21;
constexpr int kThreads = 4;

// Invented games: titles of one to three words out of 4,000, one to eight languages, tags of which
// few are frequent, prices in four currencies and, for every third game, prices of two countries.
class Invention {
 public:
  Game NextGame(const std::string& organisation_id, int number) {
    Game game;
    game.set_organisation_id(organisation_id);
    game.set_external_id(std::to_string(number));
    const std::string title = Text(1 + Pick(3), 4'000);
    const int languages = 1 + Pick(8);
    for (int i = 0; i < languages; ++i) {
      const std::string language(1, static_cast<char>('a' + i));
      AddText(game, language + language, title, "A game: " + Text(8, 20'000), Text(60, 20'000));
      game.add_languages(language + language);
    }
    game.add_tags("tag" + std::to_string(Pick(8)));
    game.add_tags("rare" + std::to_string(Pick(200)));
    game.add_platforms(static_cast<Platform>(1 + Pick(4)));
    game.set_developer_name(Text(2, 1'000));
    return game;
  }

  Prices NextPrices() {
    Prices prices;
    for (const char* currency : {"EUR", "USD", "GBP", "JPY"}) {
      *prices.Add() = MakePrice(currency, 100 * Pick(60));
      if (Pick(3) > 0) continue;
      *prices.Add() = MakePrice(currency, 100 * Pick(60), "PL");
      *prices.Add() = MakePrice(currency, 100 * Pick(60), "IN");
    }
    return prices;
  }

 private:
  int Pick(int below) { return static_cast<int>(random_() % below); }

  std::string Text(int words, int vocabulary) {
    std::string text;
    for (int i = 0; i < words; ++i) {
      // Small numbers are more frequent, as words of a language are.
      uint32_t word = 17 + std::min(Pick(vocabulary), Pick(vocabulary));
      for (; word > 0; word /= 23)
        text += std::string(1, "bcdfghjklmnprstvwxzbdfg"[word % 23]) + "aeiou"[word % 5];
      text += ' ';
    }
    return text;
  }

  std::mt19937 random_{kSeed};
};

struct LoadFixture : CatalogFixture {
  void ImportAll() {
    Invention invention;
    std::vector<ImportGameRequest> requests(kGames);
    for (int i = 0; i < kGames; ++i) {
      *requests[i].mutable_game() = invention.NextGame(organisation_id, i);
      *requests[i].mutable_prices() = invention.NextPrices();
    }
    const auto imported = AtTheSameTime<int>(kThreads, [&](int thread) {
      int succeeded = 0;
      for (int i = thread; i < kGames; i += kThreads) {
        succeeded += service.ImportGame(member, requests[i]).ok();
      }
      return succeeded;
    });
    REQUIRE(std::accumulate(imported.begin(), imported.end(), 0) == kGames);
    REQUIRE(database.Execute("analyze").ok());
    some_title = requests[7].game().texts(0).title();
  }

  // Median milliseconds of a search.
  double Measure(const SearchGamesRequest& request) {
    std::vector<double> times;
    for (int i = 0; i < kRuns; ++i) {
      const absl::Time start = absl::Now();
      Search(request);
      times.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
    }
    std::nth_element(times.begin(), times.begin() + kRuns / 2, times.end());
    return times[kRuns / 2];
  }

  // The same search at its last page of 20.
  SearchGamesRequest LastPage(SearchGamesRequest request) {
    while (true) {
      request.set_page_size(100);
      SearchGamesRequest next = request;
      next.set_page_token(Search(request).next_page_token());
      if (next.page_token().empty()) break;
      request = next;
    }
    request.clear_page_size();
    return request;
  }

  std::string some_title;
};

}  // namespace

TEST_CASE_METHOD(LoadFixture, "The last of 500 pages costs what the first does", "[.load]") {
  ImportAll();
  const auto report = [&](const std::string& name, const SearchGamesRequest& request) {
    const double first = Measure(request);
    const double last = Measure(LastPage(request));
    std::cerr << name << ": first page " << first << " ms, last page " << last << " ms\n";
    CHECK(last < 3 * first);
  };
  SearchGamesRequest request;
  request.set_currency_code("EUR");
  request.set_country_code("PL");
  for (int order = SEARCH_ORDER_NEWEST; order <= SEARCH_ORDER_TITLE; ++order) {
    request.set_order(static_cast<SearchOrder>(order));
    report(SearchOrder_Name(request.order()), request);
    SearchGamesRequest tagged = request;
    tagged.add_tags("tag3");
    report("  with a frequent tag", tagged);
    *tagged.mutable_tags(0) = "rare3";
    report("  with a rare tag", tagged);
  }
  request.clear_order();
  request.set_query(some_title);
  report("title", request);
  request.set_query(some_title.substr(0, 3) + "x" + some_title.substr(3));
  report("mistyped title", request);
  request.set_query("game");
  report("word of every game", request);
}

}  // namespace playmesh::catalog
