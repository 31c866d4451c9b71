#include <set>

#include "common/rpc/pages.h"
#include "common/rpc/validate.h"
#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {
namespace {

using Strings = std::vector<std::string>;

SearchGamesRequest Ordered(SearchOrder order, const std::string& currency = "EUR") {
  SearchGamesRequest request;
  request.set_order(order);
  request.set_currency_code(currency);
  return request;
}

struct SearchFixture : CatalogFixture {
  Game Described(const std::string& title, const std::string& summary,
                 const std::string& description = "") {
    Game game = Draft(title);
    game.mutable_texts(0)->set_summary(summary);
    game.mutable_texts(0)->set_description(description);
    return game;
  }

  // All pages of a search, with what `between` does between them.
  Strings AllPages(SearchGamesRequest request, const std::function<void()>& between = [] {}) {
    Strings seen;
    do {
      const SearchGamesResponse response = Search(request);
      CHECK(response.games_size() <= request.page_size());
      for (const std::string& title : Titles(response)) seen.push_back(title);
      request.set_page_token(response.next_page_token());
      between();
    } while (!request.page_token().empty());
    return seen;
  }
};

}  // namespace

TEST_CASE_METHOD(SearchFixture, "SearchGames finds published games only") {
  Create(Draft("Chess draft"));
  Publish("Chess");
  CHECK(Find("chess") == Strings{"Chess"});
  CHECK(Find("") == Strings{"Chess"});
  CHECK(Find("draughts").empty());
}

TEST_CASE_METHOD(
    SearchFixture,
    "SearchGames finds by titles, summaries, descriptions, tags and developer in all languages") {
  Game game = Described("Battle for Wesnoth", "Turn-based strategy", "Explore the elvish forest.");
  AddText(game, "de", "Schlacht um Wesnoth", "Rundenstrategie", "Befehlige Zwerge.");
  AddText(game, "ru", "Битва за Веснот", "Пошаговая стратегия");
  AddText(game, "zh-CN", "韦诺之战", "回合制策略游戏");
  AddText(game, "ja", "ウェスノースの戦い");
  AddText(game, "th", "การต่อสู้เพื่อเวสนอธ");
  AddText(game, "ar", "معركة ويسنوث");
  game.add_tags("turn-based-tactics");
  game.set_developer_name("Les Développeurs");
  Publish(game);
  Publish("Tetris");
  for (const char* query : {"wesnoth",
                            "WESNOTH",
                            "battle wesnoth",
                            "wesnoth battle",
                            "strategy",
                            "elvish",
                            "Schlacht",
                            "zwerge",
                            "rundenstrategie",
                            "битва",
                            "ВЕСНОТ",
                            "之战",
                            "策略",
                            "战",
                            "戦い",
                            "ウェス",
                            "ต่อสู้",
                            "معركة",
                            "tactics",
                            "developpeurs",
                            "turn-based",
                            "\"battle\" (wesnoth)"}) {
    CAPTURE(query);
    CHECK(Find(query) == Strings{"Battle for Wesnoth"});
  }
  CHECK(Find("wesnoth tetris").empty());
}

TEST_CASE_METHOD(SearchFixture,
                 "SearchGames tolerates typing errors in titles, tags and developers") {
  Publish("Chess");
  Publish("Freeciv");
  Publish("Battle for Wesnoth");
  Publish("SuperTuxKart");
  Game tagged = Draft("Xonotic");
  tagged.add_tags("first-person-shooter");
  tagged.set_developer_name("Team Xonotic");
  Publish(tagged);
  Publish("Шахматы");
  struct Case {
    const char* query;
    const char* title;
  };
  for (const Case& c : std::vector<Case>{{"chesss", "Chess"},
                                         {"chees", "Chess"},
                                         {"freciv", "Freeciv"},
                                         {"freeecif", "Freeciv"},
                                         {"wesnot", "Battle for Wesnoth"},
                                         {"batle wesnoth", "Battle for Wesnoth"},
                                         {"supertuxcart", "SuperTuxKart"},
                                         {"shoter", "Xonotic"},
                                         {"team xonotik", "Xonotic"},
                                         {"шахматти", "Шахматы"}}) {
    CAPTURE(c.query);
    CHECK(Find(c.query) == Strings{c.title});
  }
  CHECK(Find("qqqqzzzz").empty());
}

