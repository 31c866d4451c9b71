// What the services have written down, read from their databases and from the mail server.
import type { Entry } from "./journal.js";
import { SERVICES, variable } from "./mesh.js";
import { count, literal, query } from "./sql.js";

interface OfOrder {
  order_id: string;
}

export interface Books {
  orders: (OfOrder & { state: string; units_minor: number; currency_code: string })[];
  payments: (OfOrder & { state: string; units_minor: number; currency_code: string })[];
  /** What the payment provider took, by its own account. */
  charges: (OfOrder & { refunded: boolean; units_minor: number })[];
  /** `received` is what the transaction says that the provider owes us. */
  transactions: (OfOrder & { kind: string; received: number })[];
  licenses: (OfOrder & { game_id: string; state: string })[];
  events: (OfOrder & { type: string })[];
  sales: (OfOrder & { edition_id: string; kind: string; units_minor: number })[];
  notifications: (OfOrder & { kind: string })[];
  mails: (OfOrder & { email: string; subject: string; message_id: string })[];
}

/** The books of the buyers in the journal: also what they did not know of. */
export async function readBooks(entries: Entry[]): Promise<Books> {
  const users = anyOf(entries.map(({ userId }) => userId));
  const amount = "units_minor, currency_code";
  const orders = await query<Books["orders"][number]>(
    "purchase",
    `select order_id, state, ${amount} from orders where user_id ${users}`,
  );
  const ids = anyOf(orders.map(({ order_id }) => order_id));
  const [payments, charges, transactions, licenses, events, sales, notifications, mails] = await Promise.all([
    query("payment", `select order_id, state, ${amount} from payments where user_id ${users}`),
    query(
      "payment",
      `select order_id, refund_time is not null as refunded, units_minor
       from sandbox_charges where state = 'succeeded' and order_id::uuid ${ids}`,
    ),
    query(
      "payment",
      `select order_id, t.kind, -sum(e.units_minor) as received
       from ledger_transactions t join payments p using (payment_id) join ledger_entries e using (transaction_id)
         join ledger_accounts a using (account_id)
       where user_id ${users} and a.kind = 'provider_receivable' group by transaction_id, order_id, t.kind`,
    ),
    query("library", `select order_id, game_id, state from licenses where user_id ${users}`),
    query("purchase", `select key as order_id, type from outbox where type like '%.Purchase%' and key::uuid ${ids}`),
    query("analytics", `select order_id, edition_id, kind, units_minor from sale_facts where order_id ${ids}`),
    query("notification", `select order_id, kind from notifications where order_id is not null and user_id ${users}`),
    readMails(new Set(entries.map(({ email }) => email))),
  ]);
  return { orders, payments, charges, transactions, licenses, events, sales, notifications, mails } as Books;
}

/** What is still on its way, or went wrong on it, since `start`; empty when all is calm. */
export async function unfinished(start: Date): Promise<string[]> {
  const since = literal(start.toISOString());
  const checks: [service: string, what: string, sql: string][] = SERVICES.flatMap((service) => [
    [
      service,
      "unsent events",
      "select from outbox o, outbox_cursor c where not pg_visible_in_snapshot(o.txid, c.sent)",
    ],
    [service, "dead letters", `select from dead_letters where create_time >= ${since}`],
  ]);
  checks.push(["notification", "unsent mails", "select from emails where state = 'queued'"]);
  checks.push(["payment", "undelivered webhooks", "select from sandbox_webhooks"]);
  checks.push([
    "payment",
    "currencies in which the ledger is not at zero",
    "select from ledger_entries group by currency_code having sum(units_minor) <> 0",
  ]);
  checks.push([
    "payment",
    "ledger transactions that are not at zero",
    "select from ledger_entries group by transaction_id having sum(units_minor) <> 0",
  ]);
  const counts = await Promise.all(checks.map(([service, , sql]) => count(service, sql)));
  return checks.flatMap(([service, what], index) => (counts[index] ? [`${service}: ${counts[index]} ${what}`] : []));
}

async function readMails(addresses: Set<string>): Promise<Books["mails"]> {
  const response = await fetch(`${variable("PLAYMESH_MAIL_URL")}/messages`);
  const mails = (await response.json()) as { rcpt_tos: string[]; subject: string; text: string; raw: string }[];
  return mails.flatMap(({ rcpt_tos: [email = ""], subject, text, raw }) => {
    const order_id = /^Order: (\S+)/m.exec(text)?.[1];
    const message_id = /^message-id:\s*(\S+)/im.exec(raw)?.[1] ?? "";
    return order_id && addresses.has(email) ? [{ order_id, email, subject, message_id }] : [];
  });
}

function anyOf(ids: string[]): string {
  return `= any('{${[...new Set(ids)].join()}}'::uuid[])`;
}
