// The code of the quickstart in README.md, to run: npm run quickstart. test/readme.test.ts holds the two together,
// and example.test.ts runs it.
import { createPlaymesh, formatMoney } from "@playmesh/client";

const playmesh = createPlaymesh({ baseUrl: process.env.PLAYMESH_EDGE_URL ?? "http://localhost:8080" });

// 1. An account and a session. Tokens are kept, sent and refreshed by the client from here on.
const credentials = { email: `you.${Date.now()}@example.com`, password: "correct horse battery" };
await playmesh.identity.register({ ...credentials, displayName: "You", countryCode: "DE" });
await playmesh.session.signIn(credentials);

// 2. Games, priced for the buyer. Typing errors are fine.
const buyer = { currencyCode: "EUR", countryCode: "DE" };
const { games } = await playmesh.catalog.searchGames({ query: "ches", ...buyer });
for (const game of games) {
  console.log(game.title, game.price ? formatMoney(game.price, "de") : "not sold here");
}

// 3. Be told when something happens. Once the stream is open nothing is missed: if it breaks, it goes on where it stood.
const watch = new AbortController();
let opened = () => {};
const open = new Promise<void>((resolve) => (opened = resolve));
const watching = (async () => {
  for await (const { notification } of playmesh.watchNotifications({ signal: watch.signal, onStateChange: opened })) {
    console.log(`🔔 ${notification.title}`);
  }
})();
await open;

// 4. Buy one. The card becomes a token here, in the page: its number is never sent to Playmesh.
import { purchase } from "@playmesh/client";
import { sandbox } from "@playmesh/client/sandbox";

async function buy(editionId: string): Promise<purchase.Order> {
  await playmesh.purchase.addCartItem({ editionId, ...buyer });
  const { order } = await playmesh.purchase.createOrder({});
  const card = await sandbox.createPaymentMethod({
    number: "4242 4242 4242 4242",
    expMonth: 12,
    expYear: 2040,
    cvc: "123",
  });
  const paid = await playmesh.purchase.checkoutOrder({ orderId: order!.orderId, paymentMethodToken: card.id });
  return paid.order!;
}

// 5. Handle what can go wrong: `reason` is a union of all reasons in the contracts, so a typo does not compile.
import { PlaymeshError } from "@playmesh/client";

try {
  const game = games.find(({ price }) => price);
  if (!game?.price) throw new Error("no such game is on sale here");
  const order =
    game.price.unitsMinor === 0n
      ? (await playmesh.purchase.claimFreeGame({ editionId: game.editionId, ...buyer })).order!
      : await buy(game.editionId);
  if (order.state === purchase.OrderState.COMPLETED) console.log(`${game.title} is yours`);
  if (order.paymentError) console.log(order.paymentError.message); // declined: another card may be tried
} catch (thrown) {
  if (!(thrown instanceof PlaymeshError)) throw thrown;
  if (thrown.reason === "PRICE_CHANGED") console.log("the cart now shows the new price");
  else if (thrown.reason === "ALREADY_OWNED") console.log("you have it already");
  else throw thrown; // thrown.code, thrown.fields (for forms), thrown.requestId (for support)
}

// 6. Licence and notification follow within moments.
await new Promise((resolve) => setTimeout(resolve, 2_000));
const { licenses } = await playmesh.library.listLicenses({});
console.log(licenses.map(({ gameTitle }) => gameTitle));
watch.abort();
await watching;
await playmesh.session.signOut();