TEST_CASE_METHOD(SearchFixture, "SearchGames takes words that titles have as they are") {
  Publish("Chess");
  Publish("Chest");
  CHECK(Find("chess") == Strings{"Chess"});
  CHECK(Find("chest") == Strings{"Chest"});
}

TEST_CASE_METHOD(SearchFixture, "SearchGames takes words that several texts have as they are") {
  Publish("Cattle");
  Publish(Described("Keep", "", "Hold the castle."));
  CHECK(Find("castle") == Strings{"Cattle", "Keep"});
  Publish(Described("Moat", "", "Storm the castle."));
  Publish(Described("Gate", "", "Leave the castle."));
  CHECK(Find("castle") == Strings{"Gate", "Moat", "Keep"});
}

TEST_CASE_METHOD(SearchFixture, "SearchGames forgets the words of a title that was corrected") {
  Game game = Publish("Frecivv");
  game.mutable_texts(0)->set_title("Freeciv");
  REQUIRE(Update(game).ok());
  CHECK(Find("freciv") == Strings{"Freeciv"});
  CHECK(Find("frecivv") == Strings{"Freeciv"});
}

TEST_CASE_METHOD(SearchFixture, "SearchGames never fails because of what somebody types") {
  Publish("Chess");
  for (const std::string& query : Strings{"'; drop table games; --",
                                          "a & b | !c",
                                          ":*",
                                          "\\",
                                          "'",
                                          "\"",
                                          "((",
                                          "<->",
                                          "%_%",
                                          "!!!",
                                          "\xF0\x9F\x8E\xAE",
                                          "\t \n",
                                          "chess\\'",
                                          "{chess}",
                                          "$1 :x",
                                          std::string(200, '('),
                                          std::string(200, 'z'),
                                          "null",
                                          "-chess",
                                          "ﷺﷺﷺ"}) {
    CAPTURE(query);
    SearchGamesRequest request;
    request.set_query(query);
    for (int order = 0; order <= SEARCH_ORDER_TITLE; ++order) {
      request.set_order(static_cast<SearchOrder>(order));
      request.set_currency_code("EUR");
      CHECK(service.SearchGames(anonymous, request).ok());
    }
  }
  CHECK(Find("chess\\'") == Strings{"Chess"});
  CHECK(Find(" \t ") == Strings{"Chess"});
  CHECK(Find("!!!").empty());
}

TEST_CASE_METHOD(SearchFixture, "SearchGames puts the best match first") {
  Publish(Described("Mahjong", "Tiles", "Much calmer than chess."));
  Game tagged = Draft("Draughts");
  tagged.add_tags("chess");
  Publish(tagged);
  Publish("Chess with a very long subtitle");
  Publish("Chess");
  CHECK(Find("chess") ==
        Strings{"Chess", "Chess with a very long subtitle", "Draughts", "Mahjong"});
}

TEST_CASE_METHOD(SearchFixture, "SearchGames filters by all tags, any platform and language") {
  const auto publish = [&](const std::string& title, const Strings& tags,
                           const std::vector<Platform>& platforms, const Strings& languages) {
    Game game = Draft(title);
    for (const std::string& tag : tags) game.add_tags(tag);
    for (Platform platform : platforms) game.add_platforms(platform);
    for (const std::string& language : languages) game.add_languages(language);
    Publish(game);
  };
  publish("A", {"puzzle"}, {PLATFORM_LINUX}, {"de"});
  publish("B", {"puzzle", "board-game"}, {PLATFORM_WINDOWS, PLATFORM_MACOS}, {"pt-BR"});
  publish("C", {"board-game"}, {PLATFORM_WEB}, {"pt", "de-AT"});

  const auto find = [&](const Strings& tags, const std::vector<Platform>& platforms,
                        const std::string& language) {
    SearchGamesRequest request = Ordered(SEARCH_ORDER_TITLE);
    for (const std::string& tag : tags) request.add_tags(tag);
    for (Platform platform : platforms) request.add_platforms(platform);
    request.set_language(language);
    return Titles(Search(request));
  };
  CHECK(find({"puzzle"}, {}, "") == Strings{"A", "B"});
  CHECK(find({"board-game", "puzzle"}, {}, "") == Strings{"B"});
  CHECK(find({"puz"}, {}, "").empty());
  CHECK(find({"a\",b'{}\\"}, {}, "").empty());
  CHECK(find({}, {PLATFORM_LINUX, PLATFORM_WEB}, "") == Strings{"A", "C"});
  CHECK(find({}, {PLATFORM_MACOS}, "") == Strings{"B"});
  CHECK(find({}, {}, "de") == Strings{"A", "C"});
  CHECK(find({}, {}, "de-at") == Strings{"C"});
  CHECK(find({}, {}, "pt") == Strings{"B", "C"});
  CHECK(find({}, {}, "pt-BR") == Strings{"B"});
  CHECK(find({"puzzle"}, {PLATFORM_LINUX}, "pt").empty());
}

