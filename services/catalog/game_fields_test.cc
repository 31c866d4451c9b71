#include "services/catalog/game_fields.h"

#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {
namespace {

using Names = std::vector<std::string>;

Game Tetris() {
  Game game;
  game.set_game_id("01890000-0000-7000-8000-000000000001");
  game.set_state(GAME_STATE_PUBLISHED);
  AddText(game, "en", "Tetris");
  game.add_tags("puzzle");
  game.add_platforms(PLATFORM_LINUX);
  game.set_minimum_age(6);
  game.set_version("1.0");
  return game;
}

FieldMask Mask(const Names& paths) {
  FieldMask mask;
  for (const std::string& path : paths) mask.add_paths(path);
  return mask;
}

Names Paths(const absl::StatusOr<FieldMask>& mask) {
  return {mask.value().paths().begin(), mask.value().paths().end()};
}

}  // namespace

TEST_CASE("FieldsToUpdate takes the fields that the mask names") {
  CHECK(Paths(FieldsToUpdate(Game(), Mask({"version", "tags"}))) == Names{"version", "tags"});
}

TEST_CASE("FieldsToUpdate takes what is set and may be set when the mask is empty") {
  CHECK(Paths(FieldsToUpdate(Tetris(), {})) ==
        Names{"texts", "tags", "platforms", "minimum_age", "version"});
  CHECK(Paths(FieldsToUpdate(Game(), {})).empty());
}

TEST_CASE("FieldsToUpdate takes all fields for the wildcard") {
  CHECK(Paths(FieldsToUpdate(Game(), Mask({"*"}))) == Paths(SettableFields()));
}

TEST_CASE("FieldsToUpdate refuses paths that cannot be set and says which") {
  for (const char* path :
       {"state", "editions", "create_time", "update_time", "publish_time", "etag", "game_id",
        "organisation_id", "colour", "texts.title", "", "Version"}) {
    const absl::Status status = FieldsToUpdate(Tetris(), Mask({"version", path})).status();
    CAPTURE(path);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(status.message()),
               Catch::StartsWith("update_mask: " + std::string(path)));
  }
}

TEST_CASE("Every field of a game can either be set or is known not to be") {
  Names fixed = {"game_id",     "organisation_id", "state",        "editions",
                 "create_time", "update_time",     "publish_time", "etag"};
  CHECK(SettableFields().paths_size() + fixed.size() ==
        static_cast<size_t>(Game::descriptor()->field_count()));
}

TEST_CASE("ApplyUpdate names only what is different afterwards") {
  Game game = Tetris();
  Game patch = Tetris();
  patch.set_version("1.1");
  CHECK(ApplyUpdate(patch, Mask({"texts", "tags", "version"}), game) == Names{"version"});
  CHECK(game.version() == "1.1");
  CHECK(ApplyUpdate(patch, Mask({"texts", "tags", "version"}), game).empty());
}

TEST_CASE("ApplyUpdate replaces lists as a whole and empties what is named but not set") {
  Game game = Tetris();
  Game patch;
  patch.add_tags("arcade");
  CHECK(ApplyUpdate(patch, Mask({"tags", "platforms", "minimum_age", "version"}), game) ==
        Names{"tags", "platforms", "minimum_age", "version"});
  REQUIRE(game.tags_size() == 1);
  CHECK(game.tags(0) == "arcade");
  CHECK(game.platforms().empty());
  CHECK(game.minimum_age() == 0);
  CHECK(game.version().empty());
  CHECK(game.state() == GAME_STATE_PUBLISHED);
  CHECK(game.texts_size() == 1);
}

TEST_CASE("CheckTexts wants a text and each language once") {
  Game game;
  CHECK(CheckTexts(game).message() == "game.texts: is required");
  AddText(game, "pt-BR", "Xadrez");
  CHECK(CheckTexts(game).ok());
  AddText(game, "pt-br", "Xadrez");
  CHECK(CheckTexts(game).message() == "game.texts[1].language: is there twice");
}

}  // namespace playmesh::catalog
