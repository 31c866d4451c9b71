#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {
namespace {

using Strings = std::vector<std::string>;

Strings Changed(const GameUpdated& event) {
  return {event.changed_fields().begin(), event.changed_fields().end()};
}

// A game with every field that can be set.
Game Full(const CatalogFixture& f) {
  Game game = f.Draft("Chess");
  AddText(game, "pt-BR", "Xadrez", "Um jogo", "De tabuleiro.\n\nPara \"dois\".");
  game.add_tags("board-game");
  game.add_platforms(PLATFORM_LINUX);
  game.add_platforms(PLATFORM_WEB);
  game.add_languages("pt-BR");
  game.set_minimum_age(6);
  game.set_developer_name("Ada");
  game.set_license("GPL-3.0-or-later");
  game.set_homepage_url("https://chess.example");
  game.add_screenshot_urls("https://chess.example/1.png");
  game.set_version("1.0");
  game.set_release_notes("First.");
  game.set_external_id("org.example.chess");
  return game;
}

PublishGameRequest PublishRequest(const std::string& game_id, const std::string& etag = "") {
  PublishGameRequest request;
  request.set_game_id(game_id);
  request.set_etag(etag);
  return request;
}

UnpublishGameRequest UnpublishRequest(const std::string& game_id) {
  UnpublishGameRequest request;
  request.set_game_id(game_id);
  return request;
}

}  // namespace

TEST_CASE_METHOD(CatalogFixture,
                 "CreateGame keeps every field and ignores those that are output only") {
  Game game = Full(*this);
  game.set_game_id(NewUuid(clock.Now()));
  game.set_state(GAME_STATE_PUBLISHED);
  game.add_editions()->set_name("Mine");
  game.set_etag("7");
  const Game created = Create(game);

  CHECK(created.game_id() != game.game_id());
  CHECK(created.state() == GAME_STATE_DRAFT);
  CHECK(created.editions().empty());
  CHECK(FromTimestamp(created.create_time()) == clock.Now());
  CHECK(FromTimestamp(created.update_time()) == clock.Now());
  CHECK_FALSE(created.has_publish_time());

  Game expected = game;
  expected.set_game_id(created.game_id());
  expected.set_state(GAME_STATE_DRAFT);
  expected.clear_editions();
  expected.set_etag(created.etag());
  *expected.mutable_create_time() = created.create_time();
  *expected.mutable_update_time() = created.update_time();
  CHECK(created.DebugString() == expected.DebugString());
  CHECK(Get(created.game_id()).DebugString() == expected.DebugString());

  const auto events = database.Published<GameCreated>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].game_id() == created.game_id());
  CHECK(events[0].organisation_id() == organisation_id);
  CHECK(database.Published<GameUpdated>().empty());
}

TEST_CASE_METHOD(CatalogFixture,
                 "CreateGame wants an organisation, a text, and each language once") {
  CreateGameRequest request;
  *request.mutable_game() = Draft("Chess");
  request.mutable_game()->clear_organisation_id();
  CHECK(service.CreateGame(member, request).status().message() ==
        "game.organisation_id: is required");

  *request.mutable_game() = Draft("Chess");
  request.mutable_game()->clear_texts();
  CHECK(service.CreateGame(member, request).status().message() == "game.texts: is required");

  *request.mutable_game() = Draft("Chess");
  AddText(*request.mutable_game(), "EN", "Chess");
  CHECK(service.CreateGame(member, request).status().message() ==
        "game.texts[1].language: is there twice");

  request.clear_game();
  CHECK(service.CreateGame(member, request).status().message() ==
        "game.organisation_id: is required; game.texts: is required");
}

TEST_CASE_METHOD(CatalogFixture, "CreateGame is for members of the organisation") {
  CreateGameRequest request;
  *request.mutable_game() = Draft("Chess");
  const absl::Status status = service.CreateGame(stranger, request).status();
  CHECK(status.code() == absl::StatusCode::kPermissionDenied);
  CHECK(ReasonOf(status) == "NOT_A_MEMBER");
  CHECK(database.Published<GameCreated>().empty());
}

