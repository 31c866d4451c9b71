// The same purchase many times at once: charged once, owned once, told once.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Code, PlaymeshError, newRequestId, purchase } from "@playmesh/client";
import { eventually } from "../../services/web/story/src/check.js";
import { addToCart, claim, licenseOf, orderIn, orderOf, pay } from "../../services/web/story/src/orders.js";
import { type Person, newPerson } from "../../services/web/story/src/people.js";
import { EDGE_URL } from "../lib/mesh.js";
import { atOnce } from "../lib/parallel.js";
import { count, literal } from "../lib/sql.js";
import { type Store, openStore } from "../lib/store.js";

const { OrderState } = purchase;
const CROWD = 64;
const VISA = "pm_card_visa";
const PAID = ["COMPLETED", "PAYING"];

let store: Store;
let buyer: Person;
before(async () => {
  store = await openStore(8);
});

// What the books say of an order, once it has reached them.
async function books({ orderId }: purchase.Order) {
  const id = literal(orderId);
  await eventually(`order ${orderId} reaches the library`, async () => {
    return (await count("library", `select from licenses where order_id = ${id}`)) > 0;
  });
  const [payments, charges, transactions, events, licenses] = await Promise.all([
    count("payment", `select from payments where order_id = ${id}`),
    count("payment", `select from sandbox_charges where order_id = ${id} and state = 'succeeded'`),
    count("payment", `select from ledger_transactions join payments using (payment_id) where order_id = ${id}`),
    count("purchase", `select from outbox where type = 'playmesh.purchase.v1.PurchaseCompleted' and key = ${id}`),
    count("library", `select from licenses where order_id = ${id}`),
  ]);
  return { payments, charges, transactions, events, licenses };
}

const ONCE = { payments: 1, charges: 1, transactions: 1, events: 1, licenses: 1 };
const ONCE_FREE = { ...ONCE, payments: 0, charges: 0, transactions: 0 };

function licensesOf({ userId }: Person): Promise<number> {
  return count("library", `select from licenses where user_id = ${literal(userId)}`);
}

/** What each call came to: the state of its order, or the reason for which it failed. */
function outcome(call: Promise<purchase.Order | undefined>): Promise<string> {
  return call.then(
    (order) => OrderState[order!.state],
    (error: unknown) => {
      const { code, reason } = PlaymeshError.from(error);
      return reason ?? Code[code];
    },
  );
}

function distinct(outcomes: string[]): string[] {
  return [...new Set(outcomes)].sort();
}

test(`${CROWD} checkouts of one order under one request_id charge once`, async () => {
  buyer = await newPerson(EDGE_URL, "Impatient");
  const order = await orderOf(buyer, store.games[0]!);
  const requestId = newRequestId();
  const outcomes = await atOnce(CROWD, () => outcome(pay(buyer, order, VISA, requestId)));
  // PAYING: the first of them is not through yet.
  assert.deepEqual(distinct([...outcomes, ...PAID]), PAID);
  await orderIn(buyer, order, OrderState.COMPLETED);
  assert.deepEqual(await books(order), ONCE);
});

test(`${CROWD} checkouts of one order under as many request_ids charge once`, async () => {
  const order = await orderOf(buyer, store.games[1]!);
  const outcomes = await atOnce(CROWD, () => outcome(pay(buyer, order, VISA)));
  assert.deepEqual(distinct([...outcomes, ...PAID]), PAID);
  await orderIn(buyer, order, OrderState.COMPLETED);
  assert.deepEqual(await books(order), ONCE);
});

test(`${CROWD} checkouts with a provider that loses its answer charge once`, async () => {
  const order = await orderOf(buyer, store.games[2]!);
  const outcomes = await atOnce(CROWD, () => outcome(pay(buyer, order, "pm_card_timeoutAfterCharge")));
  assert.deepEqual(distinct([...outcomes, ...PAID]), PAID);
  await orderIn(buyer, order, OrderState.COMPLETED);
  assert.deepEqual(await books(order), ONCE);
});

