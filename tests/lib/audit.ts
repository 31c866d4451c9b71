// Whether the books agree with what clients were told, and with each other: nothing lost, nothing twice.
import type { Books } from "./books.js";
import type { Entry } from "./journal.js";

/** Everything that is not right, as sentences. Pure: the books are read elsewhere. */
export function audit(journal: Entry[], books: Books): string[] {
  const known = new Set(journal.map(({ orderId }) => orderId));
  const strange = books.orders.filter(({ order_id }) => !known.has(order_id));
  return [
    ...strange.map(({ order_id }) => `order ${order_id}: its buyer does not know of it`),
    ...journal.flatMap((entry) => auditOrder(entry, books).map((what) => `order ${entry.orderId}: ${what}`)),
  ];
}

function auditOrder(entry: Entry, books: Books): string[] {
  const { orderId, state, unitsMinor, currencyCode, gameId, editionId } = entry;
  const of = <Row extends { order_id: string }>(rows: Row[]) => rows.filter(({ order_id }) => order_id === orderId);
  const refunded = state === "refunded";
  const paid = unitsMinor > 0;
  const price = `${unitsMinor} ${currencyCode}`;
  const expected = (what: string, found: string[], wanted: string[]) =>
    same(found, wanted) ? [] : [`${what}: [${found.sort().join("; ")}], not [${wanted.sort().join("; ")}]`];
  const twofold = (first: string, second: string) => (refunded ? [first, second] : [first]);

  const payments = of(books.payments).filter((payment) => payment.state !== "failed");
  return [
    ...expected(
      "orders",
      of(books.orders).map((order) => `${order.state} ${order.units_minor} ${order.currency_code}`),
      [`${state} ${price}`],
    ),
    ...expected(
      "payments",
      payments.map((payment) => `${payment.state} ${payment.units_minor} ${payment.currency_code}`),
      paid ? [`${refunded ? "refunded" : "captured"} ${price}`] : [],
    ),
    ...expected(
      "charges of the provider",
      of(books.charges).map((charge) => `${charge.refunded ? "given back" : "taken"} ${charge.units_minor}`),
      paid ? [`${refunded ? "given back" : "taken"} ${unitsMinor}`] : [],
    ),
    ...expected(
      "ledger transactions",
      of(books.transactions).map(({ kind, received }) => `${kind} ${received}`),
      paid ? twofold(`capture ${unitsMinor}`, `refund ${-unitsMinor}`) : [],
    ),
    ...expected(
      "licences",
      of(books.licenses).map((license) => `${license.state} ${license.game_id}`),
      [`${refunded ? "revoked" : "active"} ${gameId}`],
    ),
    ...expected(
      "events",
      of(books.events).map(({ type }) => type.split(".").at(-1)!),
      twofold("PurchaseCompleted", "PurchaseRefunded"),
    ),
    ...expected(
      "sales",
      of(books.sales).map((sale) => `${sale.kind} ${sale.edition_id} ${sale.units_minor}`),
      // A claim that is given back is no refund of money.
      (paid ? twofold("sale", "refund") : ["claim"]).map((kind) => `${kind} ${editionId} ${unitsMinor}`),
    ),
    ...expected(
      "notifications",
      of(books.notifications).map(({ kind }) => kind),
      twofold("purchase_completed", "purchase_refunded"),
    ),
    ...expected(
      "mails",
      // The same mail may come twice, as the same message (RFC 5321, section 6.1).
      [...new Map(of(books.mails).map((mail) => [mail.message_id, mailed(mail)])).values()],
      twofold(`receipt to ${entry.email}`, `refund to ${entry.email}`),
    ),
  ];
}

function mailed({ subject, email }: Books["mails"][number]): string {
  return `${/refund/i.test(subject) ? "refund" : "receipt"} to ${email}`;
}

function same(found: string[], wanted: string[]): boolean {
  return JSON.stringify(found.sort()) === JSON.stringify(wanted.sort());
}
