// Buying, as several steps do it.
import { newRequestId, purchase } from "@playmesh/client";
import { sandbox } from "@playmesh/client/sandbox";
import { check, checkSame, eventually } from "./check.js";
import type { Person } from "./people.js";
import type { StoryGame, World } from "./world.js";

const { OrderState } = purchase;
const IN_GERMANY = { currencyCode: "EUR", countryCode: "DE" };

/** The token of a test card. */
export async function tokenOf(number: string): Promise<string> {
  const card = { number, expMonth: 12, expYear: new Date().getFullYear() + 2, cvc: "123" };
  return (await sandbox.createPaymentMethod(card)).id;
}

/** Puts a game into the cart, priced for Germany. */
export async function addToCart(buyer: Person, { editionId }: StoryGame): Promise<purchase.Cart> {
  const { cart } = await buyer.playmesh.purchase.addCartItem({ editionId, ...IN_GERMANY });
  check(cart, "the cart is missing");
  return cart;
}

/** Claims a free game in Germany. */
export async function claim(buyer: Person, { editionId }: StoryGame): Promise<purchase.Order> {
  const { order } = await buyer.playmesh.purchase.claimFreeGame({ editionId, ...IN_GERMANY });
  check(order, "the order is missing");
  return order;
}

/** An order of one game, PENDING. */
export async function orderOf(buyer: Person, game: StoryGame): Promise<purchase.Order> {
  await addToCart(buyer, game);
  const { order } = await buyer.playmesh.purchase.createOrder({});
  check(order, "the order is missing");
  checkState(order, OrderState.PENDING);
  return order;
}

/** Pays with a token; the order as the answer has it. */
export async function pay(
  buyer: Person,
  { orderId }: purchase.Order,
  token: string,
  requestId = newRequestId(),
): Promise<purchase.Order> {
  const { order } = await buyer.playmesh.purchase.checkoutOrder({ requestId, orderId, paymentMethodToken: token });
  check(order, "the order is missing");
  return order;
}

/** The order, once it is in the state. */
export function orderIn(
  buyer: Person,
  { orderId }: purchase.Order,
  state: purchase.OrderState,
): Promise<purchase.Order> {
  return eventually(`order ${orderId} is ${OrderState[state]}`, async () => {
    const { order } = await buyer.playmesh.purchase.getOrder({ orderId });
    return order?.state === state && order;
  });
}

/** Throws unless the order is in the state. */
export function checkState(order: purchase.Order, state: purchase.OrderState): void {
  const why = order.paymentError ? `, last payment: ${order.paymentError.declineCode}` : "";
  check(order.state === state, `the order is ${OrderState[order.state]}, not ${OrderState[state]}${why}`);
}

/** Throws unless the last payment of the order failed for this reason, and another may be tried. */
export function checkDeclined(order: purchase.Order, declineCode: string): void {
  checkSame([OrderState[order.state], order.paymentError?.declineCode], ["PENDING", declineCode], "the declined order");
  check(order.paymentError?.message, `${declineCode} has no sentence for the buyer`);
}

/** The active licence of the buyer, once it was granted. */
export function licenseOf(buyer: Person, { gameId, title }: StoryGame) {
  return eventually(
    `licence for "${title}"`,
    async () => (await buyer.playmesh.library.getLicense({ gameId })).license,
  );
}

/** What the publisher has in euro cents, and the movements behind it; throws when they do not add up. */
export async function balanceOf({ publisher, organisationId }: World) {
  const { balances } = await publisher.playmesh.payment.getBalance({ organisationId });
  const { transactions } = await publisher.playmesh.payment.listBalanceTransactions({ organisationId, pageSize: 100 });
  const euros = balances.find(({ amount }) => amount?.currencyCode === "EUR")?.amount?.unitsMinor ?? 0n;
  const sum = transactions.reduce((total, { amount }) => total + (amount?.unitsMinor ?? 0n), 0n);
  checkSame(euros, sum, "balance, and the sum of its transactions");
  return { euros, captures: transactions.filter(({ kind }) => kind === "capture").length, transactions };
}