test("two orders for one game, paid at the same time, charge once", async () => {
  const twice = [await orderOf(buyer, store.games[3]!), await orderOf(buyer, store.games[3]!)];
  const outcomes = await Promise.all(twice.map((order) => outcome(pay(buyer, order, VISA))));
  assert.deepEqual(outcomes.sort(), ["ALREADY_OWNED", "COMPLETED"]);
  await licenseOf(buyer, store.games[3]!);
  const orders = twice.map(({ orderId }) => literal(orderId)).join();
  const paid = `select from sandbox_charges where order_id in (${orders}) and state = 'succeeded'`;
  assert.equal(await count("payment", paid), 1);
});

test("a checkout and a cancellation at the same time come to one of both", async () => {
  const order = await orderOf(buyer, store.games[4]!);
  const { orderId } = order;
  const cancelling = buyer.playmesh.purchase.cancelOrder({ orderId }).then(({ order: after }) => after);
  const outcomes = await Promise.all([outcome(pay(buyer, order, VISA)), outcome(cancelling)]);
  const paid = await count("payment", `select from payments where order_id = ${literal(orderId)}`);
  if (paid) assert.deepEqual(outcomes, ["COMPLETED", "ORDER_NOT_CANCELLABLE"]);
  else assert.deepEqual(outcomes, ["ORDER_NOT_PAYABLE", "CANCELLED"]);
});

test(`${CROWD} refunds of one order give the money back once`, async () => {
  const order = await orderOf(buyer, store.games[5]!);
  await pay(buyer, order, VISA);
  await orderIn(buyer, order, OrderState.COMPLETED);
  const { orderId } = order;
  const outcomes = await atOnce(CROWD, () =>
    outcome(buyer.playmesh.purchase.refundOrder({ orderId }).then(({ order: after }) => after)),
  );
  const allowed = ["REFUNDED", "REFUNDING"];
  assert.deepEqual(distinct([...outcomes, ...allowed]), allowed);
  await orderIn(buyer, order, OrderState.REFUNDED);
  const entries = `select from ledger_transactions join payments using (payment_id) where order_id = ${literal(orderId)}`;
  assert.equal(await count("payment", `${entries} and kind = 'refund'`), 1);
  const events = `select from outbox where type = 'playmesh.purchase.v1.PurchaseRefunded' and key = ${literal(orderId)}`;
  assert.equal(await count("purchase", events), 1);
});

test(`${CROWD} claims of one free game by one user give one licence`, async () => {
  const claimer = await newPerson(EDGE_URL, "Claimer");
  const orders = await atOnce(CROWD, () => claim(claimer, store.free));
  assert.deepEqual(distinct(orders.map(({ orderId }) => orderId)).length, 1);
  assert.deepEqual(await books(orders[0]!), ONCE_FREE);
  assert.equal(await licensesOf(claimer), 1);
});

test(`${CROWD} orders made under one request_id are one order`, async () => {
  await addToCart(buyer, store.games[6]!);
  const requestId = newRequestId();
  const orders = await atOnce(CROWD, () => buyer.playmesh.purchase.createOrder({ requestId }));
  assert.equal(distinct(orders.map(({ order }) => order!.orderId)).length, 1);
  await buyer.playmesh.purchase.cancelOrder({ orderId: orders[0]!.order!.orderId });
});

test(`${CROWD} orders of one cart under as many request_ids are one order`, async () => {
  await addToCart(buyer, store.games[7]!);
  const outcomes = await atOnce(CROWD, () => {
    return outcome(buyer.playmesh.purchase.createOrder({}).then(({ order }) => order));
  });
  assert.deepEqual(outcomes.filter((what) => what === "PENDING").length, 1);
  assert.deepEqual(distinct(outcomes), ["CART_EMPTY", "PENDING"]);
});

test(`${CROWD} additions to one cart put each game there once`, async () => {
  const hoarder = await newPerson(EDGE_URL, "Hoarder");
  await atOnce(CROWD, (index) => addToCart(hoarder, store.games[index % store.games.length]!));
  const { cart } = await hoarder.playmesh.purchase.getCart({});
  const inCart = cart!.items.map(({ gameId }) => gameId).sort();
  assert.deepEqual(inCart, store.games.map(({ gameId }) => gameId).sort());
});

test("the ledger sums to zero in every currency", async () => {
  const unbalanced = "select currency_code from ledger_entries group by currency_code having sum(units_minor) <> 0";
  assert.equal(await count("payment", unbalanced), 0);
});