TEST_CASE_METHOD(SearchFixture, "SearchGames follows changes of a game") {
  Game game = Publish("Chess");
  game.mutable_texts(0)->set_title("Draughts");
  game.add_tags("board-game");
  REQUIRE(Update(game).ok());
  CHECK(Find("chess").empty());
  CHECK(Find("draughts") == Strings{"Draughts"});
  SearchGamesRequest request;
  request.add_tags("board-game");
  CHECK(Titles(Search(request)) == Strings{"Draughts"});
}

TEST_CASE_METHOD(SearchFixture,
                 "SearchGames filters by price in the currency and country of the buyer") {
  Publish("Free", {MakePrice("EUR", 0)});
  Publish("Cheap in Poland", {MakePrice("EUR", 2000), MakePrice("EUR", 500, "PL")});
  Publish("Dollars only", {MakePrice("USD", 100)});
  Publish("Poland only", {MakePrice("EUR", 700, "PL")});
  const auto find = [&](std::optional<int64_t> min, std::optional<int64_t> max,
                        const std::string& country) {
    SearchGamesRequest request = Ordered(SEARCH_ORDER_TITLE);
    request.set_country_code(country);
    if (min) request.set_min_price_units_minor(*min);
    if (max) request.set_max_price_units_minor(*max);
    return Titles(Search(request));
  };
  CHECK(find({}, {}, "DE").size() == 4);
  CHECK(find({}, 0, "DE") == Strings{"Free"});
  CHECK(find({}, 1000, "DE") == Strings{"Free"});
  CHECK(find({}, 1000, "PL") == Strings{"Cheap in Poland", "Free", "Poland only"});
  CHECK(find(1, {}, "DE") == Strings{"Cheap in Poland"});
  CHECK(find(1, {}, "") == Strings{"Cheap in Poland"});
  CHECK(find(500, 500, "PL") == Strings{"Cheap in Poland"});
  CHECK(find(0, {}, "PL") == Strings{"Cheap in Poland", "Free", "Poland only"});
  CHECK(find(600, 500, "PL").empty());
}

TEST_CASE_METHOD(SearchFixture, "SearchGames shows the cheapest edition on sale") {
  const Game game = Publish("Chess", {MakePrice("EUR", 2000), MakePrice("EUR", 500, "PL")});
  const Edition light = AddEdition(game.game_id(), "Light", {MakePrice("EUR", 1000)});
  const auto seen = [&](const std::string& currency, const std::string& country) {
    SearchGamesRequest request;
    request.set_currency_code(currency);
    request.set_country_code(country);
    return Search(request).games(0);
  };
  CHECK(seen("EUR", "DE").price().units_minor() == 1000);
  CHECK(seen("EUR", "DE").edition_id() == light.edition_id());
  CHECK(seen("EUR", "PL").price().units_minor() == 500);
  CHECK(seen("EUR", "PL").price().currency_code() == "EUR");
  CHECK(seen("EUR", "PL").edition_id() == game.editions(0).edition_id());
  CHECK_FALSE(seen("JPY", "").has_price());
  CHECK(seen("JPY", "").edition_id().empty());
  CHECK_FALSE(seen("", "").has_price());

  REQUIRE(SetPrices(game.editions(0).edition_id(), {MakePrice("EUR", 700)}).ok());
  CHECK(seen("EUR", "PL").price().units_minor() == 700);
}

