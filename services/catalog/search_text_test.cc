#include "services/catalog/search_text.h"

#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {
namespace {

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("Fold takes away case, accents and compatibility forms") {
  struct Case {
    const char* text;
    const char* folded;
  };
  for (const Case& c : std::vector<Case>{{"CHESS", "chess"},
                                         {"Pokémon", "pokemon"},
                                         {"Łódź", "lodz"},
                                         {"Straße", "strasse"},
                                         {"ＦＦ７", "ff7"},
                                         {"Ёлка", "елка"},
                                         {"Σίσυφος", "σισυφοσ"},
                                         {"İstanbul", "istanbul"},
                                         {"ﬁght", "fight"},
                                         {"게임", "게임"},
                                         {"がんばれ", "がんばれ"},
                                         {"हिन्दी", "हिन्दी"}}) {
    CAPTURE(c.text);
    CHECK(Fold(c.text) == c.folded);
  }
}

TEST_CASE("QueryWords cuts text at everything but letters, digits and marks") {
  struct Case {
    const char* text;
    Strings words;
  };
  for (const Case& c : std::vector<Case>{{"Battle for Wesnoth", {"battle", "for", "wesnoth"}},
                                         {"  0 A.D.\t", {"0", "a", "d"}},
                                         {"Tux's don’t", {"tuxs", "dont"}},
                                         {"half-life half", {"half", "life"}},
                                         {"हिन्दी खेल", {"हिन्दी", "खेल"}},
                                         {"Шахматы онлайн", {"шахматы", "онлаин"}},
                                         {"'; drop table games; --", {"drop", "table", "games"}},
                                         {"a & !b | (c:*) <-> \\'d\\'", {"a", "b", "c", "d"}},
                                         {"!!! ??? 🎮", {}},
                                         {"", {}}}) {
    CAPTURE(c.text);
    CHECK(QueryWords(c.text) == c.words);
  }
}

TEST_CASE("QueryWords pairs the characters of scripts without spaces") {
  CHECK(QueryWords("国际象棋") == Strings{"国际", "际象", "象棋"});
  CHECK(QueryWords("棋") == Strings{"棋"});
  CHECK(QueryWords("スーパー Mario") == Strings{"スー", "ーパ", "パー", "mario"});
  CHECK(QueryWords("게임하기") == Strings{"게임", "임하", "하기"});
  CHECK(QueryWords("FF7リメイク") == Strings{"ff7", "リメ", "メイ", "イク"});
}

TEST_CASE("QueryWords bounds how many words count and how long they are") {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "w" + std::to_string(i) + " ";
  CHECK(QueryWords(many).size() == kMaxQueryWords);
  CHECK(QueryWords(std::string(1000, 'a')) == Strings{std::string(64, 'a')});
}

TEST_CASE("MakeSearchDocument weighs titles before tags and developer and finds by all texts") {
  Game game;
  AddText(game, "en", "Chess", "Play it");
  AddText(game, "zh", "象棋", "", "Chess 下棋");
  game.add_tags("board-game");
  game.set_developer_name("Ada");
  const SearchDocument document = MakeSearchDocument(game);
  CHECK(document.title_key == "chess");
  CHECK(document.head == "'chess':1A '象':1A '象棋':1A '棋':1A 'board':1B 'game':1B 'ada':1B ");
  CHECK(document.words == Strings{"chess", "象", "象棋", "棋", "board", "game", "ada"});
  CHECK_THAT(document.document,
             Catch::StartsWith("'chess' '象' '象棋' '棋' 'board' 'game' 'ada' 'play' 'it' "));
  CHECK_THAT(document.document, Catch::Contains("'下棋'"));
}

TEST_CASE("MakeSearchDocument puts the parents of a language beside it") {
  Game game;
  AddText(game, "en", "Chess");
  for (const char* language : {"pt-BR", "de", "zh-Hant-TW", "sr@latin"})
    game.add_languages(language);
  CHECK(MakeSearchDocument(game).languages ==
        Strings{"de", "pt", "pt-br", "sr", "sr@latin", "zh", "zh-hant", "zh-hant-tw"});
}

TEST_CASE("MakeSearchDocument stays below what PostgreSQL can hold") {
  Game game;
  AddText(game, "en", "Chess");
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "word" + std::to_string(i) + " ";
  game.mutable_texts(0)->set_description(text);
  CHECK(MakeSearchDocument(game).document.size() < 600 * 1024);
}

TEST_CASE("MatchAll wants every word or one of its alternatives, MatchAny any of them") {
  const Strings words = {"chesss", "game"};
  const Alternatives alternatives = {{"chesss", {"chess", "chase"}}};
  CHECK(MatchAll(words, alternatives) == "('chesss' | 'chess' | 'chase') & ('game')");
  CHECK(MatchAny(words, alternatives) == "('chesss' | 'chess' | 'chase') | ('game')");
}

}  // namespace playmesh::catalog
