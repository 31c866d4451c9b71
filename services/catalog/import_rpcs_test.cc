#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {
namespace {

struct ImportFixture : CatalogFixture {
  ImportGameRequest Entry(const std::string& external_id = "org.example.chess") const {
    ImportGameRequest request;
    *request.mutable_game() = Draft("Chess");
    request.mutable_game()->set_external_id(external_id);
    request.mutable_game()->add_tags("board-game");
    request.mutable_game()->set_version("1.0");
    *request.mutable_prices() = MakePrices({MakePrice("EUR", 0), MakePrice("USD", 0)});
    return request;
  }

  ImportGameResponse Import(const ImportGameRequest& request) {
    return service.ImportGame(member, request).value();
  }

  int64_t Events() { return database.Query<int64_t>("select count(*) from outbox")[0]; }
};

}  // namespace

TEST_CASE_METHOD(ImportFixture, "ImportGame makes a published game with one edition") {
  const ImportGameResponse response = Import(Entry());
  CHECK(response.created());
  CHECK(response.changed());
  const Game game = Get(response.game_id(), "EUR");
  CHECK(game.state() == GAME_STATE_PUBLISHED);
  CHECK(game.external_id() == "org.example.chess");
  REQUIRE(game.editions_size() == 1);
  CHECK(game.editions(0).name() == "Standard");
  CHECK(game.editions(0).price().units_minor() == 0);
  CHECK(Find("chess") == std::vector<std::string>{"Chess"});
  CHECK(database.Published<GameCreated>().size() == 1);
  CHECK(database.Published<PriceChanged>().size() == 1);
  CHECK(database.Published<GamePublished>().size() == 1);
  CHECK(database.Published<GameUpdated>().empty());
}

TEST_CASE_METHOD(ImportFixture, "ImportGame of the same entry changes nothing and tells nobody") {
  const ImportGameResponse first = Import(Entry());
  const Game before = Get(first.game_id());
  const int64_t events = Events();
  clock.Advance(absl::Hours(1));
  const ImportGameResponse second = Import(Entry());
  CHECK(second.game_id() == first.game_id());
  CHECK_FALSE(second.created());
  CHECK_FALSE(second.changed());
  CHECK(Get(first.game_id()).DebugString() == before.DebugString());
  CHECK(Events() == events);
}

TEST_CASE_METHOD(ImportFixture,
                 "ImportGame of a changed entry updates the game and says what changed") {
  const std::string game_id = Import(Entry()).game_id();
  ImportGameRequest entry = Entry();
  entry.mutable_game()->set_version("1.1");
  entry.mutable_game()->clear_tags();
  const ImportGameResponse response = Import(entry);
  CHECK(response.game_id() == game_id);
  CHECK_FALSE(response.created());
  CHECK(response.changed());
  CHECK(Get(game_id).version() == "1.1");
  CHECK(Get(game_id).tags().empty());
  const auto events = database.Published<GameUpdated>();
  REQUIRE(events.size() == 1);
  CHECK(std::vector<std::string>(events[0].changed_fields().begin(),
                                 events[0].changed_fields().end()) ==
        std::vector<std::string>{"tags", "version"});
  CHECK(database.Published<PriceChanged>().size() == 1);
}

TEST_CASE_METHOD(ImportFixture, "ImportGame replaces prices when they differ") {
  const std::string game_id = Import(Entry()).game_id();
  ImportGameRequest entry = Entry();
  *entry.mutable_prices() = MakePrices({MakePrice("USD", 0), MakePrice("EUR", 0)});
  CHECK_FALSE(Import(entry).changed());
  *entry.mutable_prices() = MakePrices({MakePrice("EUR", 500)});
  CHECK(Import(entry).changed());
  CHECK(SamePrices(Get(game_id).editions(0).prices(), entry.prices()));
  CHECK(database.Published<PriceChanged>().size() == 2);
  CHECK(database.Published<GameUpdated>().empty());
}

TEST_CASE_METHOD(ImportFixture,
                 "ImportGame without prices publishes a game that cannot be bought") {
  ImportGameRequest entry = Entry();
  entry.clear_prices();
  const Game game = Get(Import(entry).game_id(), "EUR");
  CHECK(game.state() == GAME_STATE_PUBLISHED);
  REQUIRE(game.editions_size() == 1);
  CHECK_FALSE(game.editions(0).has_price());
  CHECK(Find("chess") == std::vector<std::string>{"Chess"});
  CHECK_FALSE(Import(entry).changed());
}