TEST_CASE_METHOD(SearchFixture, "SearchGames orders by price, title, time and relevance") {
  Publish("Émile", {MakePrice("EUR", 300), MakePrice("EUR", 1, "PL")});
  Publish("aardvark", {MakePrice("EUR", 100)});
  Publish("Zebra", {MakePrice("USD", 100)});
  Publish("Fox", {MakePrice("EUR", 200)});
  const auto find = [&](SearchOrder order, const std::string& country = "") {
    SearchGamesRequest request = Ordered(order);
    request.set_country_code(country);
    return Titles(Search(request));
  };
  CHECK(find(SEARCH_ORDER_TITLE) == Strings{"aardvark", "Émile", "Fox", "Zebra"});
  CHECK(find(SEARCH_ORDER_NEWEST) == Strings{"Fox", "Zebra", "aardvark", "Émile"});
  CHECK(find(SEARCH_ORDER_UNSPECIFIED) == find(SEARCH_ORDER_NEWEST));
  CHECK(find(SEARCH_ORDER_RELEVANCE) == find(SEARCH_ORDER_NEWEST));
  CHECK(find(SEARCH_ORDER_PRICE_ASCENDING) == Strings{"aardvark", "Fox", "Émile"});
  CHECK(find(SEARCH_ORDER_PRICE_DESCENDING) == Strings{"Émile", "Fox", "aardvark"});
  CHECK(find(SEARCH_ORDER_PRICE_ASCENDING, "PL") == Strings{"Émile", "aardvark", "Fox"});
}

TEST_CASE_METHOD(SearchFixture, "SearchGames combines text with every order") {
  Publish("Chess B", {MakePrice("EUR", 300)});
  Publish("Chess A", {MakePrice("EUR", 500)});
  Publish("Draughts", {MakePrice("EUR", 400)});
  const auto find = [&](SearchOrder order) {
    SearchGamesRequest request = Ordered(order);
    request.set_query("ches");
    return Titles(Search(request));
  };
  CHECK(find(SEARCH_ORDER_TITLE) == Strings{"Chess A", "Chess B"});
  CHECK(find(SEARCH_ORDER_NEWEST) == Strings{"Chess A", "Chess B"});
  CHECK(find(SEARCH_ORDER_PRICE_ASCENDING) == Strings{"Chess B", "Chess A"});
  CHECK(find(SEARCH_ORDER_PRICE_DESCENDING) == Strings{"Chess A", "Chess B"});
  CHECK(find(SEARCH_ORDER_RELEVANCE).size() == 2);
}

