#include "services/purchase/purchase_testing.h"

namespace playmesh::purchase {
namespace {

std::vector<std::string> Editions(const Cart& cart) {
  std::vector<std::string> ids;
  for (const CartItem& item : cart.items()) ids.push_back(item.edition_id());
  return ids;
}

TEST_CASE_METHOD(Shop, "a cart is empty before anything was put into it") {
  const Cart cart = CartOf(buyer);
  CHECK(cart.items().empty());
  CHECK_FALSE(cart.has_total());
}

TEST_CASE_METHOD(Shop, "AddCartItem keeps the order, the price and the total") {
  const auto first = catalog.Sell(1999);
  const auto second = catalog.Sell(999);
  Value(Add(buyer, first));
  const Cart cart = Value(Add(buyer, second)).cart();
  CHECK(Editions(cart) == std::vector{first.edition_id(), second.edition_id()});
  CHECK(cart.items(0).game_id() == first.game_id());
  CHECK(cart.items(0).game_title() == first.game_title());
  CHECK(cart.items(0).edition_name() == "Standard");
  CHECK(cart.items(0).price().currency_code() == "EUR");
  CHECK(cart.total().units_minor() == 2998);
  CHECK(cart.country_code() == "DE");
  CHECK(CartOf(buyer).SerializeAsString() == cart.SerializeAsString());
  CHECK(CartOf(testing::UserCaller(Id())).items().empty());
}

TEST_CASE_METHOD(Shop, "AddCartItem of what is there changes nothing but its price") {
  const auto first = catalog.Sell(1999);
  const auto second = catalog.Sell(999);
  Value(Add(buyer, first));
  Value(Add(buyer, second));
  catalog.SetPrice(first, 1500);
  const Cart cart = Value(Add(buyer, first)).cart();
  CHECK(Editions(cart) == std::vector{first.edition_id(), second.edition_id()});
  CHECK(cart.items(0).price().units_minor() == 1500);
}

TEST_CASE_METHOD(Shop, "another edition takes the place of one of the same game") {
  const auto standard = catalog.Sell(1999);
  auto deluxe = standard;
  deluxe.set_edition_id(Id());
  deluxe.set_edition_name("Deluxe");
  deluxe.mutable_price()->set_units_minor(2999);
  catalog.Put(deluxe);
  Value(Add(buyer, standard));
  const Cart cart = Value(Add(buyer, deluxe)).cart();
  CHECK(Editions(cart) == std::vector{deluxe.edition_id()});
  CHECK(cart.total().units_minor() == 2999);
}

TEST_CASE_METHOD(Shop, "AddCartItem refuses what is not on sale in the currency") {
  const auto offer = catalog.Sell(1999, "USD");
  CHECK(absl::IsNotFound(Add(buyer, offer, "EUR").status()));
  catalog.Withdraw(offer);
  CHECK(absl::IsNotFound(Add(buyer, offer, "USD").status()));
}

TEST_CASE_METHOD(Shop, "AddCartItem refuses a second currency until the cart is empty") {
  const auto euros = catalog.Sell(1999);
  const auto dollars = catalog.Sell(1999, "USD");
  Value(Add(buyer, euros));
  CHECK(ReasonOf(Add(buyer, dollars, "USD").status()) == "CURRENCY_MISMATCH");
  Value(Remove(buyer, euros));
  CHECK(Value(Add(buyer, dollars, "USD")).cart().total().currency_code() == "USD");
}

TEST_CASE_METHOD(Shop, "AddCartItem refuses what is owned, bought or being paid for") {
  const auto owned = catalog.Sell(1999);
  library.Grant(buyer.user_id, owned.game_id());
  CHECK(ReasonOf(Add(buyer, owned).status()) == "ALREADY_OWNED");

  // The library has not heard of these.
  const auto bought = catalog.Sell(1999);
  Value(Checkout(buyer, OrderOf(buyer, {bought})));
  CHECK(ReasonOf(Add(buyer, bought).status()) == "ALREADY_OWNED");
  const auto paying = catalog.Sell(1999);
  Value(Checkout(buyer, OrderOf(buyer, {paying}), "pm_slow"));
  CHECK(ReasonOf(Add(buyer, paying).status()) == "ALREADY_OWNED");
  CHECK(Add(testing::UserCaller(Id()), bought).ok());
}

TEST_CASE_METHOD(Shop, "a cart holds 50 items and no more, also when 64 come at the same time") {
  std::vector<catalog::Offer> offers;
  for (int i = 0; i < 64; ++i) offers.push_back(catalog.Sell(100));
  Tally outcomes;
  InParallel(64, [&](int i) {
    auto added = Add(buyer, offers[i]);
    outcomes.Add(added.ok() ? "added" : ReasonOf(added.status()));
  });
  CHECK(outcomes["added"] == 50);
  CHECK(outcomes["CART_FULL"] == 14);
  const Cart cart = CartOf(buyer);
  CHECK(cart.items_size() == 50);
  CHECK(cart.total().units_minor() == 5000);
  catalog::Offer known;
  for (const auto& offer : offers) {
    if (offer.edition_id() == cart.items(0).edition_id()) known = offer;
  }
  CHECK(Add(buyer, known).ok());
}

TEST_CASE_METHOD(Shop, "a cart of two currencies cannot come about at the same time either") {
  const auto euros = catalog.Sell(1999);
  const auto dollars = catalog.Sell(1999, "USD");
  Tally outcomes;
  InParallel(8, [&](int i) {
    auto added = i % 2 == 0 ? Add(buyer, euros) : Add(buyer, dollars, "USD");
    outcomes.Add(added.ok() ? "added" : ReasonOf(added.status()));
  });
  CHECK(outcomes["added"] == 4);
  CHECK(outcomes["CURRENCY_MISMATCH"] == 4);
  CHECK(CartOf(buyer).items_size() == 1);
}

TEST_CASE_METHOD(Shop, "RemoveCartItem of what is not there changes nothing") {
  RemoveCartItemRequest request;
  request.set_edition_id(Id());
  CHECK(Value(service.RemoveCartItem(buyer, request)).cart().items().empty());
  const auto offer = catalog.Sell(1999);
  Value(Add(buyer, offer));
  CHECK(Value(service.RemoveCartItem(buyer, request)).cart().items_size() == 1);
  request.set_edition_id(offer.edition_id());
  CHECK(Value(service.RemoveCartItem(testing::UserCaller(Id()), request)).cart().items().empty());
  CHECK(Value(service.RemoveCartItem(buyer, request)).cart().items().empty());
  CHECK(Value(service.RemoveCartItem(buyer, request)).cart().items().empty());
}

TEST_CASE_METHOD(Shop,
                 "AddCartItem refuses a price above 10^12, so that 50 of them can be summed") {
  constexpr int64_t kMax = 1'000'000'000'000;
  CHECK(Add(buyer, catalog.Sell(kMax)).ok());
  CHECK(absl::IsFailedPrecondition(Add(buyer, catalog.Sell(kMax + 1)).status()));
  CHECK(CartOf(buyer).items_size() == 1);
}

TEST_CASE_METHOD(Shop, "a cart whose total does not fit is shown without, and can be emptied") {
  std::vector<catalog::Offer> offers;
  for (int i = 0; i < 4; ++i) Value(Add(buyer, offers.emplace_back(catalog.Sell(1999))));
  for (const auto& offer : offers) catalog.SetPrice(offer, std::numeric_limits<int64_t>::max());
  CHECK(CartOf(buyer).items_size() == 4);
  CHECK_FALSE(CartOf(buyer).has_total());

  // As if the database had let such prices in.
  REQUIRE(
      database.Execute("alter table cart_items drop constraint cart_items_units_minor_check").ok());
  REQUIRE(database.Execute("update cart_items set units_minor = 9223372036854775807").ok());
  CHECK_FALSE(Value(Remove(buyer, offers[0])).cart().has_total());
  Value(Remove(buyer, offers[1]));
  CHECK(Value(Remove(buyer, offers[2])).cart().has_total());
  CHECK(Value(Remove(buyer, offers[3])).cart().items().empty());
}

TEST_CASE_METHOD(Shop, "GetCart shows today's prices and accepts none of them") {
  const auto offer = catalog.Sell(1999);
  Value(Add(buyer, offer));
  catalog.SetPrice(offer, 2499);
  CHECK(CartOf(buyer).items(0).price().units_minor() == 2499);
  CHECK(CartOf(buyer).total().units_minor() == 2499);
  CHECK(ReasonOf(CreateOrder(buyer).status()) == "PRICE_CHANGED");
}

TEST_CASE_METHOD(Shop, "GetCart shows what is no longer on sale with its last price") {
  const auto offer = catalog.Sell(1999);
  Value(Add(buyer, offer));
  catalog.Withdraw(offer);
  CHECK(CartOf(buyer).items(0).price().units_minor() == 1999);
}

TEST_CASE_METHOD(Shop, "a cart cannot be filled while catalog or library do not answer") {
  const auto offer = catalog.Sell(1999);
  catalog.down = true;
  CHECK(absl::IsUnavailable(Add(buyer, offer).status()));
  catalog.down = false;
  library.down = true;
  CHECK(absl::IsUnavailable(Add(buyer, offer).status()));
  CHECK(CartOf(buyer).items().empty());
}

}  // namespace
}  // namespace playmesh::purchase
