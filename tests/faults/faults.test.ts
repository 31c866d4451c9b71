// Shoppers buy while the mesh is broken in all ways that we know. Afterwards the books are checked.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "../../services/web/story/src/check.js";
import { audit } from "../lib/audit.js";
import { readBooks, unfinished } from "../lib/books.js";
import { Journal } from "../lib/journal.js";
import { lag, sendAllAgain } from "../lib/kafka.js";
import { SERVICES } from "../lib/mesh.js";
import { pids, signal, start, stop } from "../lib/processes.js";
import { Random, SEED } from "../lib/random.js";
import { Shopper } from "../lib/shopper.js";
import { query } from "../lib/sql.js";
import { openStore } from "../lib/store.js";

const SHOPPERS = 6;
const GAMES = 12;
const KAFKA_AWAY_MS = 10_000;
const RECOVERY_MS = 90_000;
const CALM_MS = 120_000;
const SHOWN = 50;
/** What a caller may be told while parts of the mesh are missing. */
const HONEST = ["Unavailable", "DeadlineExceeded", "Aborted", "ResourceExhausted"];

const random = new Random("faults");
const journal = new Journal("faults");
const closing = new AbortController();
let shopping: Promise<unknown>;

before(async () => {
  console.log(`seed ${SEED}: PLAYMESH_TEST_SEED=${SEED} makes the same choices again`);
  const store = await openStore(GAMES);
  const shoppers = Array.from({ length: SHOPPERS }, (_, index) => new Shopper(`shopper ${index + 1}`, store, journal));
  shopping = Promise.all(shoppers.map((shopper) => shopper.shop(closing.signal)));
});

after(async () => {
  closing.abort();
  await shopping;
});

/** Resolves when some more orders were completed; so that faults hit work that is under way, and are seen to be over. */
async function moreOrders(count: number): Promise<void> {
  const enough = journal.completedCount + count;
  await eventually(`${count} more orders`, async () => journal.completedCount >= enough, RECOVERY_MS);
}

/** Does harm at a random moment. */
async function harm(what: string, fault: () => Promise<void>): Promise<void> {
  await moreOrders(1 + random.below(3));
  // lint:allow(sleep-in-test) nothing is waited for: any moment will do
  await new Promise((resolve) => setTimeout(resolve, random.below(300)));
  console.log(`${journal.completedCount} orders are completed: ${what}`);
  journal.fault(what);
  await fault();
}

async function isBack(name: string, before: number): Promise<void> {
  const running = async () => ![undefined, before].includes((await pids()).get(name));
  await eventually(`${name} runs again`, running, RECOVERY_MS);
}

async function kill(name: string, how: NodeJS.Signals): Promise<void> {
  const before = (await pids()).get(name)!;
  await harm(`${how} for ${name}`, () => signal(name, how));
  await isBack(name, before);
}

for (const name of random.shuffled([...SERVICES, "edge"])) {
  test(`orders go on after kill -9 of ${name}`, async () => {
    await kill(name, "SIGKILL");
    await moreOrders(SHOPPERS);
  });
}

test("orders go on after all services were killed at once", async () => {
  const before = await pids();
  await harm("SIGKILL for all services", async () => {
    await Promise.all(SERVICES.map((name) => signal(name, "SIGKILL")));
  });
  await Promise.all(SERVICES.map((name) => isBack(name, before.get(name)!)));
  await moreOrders(SHOPPERS);
});

test("orders go on after PostgreSQL shut down at once and came back", async () => {
  await kill("postgres", "SIGQUIT");
  await moreOrders(SHOPPERS);
});

test("orders go on after a backend of PostgreSQL was killed, which makes it recover", async () => {
  await harm("SIGKILL for a backend of PostgreSQL", async () => {
    const backends = await query<{ pid: number }>(
      "postgres",
      "select pid from pg_stat_activity where backend_type = 'client backend' and datname <> 'postgres' order by pid",
    );
    process.kill(random.pick(backends).pid, "SIGKILL");
  });
  await moreOrders(SHOPPERS);
});

test("orders are completed while Kafka is away", async () => {
  await harm("Kafka is stopped", () => stop("kafka"));
  const until = Date.now() + KAFKA_AWAY_MS;
  const enough = journal.completedCount + SHOPPERS;
  const away = async () => Date.now() >= until && journal.completedCount >= enough;
  await eventually(`${KAFKA_AWAY_MS / 1000} s and ${SHOPPERS} orders without Kafka`, away, RECOVERY_MS).finally(() =>
    start("kafka"),
  );
  await moreOrders(SHOPPERS);
});

test("orders go on after kill -9 of Kafka", async () => {
  await kill("kafka", "SIGKILL");
  await moreOrders(SHOPPERS);
});

test("every order that was begun is finished", async () => {
  closing.abort();
  await shopping;
  assert.deepEqual(journal.failures, []);
  const unfinished = [...journal.entries.values()].filter(({ state }) => state === "made");
  assert.deepEqual(unfinished, []);
});

test("callers were told nothing worse than to try again", () => {
  console.log(`${journal.entries.size} orders; failed calls: ${JSON.stringify(Object.fromEntries(journal.troubles))}`);
  assert.deepEqual(
    [...journal.troubles.keys()].filter((code) => !HONEST.includes(code)),
    [],
  );
});

test("the books are right: nothing lost, nothing twice, the ledger at zero", async () => {
  assert.deepEqual(await complaintsOnceCalm(), []);
});

test("the books stay right when every event is delivered again", async () => {
  console.log(`${await sendAllAgain()} events once more`);
  assert.deepEqual(await complaintsOnceCalm(), []);
});

/** What is wrong with the books once everything has had its time to arrive; empty as soon as nothing is. */
async function complaintsOnceCalm(): Promise<string[]> {
  const entries = [...journal.entries.values()];
  let complaints: string[] = [];
  const calm = async () => {
    complaints = await unfinished(journal.startTime);
    const behind = await lag();
    if (behind) complaints.push(`${behind} messages on Kafka were not read yet`);
    complaints.push(...audit(entries, await readBooks(entries)));
    return complaints.length === 0;
  };
  await eventually("the books are right", calm, CALM_MS).catch((thrown: unknown) => complaints.push(`${thrown}`));
  return complaints.slice(0, SHOWN);
}