TEST_CASE_METHOD(CatalogFixture, "CreateGame with the same request_id makes one game") {
  CreateGameRequest request;
  request.set_request_id(NewUuid(clock.Now()));
  *request.mutable_game() = Draft("Chess");
  const auto first = service.CreateGame(member, request).value();
  clock.Advance(absl::Minutes(1));
  CHECK(service.CreateGame(member, request).value().DebugString() == first.DebugString());
  CHECK(database.Published<GameCreated>().size() == 1);

  *request.mutable_game() = Draft("Draughts");
  CHECK(service.CreateGame(member, request).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE_METHOD(CatalogFixture,
                 "CreateGame refuses an external_id that the organisation has used") {
  Create(Full(*this));
  CreateGameRequest request;
  *request.mutable_game() = Full(*this);
  const absl::Status status = service.CreateGame(member, request).status();
  CHECK(status.code() == absl::StatusCode::kAlreadyExists);
  CHECK(ReasonOf(status) == "EXTERNAL_ID_TAKEN");

  const std::string other = NewUuid(clock.Now());
  request.mutable_game()->set_organisation_id(other);
  CHECK(service.CreateGame(testing::UserCaller(member.user_id, {}, {other}), request).ok());
  Create(Draft("Chess"));
  Create(Draft("Chess"));
}

TEST_CASE_METHOD(CatalogFixture, "UpdateGame changes what the mask names and nothing else") {
  const Game before = Create(Full(*this));
  clock.Advance(absl::Minutes(1));
  Game patch;
  patch.set_game_id(before.game_id());
  patch.set_version("2.0");
  patch.set_license("MIT");
  const Game after = Update(patch, {"version", "homepage_url"}).value().game();
  CHECK(after.version() == "2.0");
  CHECK(after.homepage_url().empty());
  CHECK(after.license() == before.license());
  CHECK(after.texts_size() == 2);
  CHECK(after.etag() != before.etag());
  CHECK(FromTimestamp(after.update_time()) == clock.Now());
  CHECK(FromTimestamp(after.create_time()) == clock.Now() - absl::Minutes(1));
}

TEST_CASE_METHOD(CatalogFixture, "UpdateGame without a mask changes the fields that are set") {
  const Game before = Create(Full(*this));
  Game patch;
  patch.set_game_id(before.game_id());
  AddText(patch, "de", "Schach");
  patch.set_minimum_age(12);
  const Game after = Update(patch).value().game();
  REQUIRE(after.texts_size() == 1);
  CHECK(after.texts(0).title() == "Schach");
  CHECK(after.minimum_age() == 12);
  CHECK(after.version() == "1.0");
}

TEST_CASE_METHOD(CatalogFixture, "UpdateGame takes a whole game back as GetGame gave it") {
  Game game = Get(Publish(Full(*this)).game_id(), "EUR");
  game.set_version("2.0");
  const Game after = Update(game, {}, game.etag()).value().game();
  CHECK(after.version() == "2.0");
  CHECK(after.state() == GAME_STATE_PUBLISHED);
  REQUIRE(database.Published<GameUpdated>().size() == 1);
  CHECK(Changed(database.Published<GameUpdated>()[0]) == Strings{"version"});
}

TEST_CASE_METHOD(CatalogFixture, "UpdateGame refuses masks, texts and games that make no sense") {
  Game game = Create(Draft("Chess"));
  CHECK(Update(game, {"state"}).status().message() == "update_mask: state cannot be changed");
  CHECK(Update(game, {"colour"}).status().message() == "update_mask: colour is no field of Game");
  game.clear_texts();
  CHECK(Update(game, {"texts"}).status().message() == "game.texts: is required");
  CHECK(Update(Draft("Chess")).status().message() == "game.game_id: is required");
  game.set_game_id(NewUuid(clock.Now()));
  CHECK(Update(game).status().code() == absl::StatusCode::kNotFound);
  CHECK(Update(Game(), {"state", "texts", "colour"}).status().message() ==
        "game.game_id: is required; update_mask: state cannot be changed; update_mask: colour is "
        "no field of Game; game.texts: is required");
}

TEST_CASE_METHOD(CatalogFixture, "UpdateGame is for members of the organisation") {
  UpdateGameRequest request;
  *request.mutable_game() = Publish("Chess");
  request.mutable_game()->set_version("2.0");
  const absl::Status status = service.UpdateGame(stranger, request).status();
  CHECK(status.code() == absl::StatusCode::kPermissionDenied);
  CHECK(ReasonOf(status) == "NOT_A_MEMBER");
}

TEST_CASE_METHOD(CatalogFixture, "UpdateGame refuses a stale etag, unless the update came before") {
  const Game before = Create(Draft("Chess"));
  Game patch = before;
  patch.set_version("2.0");
  const Game after = Update(patch, {"version"}, before.etag()).value().game();
  CHECK(Update(patch, {"version"}, before.etag()).value().game().etag() == after.etag());

  patch.set_version("3.0");
  const absl::Status status = Update(patch, {"version"}, before.etag()).status();
  CHECK(status.code() == absl::StatusCode::kAborted);
  CHECK(ReasonOf(status) == "STALE_ETAG");
  CHECK(Get(before.game_id()).version() == "2.0");
  CHECK(Update(patch, {"version"}, after.etag()).ok());
}

TEST_CASE_METHOD(CatalogFixture, "UpdateGame of a published game tells what changed, once") {
  Game game = Publish(Full(*this));
  game.set_version("2.0");
  game.set_release_notes("Faster.");
  game.mutable_texts(0)->set_title("Chess II");
  clock.Advance(absl::Minutes(1));
  const Game after = Update(game, {"*"}).value().game();
  clock.Advance(absl::Minutes(1));
  CHECK(Update(game, {"*"}).value().game().DebugString() == after.DebugString());

  const auto events = database.Published<GameUpdated>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].game_id() == game.game_id());
  CHECK(events[0].organisation_id() == organisation_id);
  CHECK(events[0].title() == "Chess II");
  CHECK(events[0].version() == "2.0");
  CHECK(events[0].release_notes() == "Faster.");
  CHECK(Changed(events[0]) == Strings{"texts", "version", "release_notes"});
  CHECK(FromTimestamp(events[0].update_time()) == clock.Now() - absl::Minutes(1));
}

