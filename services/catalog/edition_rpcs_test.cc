#include <map>

#include "common/rpc/validate.h"
#include "services/catalog/catalog_fixture.h"

namespace playmesh::catalog {
namespace {

CreateEditionRequest EditionRequest(const std::string& game_id, const std::string& name) {
  CreateEditionRequest request;
  request.set_game_id(game_id);
  request.set_name(name);
  return request;
}

std::map<std::string, int64_t> Offers(CatalogFixture& f,
                                      const std::vector<std::string>& edition_ids,
                                      const std::string& currency, const std::string& country) {
  BatchGetOffersRequest request;
  for (const std::string& id : edition_ids) request.add_edition_ids(id);
  request.set_currency_code(currency);
  request.set_country_code(country);
  std::map<std::string, int64_t> offers;
  const auto response =
      f.service.BatchGetOffers(testing::ServiceCaller("purchase"), request).value();
  for (const Offer& offer : response.offers()) {
    CHECK(offer.price().currency_code() == currency);
    offers[offer.edition_id()] = offer.price().units_minor();
  }
  return offers;
}

}  // namespace

TEST_CASE_METHOD(CatalogFixture, "CreateEdition adds an edition with its first prices") {
  const Game game = Create(Draft("Chess"));
  CreateEditionRequest request = EditionRequest(game.game_id(), "Deluxe");
  *request.mutable_prices() = MakePrices({MakePrice("USD", 700), MakePrice("EUR", 600)});
  const Edition edition = service.CreateEdition(member, request).value().edition();
  const Game after = Get(game.game_id());
  REQUIRE(after.editions_size() == 1);
  CHECK(after.editions(0).DebugString() == edition.DebugString());
  CHECK(edition.name() == "Deluxe");
  CHECK(SamePrices(edition.prices(), MakePrices({MakePrice("EUR", 600), MakePrice("USD", 700)})));
  CHECK(after.etag() != game.etag());

  const auto events = database.Published<PriceChanged>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].game_id() == game.game_id());
  CHECK(events[0].edition_id() == edition.edition_id());
  CHECK(SamePrices(events[0].prices(), edition.prices()));
}

TEST_CASE_METHOD(CatalogFixture, "CreateEdition without prices changes the game but no price") {
  const Game game = Create(Draft("Chess"));
  AddEdition(game.game_id(), "Standard");
  CHECK(Get(game.game_id()).etag() != game.etag());
  CHECK(database.Published<PriceChanged>().empty());
}

TEST_CASE_METHOD(CatalogFixture, "CreateEdition with the same request_id makes one edition") {
  const Game game = Create(Draft("Chess"));
  CreateEditionRequest request = EditionRequest(game.game_id(), "Standard");
  request.set_request_id(NewUuid(clock.Now()));
  const auto first = service.CreateEdition(member, request).value();
  CHECK(service.CreateEdition(member, request).value().DebugString() == first.DebugString());
  CHECK(Get(game.game_id()).editions_size() == 1);
}