TEST_CASE_METHOD(SearchFixture, "SearchGames wants a currency for prices") {
  for (SearchOrder order : {SEARCH_ORDER_PRICE_ASCENDING, SEARCH_ORDER_PRICE_DESCENDING}) {
    CHECK(service.SearchGames(anonymous, Ordered(order, "")).status().message() ==
          "currency_code: is required to filter or order by price");
  }
  SearchGamesRequest request;
  request.set_max_price_units_minor(0);
  CHECK(service.SearchGames(anonymous, request).status().code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE_METHOD(SearchFixture, "SearchGames fills a summary, in the language asked for") {
  Game game = Described("Chess", "A game");
  AddText(game, "pt-BR", "Xadrez", "Um jogo");
  AddText(game, "zh-Hans", "国际象棋");
  game.add_tags("board-game");
  game.add_platforms(PLATFORM_LINUX);
  game.add_screenshot_urls("https://chess.example/1.png");
  game.add_screenshot_urls("https://chess.example/2.png");
  game.set_developer_name("Ada");
  game = Publish(game);
  const auto seen = [&](const std::string& language) {
    SearchGamesRequest request;
    request.set_display_language(language);
    return Search(request).games(0);
  };
  CHECK(seen("").title() == "Chess");
  CHECK(seen("pt-BR").title() == "Xadrez");
  CHECK(seen("pt-BR").summary() == "Um jogo");
  CHECK(seen("PT-br").title() == "Xadrez");
  CHECK(seen("pt").title() == "Xadrez");
  CHECK(seen("pt-PT").title() == "Xadrez");
  CHECK(seen("zh-Hant").title() == "国际象棋");
  CHECK(seen("fr").title() == "Chess");

  const GameSummary summary = seen("en");
  CHECK(summary.game_id() == game.game_id());
  CHECK(summary.summary() == "A game");
  CHECK(summary.tags(0) == "board-game");
  CHECK(summary.platforms(0) == PLATFORM_LINUX);
  CHECK(summary.screenshot_url() == "https://chess.example/1.png");
  CHECK(summary.developer_name() == "Ada");
  CHECK(FromTimestamp(summary.publish_time()) == FromTimestamp(game.publish_time()));
}

TEST_CASE_METHOD(SearchFixture,
                 "Pages of every order show each game once, also while games are published") {
  Strings expected;
  // Ties in price and rank, so that the id has to decide.
  for (int i = 0; i < 12; ++i) {
    expected.push_back("Chess " + std::string(1, 'a' + i));
    Publish(expected.back(), {MakePrice("EUR", 100 * (i / 4))});
  }
  for (int order = 0; order <= SEARCH_ORDER_TITLE; ++order) {
    for (const char* query : {"", "chess"}) {
      SearchGamesRequest request = Ordered(static_cast<SearchOrder>(order));
      request.set_query(query);
      request.set_page_size(5);
      Strings seen = AllPages(request, [&] { Publish("Chess new", {MakePrice("EUR", 150)}); });
      // What is published meanwhile may show up or not, yet nothing else is lost or shown twice.
      seen.erase(std::remove(seen.begin(), seen.end(), "Chess new"), seen.end());
      std::sort(seen.begin(), seen.end());
      CAPTURE(order, query);
      CHECK(seen == expected);
    }
  }
}

TEST_CASE_METHOD(SearchFixture,
                 "SearchGames cuts pages at their size and ends them with an empty token") {
  for (int i = 0; i < 21; ++i) Publish("Game " + std::to_string(i));
  SearchGamesRequest request;
  SearchGamesResponse response = Search(request);
  CHECK(response.games_size() == 20);
  request.set_page_token(response.next_page_token());
  response = Search(request);
  CHECK(response.games_size() == 1);
  CHECK(response.next_page_token().empty());
  SearchGamesRequest large;
  large.set_page_size(1000);
  CHECK(Search(large).games_size() == 21);
}

TEST_CASE_METHOD(SearchFixture,
                 "SearchGames refuses page tokens of other searches and made-up ones") {
  for (int i = 0; i < 3; ++i) Publish("Chess " + std::to_string(i));
  SearchGamesRequest request = Ordered(SEARCH_ORDER_PRICE_ASCENDING);
  request.set_page_size(1);
  const std::string token = Search(request).next_page_token();
  request.set_country_code("DE");
  request.set_page_token(token);
  CHECK(service.SearchGames(anonymous, request).status().code() ==
        absl::StatusCode::kInvalidArgument);

  for (int order = SEARCH_ORDER_RELEVANCE; order <= SEARCH_ORDER_TITLE; ++order) {
    request = Ordered(static_cast<SearchOrder>(order));
    request.set_query("chess");
    const std::string id = NewUuid(clock.Now());
    for (const rpc::PageKey& key : std::vector<rpc::PageKey>{
             {"x"}, {"x", "y"}, {"1", ""}, {"1", "y"}, {"1", id, "z"}, {id}}) {
      request.set_page_token(rpc::PageToken(request, key));
      CHECK(service.SearchGames(anonymous, request).status().code() ==
            absl::StatusCode::kInvalidArgument);
    }
    request.set_page_token(rpc::PageToken(request, {"9223372036854775807", id}));
    CHECK(service.SearchGames(anonymous, request).ok());
  }
}

TEST_CASE_METHOD(SearchFixture, "SearchGames takes the longest token that it makes") {
  std::string title;
  for (int i = 0; i < 200; ++i) title += "\U0001f3b2";
  for (int i = 0; i < 3; ++i) Publish(title);
  SearchGamesRequest request = Ordered(SEARCH_ORDER_TITLE);
  request.set_page_size(1);
  int seen = 0;
  do {
    const SearchGamesResponse response = Search(request);
    seen += response.games_size();
    request.set_page_token(response.next_page_token());
    CHECK(rpc::Validate(request).ok());
  } while (!request.page_token().empty());
  CHECK(seen == 3);
}

}  // namespace playmesh::catalog