TEST_CASE_METHOD(CatalogFixture, "UpdateGame of a draft tells nobody") {
  Game draft = Create(Draft("Chess"));
  draft.set_version("2.0");
  REQUIRE(Update(draft).ok());
  CHECK(database.Published<GameUpdated>().empty());
}

TEST_CASE_METHOD(CatalogFixture,
                 "UpdateGame of an unpublished game tells its owners, but puts it in no search") {
  Game gone = Publish("Draughts");
  REQUIRE(service.UnpublishGame(member, UnpublishRequest(gone.game_id())).ok());
  gone.set_version("2.0");
  REQUIRE(Update(gone).ok());
  const auto events = database.Published<GameUpdated>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].version() == "2.0");
  CHECK(Changed(events[0]) == Strings{"version"});
  CHECK(Find("Draughts").empty());
}

TEST_CASE_METHOD(CatalogFixture,
                 "UpdateGame refuses an external_id that the organisation has used") {
  Create(Full(*this));
  Game other = Create(Draft("Draughts"));
  other.set_external_id("org.example.chess");
  const absl::Status status = Update(other).status();
  CHECK(status.code() == absl::StatusCode::kAlreadyExists);
  CHECK(ReasonOf(status) == "EXTERNAL_ID_TAKEN");
}

TEST_CASE_METHOD(CatalogFixture, "Updates of one game at the same time all take effect") {
  const Game game = Publish("Chess");
  const std::vector<std::string> fields = {"version",      "license",   "developer_name",
                                           "homepage_url", "languages", "release_notes",
                                           "minimum_age",  "tags"};
  const auto statuses = AtTheSameTime<absl::Status>(8, [&](int i) {
    Game patch = Full(*this);
    patch.set_game_id(game.game_id());
    return Update(patch, {fields[i]}).status();
  });
  CHECK(statuses == std::vector<absl::Status>(8));
  const Game after = Get(game.game_id());
  CHECK(after.version() == "1.0");
  CHECK(after.minimum_age() == 6);
  CHECK(after.tags_size() == 1);
  CHECK(database.Published<GameUpdated>().size() == fields.size());
  CHECK(std::stoi(after.etag()) == std::stoi(game.etag()) + static_cast<int>(fields.size()));
}