TEST_CASE_METHOD(
    CatalogFixture,
    "CreateEdition refuses a name that the game has, strangers, unknown games and bad prices") {
  const Game game = Create(Draft("Chess"));
  AddEdition(game.game_id(), "Standard");
  CreateEditionRequest request = EditionRequest(game.game_id(), "Standard");
  const absl::Status taken = service.CreateEdition(member, request).status();
  CHECK(taken.code() == absl::StatusCode::kAlreadyExists);
  CHECK(ReasonOf(taken) == "EDITION_NAME_TAKEN");
  CHECK(ReasonOf(service.CreateEdition(stranger, request).status()) == "NOT_A_MEMBER");
  *request.mutable_prices() = MakePrices({MakePrice("EUR", -5)});
  CHECK(service.CreateEdition(member, request).status().message() ==
        "prices[0].amount.units_minor: is less than 0");
  request = EditionRequest(NewUuid(clock.Now()), "Standard");
  CHECK(service.CreateEdition(member, request).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE_METHOD(CatalogFixture, "CreateEdition stops at 20 editions") {
  const Game game = Create(Draft("Chess"));
  for (int i = 0; i < 20; ++i) AddEdition(game.game_id(), "Edition " + std::to_string(i));
  const absl::Status status =
      service.CreateEdition(member, EditionRequest(game.game_id(), "One more")).status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(status) == "TOO_MANY_EDITIONS");
}

TEST_CASE_METHOD(CatalogFixture,
                 "SetPrices replaces all prices, and the same prices change nothing") {
  const Game game = Publish("Chess", {MakePrice("EUR", 1000), MakePrice("USD", 1100)});
  const std::string edition_id = game.editions(0).edition_id();
  const auto response =
      SetPrices(edition_id, {MakePrice("PLN", 3000, "PL"), MakePrice("EUR", 800)}).value();
  const Game after = Get(game.game_id());
  CHECK(response.edition().DebugString() == after.editions(0).DebugString());
  CHECK(SamePrices(after.editions(0).prices(),
                   MakePrices({MakePrice("EUR", 800), MakePrice("PLN", 3000, "PL")})));
  CHECK(after.etag() != game.etag());

  CHECK(SetPrices(edition_id, {MakePrice("EUR", 800), MakePrice("PLN", 3000, "PL")}).ok());
  CHECK(Get(game.game_id()).etag() == after.etag());
  const auto events = database.Published<PriceChanged>();
  REQUIRE(events.size() == 2);
  CHECK(SamePrices(events[1].prices(), after.editions(0).prices()));
}

TEST_CASE_METHOD(CatalogFixture, "SetPrices without prices takes an edition off sale") {
  const Game game = Publish("Chess");
  REQUIRE(SetPrices(game.editions(0).edition_id(), {}).ok());
  CHECK_FALSE(Get(game.game_id(), "EUR").editions(0).has_price());
  CHECK(Find("Chess") == std::vector<std::string>{"Chess"});
  CHECK(Offers(*this, {game.editions(0).edition_id()}, "EUR", "").empty());
}

TEST_CASE_METHOD(
    CatalogFixture,
    "SetPrices refuses two prices for one country, negative ones, strangers and unknown editions") {
  const Game game = Publish("Chess");
  const std::string edition_id = game.editions(0).edition_id();
  CHECK(SetPrices(edition_id, {MakePrice("EUR", 1), MakePrice("EUR", 1)}).status().code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(SetPrices(edition_id, {MakePrice("EUR", -1)}).status().code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(SetPrices(NewUuid(clock.Now()), {}).status().code() == absl::StatusCode::kNotFound);
  SetPricesRequest request;
  request.set_edition_id(edition_id);
  CHECK(ReasonOf(service.SetPrices(stranger, request).status()) == "NOT_A_MEMBER");
  CHECK(database.Published<PriceChanged>().size() == 1);
}

TEST_CASE_METHOD(CatalogFixture,
                 "Requests with a negative price are refused with all that is wrong") {
  SetPricesRequest request;
  *request.mutable_prices() = MakePrices({MakePrice("EUR", -1), MakePrice("ZZZ", 5)});
  CHECK(rpc::Validate(request).message() ==
        "edition_id: is required; prices[0].amount.units_minor: is less than 0; "
        "prices[1].amount.currency_code: is not a currency that is traded here");
}

TEST_CASE_METHOD(CatalogFixture, "The table of prices refuses what CheckPrices does") {
  const Game game = Publish("Chess", {MakePrice("EUR", kMaxPriceUnitsMinor)});
  CHECK(Get(game.game_id(), "EUR").editions(0).price().units_minor() == kMaxPriceUnitsMinor);
  for (const int64_t units : {int64_t{-1}, kMaxPriceUnitsMinor + 1}) {
    CHECK(absl::IsFailedPrecondition(
        database.Execute("update edition_prices set units_minor = :units", units).status()));
  }
}

TEST_CASE_METHOD(CatalogFixture,
                 "BatchGetOffers prices what can be bought and leaves out the rest") {
  const Game chess = Publish("Chess", {MakePrice("EUR", 2000), MakePrice("EUR", 900, "PL")});
  const Edition dollars = AddEdition(chess.game_id(), "For dollars", {MakePrice("USD", 100)});
  const Game draft = Create(Draft("Draughts"));
  const Edition unpublished = AddEdition(draft.game_id(), "Standard", {MakePrice("EUR", 100)});
  const std::string standard = chess.editions(0).edition_id();
  const std::vector<std::string> ids = {standard, dollars.edition_id(), unpublished.edition_id(),
                                        NewUuid(clock.Now()), standard};

  CHECK(Offers(*this, ids, "EUR", "DE") == std::map<std::string, int64_t>{{standard, 2000}});
  CHECK(Offers(*this, ids, "EUR", "PL") == std::map<std::string, int64_t>{{standard, 900}});
  CHECK(Offers(*this, ids, "USD", "") ==
        std::map<std::string, int64_t>{{dollars.edition_id(), 100}});
  CHECK(Offers(*this, ids, "JPY", "JP").empty());
}

TEST_CASE_METHOD(CatalogFixture, "BatchGetOffers says what is bought and from whom") {
  Game game = Draft("Chess");
  AddText(game, "de", "Schach");
  game = Publish(game);
  BatchGetOffersRequest request;
  request.add_edition_ids(game.editions(0).edition_id());
  request.set_currency_code("EUR");
  const auto response = service.BatchGetOffers(testing::ServiceCaller("purchase"), request).value();
  REQUIRE(response.offers_size() == 1);
  CHECK(response.offers(0).game_id() == game.game_id());
  CHECK(response.offers(0).organisation_id() == organisation_id);
  CHECK(response.offers(0).game_title() == "Chess");
  CHECK(response.offers(0).edition_name() == "Standard");
}

}  // namespace playmesh::catalog
