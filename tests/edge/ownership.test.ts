// What belongs to somebody else: neither read nor changed by whoever knows its id, through the edge and behind it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, PlaymeshError, newRequestId, purchase } from "@playmesh/client";
import { eventually } from "../../services/web/story/src/check.js";
import { claim, licenseOf, orderIn, orderOf, pay } from "../../services/web/story/src/orders.js";
import { type Person, newPerson } from "../../services/web/story/src/people.js";
import { bearer, edge, service } from "../lib/call.js";
import { RPCS } from "../lib/contracts.js";
import { EDGE_URL } from "../lib/mesh.js";
import { type Store, makeDraft, openStore } from "../lib/store.js";

const { OrderState } = purchase;

let store: Store;
let rivals: Store;
let owner: Person;
let stranger: Person;
let bought: purchase.Order;
let pending: purchase.Order;
let draftId: string;

before(async () => {
  [store, rivals] = await Promise.all([openStore(2), openStore(1)]);
  [owner, stranger] = await Promise.all([newPerson(EDGE_URL, "Owner"), newPerson(EDGE_URL, "Stranger")]);
  bought = await pay(owner, await orderOf(owner, store.games[0]!), "pm_card_visa");
  pending = await orderOf(owner, store.games[1]!);
  draftId = await makeDraft(store.publisher, store.organisationId, "Secret");
  await orderIn(owner, bought, OrderState.COMPLETED);
  await licenseOf(owner, store.games[0]!);
});

/** The same call through the edge and at the service's own port. */
async function refused(who: Person, rpcName: string, request: object, status: string): Promise<void> {
  const rpc = RPCS.find(({ name }) => name === rpcName)!;
  const { accessToken } = (await who.storage.load())!;
  const bytes = toBinary(rpc.method.input, create(rpc.method.input, request as never));
  for (const route of [edge, service]) {
    assert.equal((await route.call(rpc, bytes, bearer(accessToken))).status, status, `${rpcName} ${route.name}`);
  }
}

test("an order of somebody else is not found, and stays as it is", async () => {
  const requestId = newRequestId();
  for (const { orderId } of [bought, pending]) {
    await refused(stranger, "GetOrder", { orderId }, "NOT_FOUND");
    await refused(stranger, "CancelOrder", { orderId }, "NOT_FOUND");
    await refused(stranger, "RefundOrder", { orderId, requestId }, "NOT_FOUND");
    const card = { orderId, requestId, paymentMethodToken: "pm_card_visa" };
    await refused(stranger, "CheckoutOrder", card, "NOT_FOUND");
  }
  const { orders } = await owner.playmesh.purchase.listOrders({});
  assert.deepEqual(
    orders.map(({ orderId, state }) => [orderId, state]),
    [
      [pending.orderId, OrderState.PENDING],
      [bought.orderId, OrderState.COMPLETED],
    ],
  );
});

test("lists hold what is the caller's own", async () => {
  const { playmesh } = stranger;
  assert.deepEqual((await playmesh.purchase.listOrders({})).orders, []);
  assert.deepEqual((await playmesh.purchase.getCart({})).cart?.items, []);
  assert.deepEqual((await playmesh.library.listLicenses({ showRevoked: true })).licenses, []);
  assert.deepEqual((await playmesh.identity.listOrganisations({})).organisations, []);
});

test("a licence of somebody else is not found", async () => {
  await refused(stranger, "GetLicense", { gameId: store.games[0]!.gameId }, "NOT_FOUND");
});

test("a notification of somebody else is neither seen nor marked as read", async () => {
  const inbox = owner.playmesh.notification;
  const entry = await eventually("the owner is told of the purchase", async () => {
    const { notifications } = await inbox.listNotifications({});
    return notifications.find(({ orderId }) => orderId === bought.orderId);
  });
  const { notificationId } = entry;
  const { notifications } = await stranger.playmesh.notification.listNotifications({});
  assert.ok(!notifications.some((other) => other.notificationId === notificationId));
  await stranger.playmesh.notification.markNotificationsRead({ notificationIds: [notificationId] });
  const after = await inbox.listNotifications({});
  assert.equal(after.notifications.find((same) => same.notificationId === notificationId)?.readTime, undefined);
});