TEST_CASE_METHOD(CatalogFixture, "Of two updates with the same etag one is refused") {
  const Game game = Create(Draft("Chess"));
  Strings reasons = AtTheSameTime<std::string>(8, [&](int i) {
    Game patch = game;
    patch.set_version(std::to_string(i));
    const absl::Status status = Update(patch, {"version"}, game.etag()).status();
    return status.ok() ? "OK" : ReasonOf(status);
  });
  CHECK(std::count(reasons.begin(), reasons.end(), "OK") == 1);
  CHECK(std::count(reasons.begin(), reasons.end(), "STALE_ETAG") == 7);
}

TEST_CASE_METHOD(CatalogFixture, "PublishGame wants a price, and zero is one") {
  const Game game = Create(Draft("Chess"));
  const Edition edition = AddEdition(game.game_id(), "Standard");
  const absl::Status status = service.PublishGame(member, PublishRequest(game.game_id())).status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(status) == "GAME_HAS_NO_PRICE");

  REQUIRE(SetPrices(edition.edition_id(), {MakePrice("EUR", 0)}).ok());
  CHECK(service.PublishGame(member, PublishRequest(game.game_id())).ok());
}

TEST_CASE_METHOD(CatalogFixture, "PublishGame publishes once and tells of it") {
  Game game = Create(Full(*this));
  AddEdition(game.game_id(), "Standard", {MakePrice("EUR", 1000)});
  clock.Advance(absl::Minutes(1));
  const Game published = service.PublishGame(member, PublishRequest(game.game_id())).value().game();
  CHECK(published.state() == GAME_STATE_PUBLISHED);
  CHECK(FromTimestamp(published.publish_time()) == clock.Now());
  CHECK(published.editions_size() == 1);

  clock.Advance(absl::Minutes(1));
  const auto again = service.PublishGame(member, PublishRequest(game.game_id(), game.etag()));
  CHECK(again.value().game().DebugString() == published.DebugString());

  const auto events = database.Published<GamePublished>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].game_id() == game.game_id());
  CHECK(events[0].organisation_id() == organisation_id);
  CHECK(events[0].title() == "Chess");
  CHECK(events[0].version() == "1.0");
  CHECK(FromTimestamp(events[0].publish_time()) == FromTimestamp(published.publish_time()));
}

TEST_CASE_METHOD(CatalogFixture, "PublishGame refuses a stale etag, strangers and unknown games") {
  const Game game = Create(Draft("Chess"));
  AddEdition(game.game_id(), "Standard", {MakePrice("EUR", 1000)});
  const absl::Status stale =
      service.PublishGame(member, PublishRequest(game.game_id(), game.etag())).status();
  CHECK(stale.code() == absl::StatusCode::kAborted);
  CHECK(ReasonOf(stale) == "STALE_ETAG");
  const absl::Status denied =
      service.PublishGame(stranger, PublishRequest(game.game_id())).status();
  CHECK(denied.code() == absl::StatusCode::kPermissionDenied);
  CHECK(ReasonOf(denied) == "NOT_A_MEMBER");
  CHECK(service.PublishGame(member, PublishRequest(NewUuid(clock.Now()))).status().code() ==
        absl::StatusCode::kNotFound);
  CHECK(
      service.PublishGame(member, PublishRequest(game.game_id(), Get(game.game_id()).etag())).ok());
}

