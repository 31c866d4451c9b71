#include "services/catalog/game_fields.h"

#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {
namespace {

std::string Complaint(const Game& game) {
  Violations violations;
  CheckTexts(game, violations);
  return std::string(violations.status().message());
}

}  // namespace

TEST_CASE("Every field of a game can either be set or is known not to be") {
  const std::vector<std::string> fixed = {
      "game_id",     "organisation_id", "state",        "editions",
      "create_time", "update_time",     "publish_time", "etag"};
  CHECK(SettableFields().paths_size() + fixed.size() ==
        static_cast<size_t>(Game::descriptor()->field_count()));
}

TEST_CASE("CheckTexts wants a text") { CHECK(Complaint(Game()) == "game.texts: is required"); }

TEST_CASE("CheckTexts wants each language once, whatever its case") {
  Game game;
  AddText(game, "pt-BR", "Xadrez");
  CHECK(Complaint(game).empty());
  AddText(game, "pt-br", "Xadrez");
  CHECK(Complaint(game) == "game.texts[1].language: is there twice");
}

TEST_CASE("CheckTexts refuses control characters in titles") {
  for (const char* title : {"two\nlines", "\t", "bell\a", "delete\x7f", "next\u0085line"}) {
    Game game;
    AddText(game, "en", title);
    CAPTURE(title);
    CHECK(Complaint(game) == "game.texts[0].title: holds a control character");
  }
}

TEST_CASE("CheckTexts lets titles of all scripts pass") {
  for (const char* title : {"Битва за Веснот", "معركة ويسنوث", "\u200fחתול", "नमस्ते\u200dक",
                            "\U0001f3b2 & <dice>", "A\u00a0B"}) {
    Game game;
    AddText(game, "en", title);
    CAPTURE(title);
    CHECK(Complaint(game).empty());
  }
}

TEST_CASE("CheckTexts names all that is wrong") {
  Game game;
  AddText(game, "en", "Chess\n");
  AddText(game, "EN", "Chess");
  CHECK(Complaint(game) ==
        "game.texts[0].title: holds a control character; game.texts[1].language: is there twice");
}

}  // namespace playmesh::catalog