test("the stream gives nobody what is somebody else's, also from a cursor of theirs", async () => {
  const cursor = await firstCursor(owner);
  const stop = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    const watch = { cursor, signal: stop.signal };
    for await (const { notification } of stranger.playmesh.watchNotifications(watch)) seen.push(notification.orderId);
  })();
  const mine = await claim(stranger, store.free);
  await eventually("the stranger is told of the stranger's own claim", async () => seen.includes(mine.orderId));
  stop.abort();
  await watching;
  assert.ok(!seen.includes(bought.orderId));
});

/** Where the stream of somebody begins: as the server sends it in the first message. */
async function firstCursor(who: Person): Promise<string> {
  const rpc = RPCS.find(({ name }) => name === "WatchNotifications")!;
  const { accessToken } = (await who.storage.load())!;
  const { bytes } = await edge.call(rpc, new Uint8Array(), bearer(accessToken));
  return (fromBinary(rpc.method.output, bytes!) as unknown as { cursor: string }).cursor;
}

test("a request_id of somebody else gives nothing of theirs", async () => {
  const requestId = newRequestId();
  await owner.playmesh.purchase.addCartItem({
    editionId: store.games[1]!.editionId,
    currencyCode: "EUR",
    countryCode: "DE",
  });
  const theirs = await owner.playmesh.purchase.createOrder({ requestId });
  const failed = await stranger.playmesh.purchase.createOrder({ requestId }).catch((error: unknown) => error);
  assert.ok(failed instanceof PlaymeshError && failed.code === Code.FailedPrecondition, `${failed}`);
  await owner.playmesh.purchase.cancelOrder({ orderId: theirs.order!.orderId });
});

test("another publisher's game is not changed", async () => {
  const { gameId, editionId } = store.games[0]!;
  const prices = [{ amount: { currencyCode: "EUR", unitsMinor: 1n } }];
  const requestId = newRequestId();
  const update = { game: { gameId, version: "6.6.6" }, updateMask: { paths: ["version"] } };
  const texts = [{ language: "en", title: "Theirs" }];
  const { organisationId } = store;
  const rival = rivals.publisher;
  await refused(rival, "UpdateGame", update, "PERMISSION_DENIED");
  await refused(rival, "SetPrices", { editionId, prices }, "PERMISSION_DENIED");
  await refused(rival, "PublishGame", { gameId }, "PERMISSION_DENIED");
  await refused(rival, "UnpublishGame", { gameId }, "PERMISSION_DENIED");
  await refused(rival, "CreateEdition", { requestId, gameId, name: "Pirated", prices }, "PERMISSION_DENIED");
  await refused(rival, "CreateGame", { requestId, game: { organisationId, texts } }, "PERMISSION_DENIED");
  const { game } = await store.publisher.playmesh.catalog.getGame({ gameId });
  assert.deepEqual([game?.version, game?.editions.length, game?.editions[0]?.prices.length], ["", 1, 3]);
});

test("another publisher's draft is not found", async () => {
  for (const who of [rivals.publisher, stranger]) await refused(who, "GetGame", { gameId: draftId }, "NOT_FOUND");
  const { game } = await store.publisher.playmesh.catalog.getGame({ gameId: draftId });
  assert.equal(game?.texts[0]?.title, "Secret");
});

test("another publisher's figures and money are not shown", async () => {
  const { organisationId } = store;
  const { gameId } = store.games[0]!;
  for (const who of [rivals.publisher, stranger]) {
    await refused(who, "ListGames", { organisationId }, "PERMISSION_DENIED");
    await refused(who, "GetSalesReport", { organisationId }, "PERMISSION_DENIED");
    await refused(who, "ListDailySales", { organisationId, gameId }, "PERMISSION_DENIED");
    await refused(who, "GetBalance", { organisationId }, "PERMISSION_DENIED");
    await refused(who, "ListBalanceTransactions", { organisationId }, "PERMISSION_DENIED");
  }
});

test("a game of another publisher shows nothing among one's own figures", async () => {
  const { organisationId } = rivals;
  const { gameId } = store.games[0]!;
  const { days } = await rivals.publisher.playmesh.analytics.listDailySales({ organisationId, gameId });
  assert.deepEqual(days, []);
});

after(async () => {
  await owner.playmesh.purchase.cancelOrder({ orderId: pending.orderId });
});