TEST_CASE_METHOD(CatalogFixture, "UnpublishGame hides a game from search and tells of it once") {
  const Game game = Publish("Chess");
  REQUIRE(Find("Chess").size() == 1);
  for (int i = 0; i < 2; ++i) {
    const auto response = service.UnpublishGame(member, UnpublishRequest(game.game_id()));
    CHECK(response.value().game().state() == GAME_STATE_UNPUBLISHED);
  }
  CHECK(Find("Chess").empty());
  const auto events = database.Published<GameUnpublished>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].game_id() == game.game_id());
}

TEST_CASE_METHOD(CatalogFixture,
                 "UnpublishGame leaves drafts alone and refuses strangers and unknown games") {
  const Game draft = Create(Draft("Chess"));
  CHECK(service.UnpublishGame(member, UnpublishRequest(draft.game_id())).value().game().state() ==
        GAME_STATE_DRAFT);
  CHECK(database.Published<GameUnpublished>().empty());
  CHECK(ReasonOf(service.UnpublishGame(stranger, UnpublishRequest(draft.game_id())).status()) ==
        "NOT_A_MEMBER");
  CHECK(service.UnpublishGame(member, UnpublishRequest(NewUuid(clock.Now()))).status().code() ==
        absl::StatusCode::kNotFound);
}

TEST_CASE_METHOD(CatalogFixture,
                 "A game that is published again keeps the time of the first time") {
  const Game first = Publish("Chess");
  REQUIRE(service.UnpublishGame(member, UnpublishRequest(first.game_id())).ok());
  clock.Advance(absl::Hours(1));
  const Game second = service.PublishGame(member, PublishRequest(first.game_id())).value().game();
  CHECK(FromTimestamp(second.publish_time()) == FromTimestamp(first.publish_time()));
  CHECK(Find("Chess") == Strings{"Chess"});
  const auto events = database.Published<GamePublished>();
  REQUIRE(events.size() == 2);
  CHECK(FromTimestamp(events[1].publish_time()) == clock.Now());
}

TEST_CASE_METHOD(CatalogFixture, "GetGame shows drafts to members only") {
  const Game draft = Create(Draft("Chess"));
  CHECK(GetAs(member, draft.game_id()).ok());
  CHECK(GetAs(stranger, draft.game_id()).status().code() == absl::StatusCode::kNotFound);
  CHECK(GetAs(anonymous, draft.game_id()).status().code() == absl::StatusCode::kNotFound);
  CHECK(GetAs(anonymous, draft.game_id()).status() ==
        GetAs(anonymous, NewUuid(clock.Now())).status());
}

TEST_CASE_METHOD(CatalogFixture,
                 "GetGame prices editions for the country and currency of the buyer") {
  const Game game = Publish("Chess", {MakePrice("EUR", 2000), MakePrice("EUR", 900, "PL"),
                                      MakePrice("PLN", 3900, "PL"), MakePrice("USD", 2200)});
  struct Case {
    const char* currency;
    const char* country;
    int64_t units;  // -1: not sold
  };
  for (const Case& c : std::vector<Case>{{"EUR", "DE", 2000},
                                         {"EUR", "PL", 900},
                                         {"EUR", "", 2000},
                                         {"PLN", "PL", 3900},
                                         {"PLN", "DE", -1},
                                         {"PLN", "", -1},
                                         {"USD", "PL", 2200},
                                         {"JPY", "JP", -1},
                                         {"", "PL", -1}}) {
    CAPTURE(c.currency, c.country);
    const Edition edition =
        GetAs(anonymous, game.game_id(), c.currency, c.country).value().game().editions(0);
    REQUIRE(edition.has_price() == (c.units >= 0));
    if (c.units < 0) continue;
    CHECK(edition.price().units_minor() == c.units);
    CHECK(edition.price().currency_code() == c.currency);
  }
}

