import assert from "node:assert/strict";
import { test } from "node:test";
import { audit } from "./audit.js";
import type { Books } from "./books.js";
import type { Entry } from "./journal.js";

const ENTRY: Entry = {
  orderId: "order",
  userId: "user",
  email: "ada@example.com",
  gameId: "game",
  editionId: "edition",
  title: "Chess",
  currencyCode: "EUR",
  unitsMinor: 1999,
  state: "completed",
};
const order_id = "order";
const amount = { units_minor: 1999, currency_code: "EUR" };
const receipt = { order_id, email: "ada@example.com", subject: "Your receipt: Chess is yours", message_id: "<1>" };
const RIGHT: Books = {
  orders: [{ order_id, state: "completed", ...amount }],
  payments: [
    { order_id, state: "failed", ...amount },
    { order_id, state: "captured", ...amount },
  ],
  charges: [{ order_id, refunded: false, units_minor: 1999 }],
  transactions: [{ order_id, kind: "capture", received: 1999 }],
  licenses: [{ order_id, game_id: "game", state: "active" }],
  events: [{ order_id, type: "playmesh.purchase.v1.PurchaseCompleted" }],
  sales: [{ order_id, edition_id: "edition", kind: "sale", units_minor: 1999 }],
  notifications: [{ order_id, kind: "purchase_completed" }],
  mails: [receipt],
};

test("books that agree with the journal are right", () => {
  assert.deepEqual(audit([ENTRY], RIGHT), []);
});

test("a mail that was delivered twice is one mail", () => {
  assert.deepEqual(audit([ENTRY], { ...RIGHT, mails: [receipt, receipt] }), []);
});

for (const [book, rows] of Object.entries(RIGHT) as [keyof Books, object[]][]) {
  test(`what is missing from ${book} is found`, () => {
    assert.equal(audit([ENTRY], { ...RIGHT, [book]: [] }).length, 1);
  });

  test(`what is twice in ${book} is found`, () => {
    const again = { ...rows.at(-1), message_id: "<2>" };
    assert.equal(audit([ENTRY], { ...RIGHT, [book]: [...rows, again] }).length, 1);
  });
}

test("another amount is found wherever it stands", () => {
  const less = { units_minor: 1998 };
  const books = {
    ...RIGHT,
    orders: [{ ...RIGHT.orders[0]!, ...less }],
    payments: [{ ...RIGHT.payments[1]!, ...less }],
    charges: [{ ...RIGHT.charges[0]!, ...less }],
    transactions: [{ ...RIGHT.transactions[0]!, received: 1998 }],
    sales: [{ ...RIGHT.sales[0]!, ...less }],
  };
  assert.equal(audit([ENTRY], books).length, 5);
});

test("an order that its buyer does not know of is found", () => {
  assert.match(audit([], RIGHT)[0]!, /does not know/);
});

test("an order that was refunded is refunded in all books", () => {
  assert.equal(audit([{ ...ENTRY, state: "refunded" }], RIGHT).length, Object.keys(RIGHT).length);
});

test("a claim is in no book of money", () => {
  const free = { units_minor: 0 };
  const books: Books = {
    ...RIGHT,
    orders: [{ ...RIGHT.orders[0]!, ...free }],
    payments: [],
    charges: [],
    transactions: [],
    sales: [{ ...RIGHT.sales[0]!, kind: "claim", ...free }],
  };
  assert.deepEqual(audit([{ ...ENTRY, unitsMinor: 0 }], books), []);
});