TEST_CASE_METHOD(ImportFixture,
                 "ImportGame updates a game that was taken off sale and leaves it there") {
  const std::string game_id = Import(Entry()).game_id();
  UnpublishGameRequest request;
  request.set_game_id(game_id);
  REQUIRE(service.UnpublishGame(member, request).ok());
  CHECK_FALSE(Import(Entry()).changed());
  ImportGameRequest entry = Entry();
  entry.mutable_game()->set_version("1.1");
  *entry.mutable_prices() = MakePrices({MakePrice("EUR", 500)});
  const ImportGameResponse response = Import(entry);
  CHECK_FALSE(response.created());
  CHECK(response.changed());
  const Game game = Get(game_id);
  CHECK(game.state() == GAME_STATE_UNPUBLISHED);
  CHECK(game.version() == "1.1");
  CHECK(SamePrices(game.editions(0).prices(), entry.prices()));
  CHECK(Find("chess").empty());
  CHECK(database.Published<GamePublished>().size() == 1);
  CHECK(database.Published<GameUpdated>().size() == 1);
}

TEST_CASE_METHOD(ImportFixture,
                 "ImportGame publishes a draft with that external_id and adds its edition") {
  Game draft = Draft("Chess by hand");
  draft.set_external_id("org.example.chess");
  draft = Create(draft);
  AddEdition(draft.game_id(), "Deluxe", {MakePrice("EUR", 1000)});
  const ImportGameResponse response = Import(Entry());
  CHECK(response.game_id() == draft.game_id());
  CHECK_FALSE(response.created());
  CHECK(response.changed());
  const Game game = Get(draft.game_id());
  CHECK(game.texts(0).title() == "Chess");
  CHECK(game.editions_size() == 2);
}

TEST_CASE_METHOD(ImportFixture, "ImportGame keeps entries of different organisations apart") {
  const std::string game_id = Import(Entry()).game_id();
  ImportGameRequest entry = Entry();
  const std::string other = NewUuid(clock.Now());
  entry.mutable_game()->set_organisation_id(other);
  const auto response =
      service.ImportGame(testing::UserCaller(member.user_id, {}, {other}), entry).value();
  CHECK(response.created());
  CHECK(response.game_id() != game_id);
}

TEST_CASE_METHOD(ImportFixture, "ImportGame refuses entries without what it needs, and strangers") {
  const auto message = [&](const std::function<void(ImportGameRequest&)>& spoil) {
    ImportGameRequest entry = Entry();
    spoil(entry);
    return std::string(service.ImportGame(member, entry).status().message());
  };
  CHECK(message([](auto& e) { e.mutable_game()->clear_organisation_id(); }) ==
        "game.organisation_id: is required");
  CHECK(message([](auto& e) { e.mutable_game()->clear_external_id(); }) ==
        "game.external_id: is required");
  CHECK(message([](auto& e) { e.mutable_game()->clear_texts(); }) == "game.texts: is required");
  CHECK(message([](auto& e) { *e.add_prices() = MakePrice("EUR", 1); }) ==
        "prices[2]: is a second price in EUR for all countries");
  CHECK(message([](auto& e) {
          e.clear_game();
          e.mutable_prices(0)->mutable_amount()->set_units_minor(kMaxPriceUnitsMinor + 1);
        }) ==
        "game.organisation_id: is required; game.external_id: is required; game.texts: is "
        "required; prices[0].amount.units_minor: is more than 1000000000000");
  const absl::Status status = service.ImportGame(stranger, Entry()).status();
  CHECK(status.code() == absl::StatusCode::kPermissionDenied);
  CHECK(ReasonOf(status) == "NOT_A_MEMBER");
  CHECK(Events() == 0);
}

TEST_CASE_METHOD(ImportFixture, "Imports of one entry at the same time end with one game") {
  for (int threads : {2, 8, 64}) {
    const ImportGameRequest entry = Entry("entry-" + std::to_string(threads));
    const auto responses = AtTheSameTime<absl::StatusOr<ImportGameResponse>>(
        threads, [&](int) { return service.ImportGame(member, entry); });
    int created = 0;
    int changed = 0;
    for (const auto& response : responses) {
      REQUIRE(response.ok());
      created += response->created();
      changed += response->changed();
      CHECK(response->game_id() == responses[0]->game_id());
    }
    CHECK(created == 1);
    CHECK(changed == 1);
    CHECK(Get(responses[0]->game_id()).editions_size() == 1);
  }
  CHECK(database.Published<GameCreated>().size() == 3);
  CHECK(database.Published<GamePublished>().size() == 3);
  CHECK(database.Published<PriceChanged>().size() == 3);
  CHECK(database.Published<GameUpdated>().empty());
}

TEST_CASE_METHOD(ImportFixture, "Imports of many entries at the same time all succeed") {
  const auto imported = AtTheSameTime<int>(8, [&](int i) {
    int succeeded = 0;
    for (int j = 0; j < 10; ++j) {
      succeeded += service.ImportGame(member, Entry(std::to_string(i * 10 + j))).ok();
    }
    return succeeded;
  });
  CHECK(imported == std::vector<int>(8, 10));
  CHECK(database.Published<GameCreated>().size() == 80);
  SearchGamesRequest request;
  request.set_query("chess");
  request.set_page_size(100);
  CHECK(Search(request).games_size() == 80);
}

}  // namespace playmesh::catalog