TEST_CASE_METHOD(CatalogFixture,
                 "GetGame shows all prices to members only, and editions in their order") {
  const Game game = Publish(
      "Chess", {MakePrice("USD", 2200), MakePrice("EUR", 900, "PL"), MakePrice("EUR", 2000)});
  AddEdition(game.game_id(), "Deluxe", {MakePrice("EUR", 3000)});
  AddEdition(game.game_id(), "Art book");
  const Game seen = Get(game.game_id());
  REQUIRE(seen.editions_size() == 3);
  CHECK(seen.editions(0).name() == "Standard");
  CHECK(seen.editions(1).name() == "Deluxe");
  CHECK(seen.editions(2).name() == "Art book");
  CHECK(SamePrices(
      seen.editions(0).prices(),
      MakePrices({MakePrice("EUR", 2000), MakePrice("EUR", 900, "PL"), MakePrice("USD", 2200)})));
  CHECK(seen.editions(2).prices().empty());
  for (const Caller& caller : {stranger, anonymous}) {
    const GetGameResponse response = GetAs(caller, game.game_id(), "EUR").value();
    for (const Edition& edition : response.game().editions()) CHECK(edition.prices().empty());
  }
}

TEST_CASE_METHOD(CatalogFixture,
                 "GetGame shows an unpublished game without a price to buy it for") {
  const Game game = Publish("Chess");
  REQUIRE(service.UnpublishGame(member, UnpublishRequest(game.game_id())).ok());
  const Game seen = GetAs(anonymous, game.game_id(), "EUR").value().game();
  CHECK(seen.state() == GAME_STATE_UNPUBLISHED);
  CHECK_FALSE(seen.editions(0).has_price());
}

TEST_CASE_METHOD(CatalogFixture,
                 "ListGames shows an organisation its games, latest first, in pages") {
  Strings expected;
  for (int i = 0; i < 5; ++i) {
    clock.Advance(absl::Milliseconds(5));
    expected.insert(expected.begin(), Create(Draft("Game " + std::to_string(i))).game_id());
  }
  ListGamesRequest request;
  request.set_organisation_id(organisation_id);
  request.set_page_size(2);
  Strings seen;
  do {
    const auto response = service.ListGames(member, request).value();
    for (const Game& game : response.games()) seen.push_back(game.game_id());
    request.set_page_token(response.next_page_token());
    // A new game comes first, so it does not shift the pages that follow.
    Create(Draft("New"));
  } while (!request.page_token().empty());
  CHECK(seen == expected);
}

TEST_CASE_METHOD(CatalogFixture, "ListGames cuts pages that clients could not receive") {
  for (int i = 0; i < 8; ++i) {
    Game game = Draft("Game");
    game.clear_texts();
    for (int language = 0; language < 40; ++language) {
      AddText(game, "l" + std::string(1, 'a' + language % 26) + "-" + std::to_string(language),
              "Game", "", std::string(20'000, 'x'));
    }
    Create(game);
  }
  ListGamesRequest request;
  request.set_organisation_id(organisation_id);
  int seen = 0;
  do {
    const auto response = service.ListGames(member, request).value();
    CHECK(response.ByteSizeLong() < 4 * 1024 * 1024);
    REQUIRE(response.games_size() > 0);
    seen += response.games_size();
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  CHECK(seen == 8);
}

TEST_CASE_METHOD(CatalogFixture, "ListGames is for members of the organisation") {
  ListGamesRequest request;
  request.set_organisation_id(organisation_id);
  for (const Caller& caller : {stranger, anonymous}) {
    const absl::Status status = service.ListGames(caller, request).status();
    CHECK(status.code() == absl::StatusCode::kPermissionDenied);
    CHECK(ReasonOf(status) == "NOT_A_MEMBER");
  }
}

}  // namespace playmesh::catalog
