// Messages that nobody can handle: set aside with the reason, in nobody's way, and put back once they were mended.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { PurchaseCompletedSchema } from "@playmesh/client/gen/playmesh/purchase/v1/purchase_events_pb";
import { eventually } from "../../services/web/story/src/check.js";
import { licenseOf, orderOf, pay } from "../../services/web/story/src/orders.js";
import { type Person, newPerson } from "../../services/web/story/src/people.js";
import { partitionCount, produce } from "../lib/kafka.js";
import { BINARIES, EDGE_URL, HOME, ROOT } from "../lib/mesh.js";
import { count, execute, literal, query } from "../lib/sql.js";
import { type Store, openStore } from "../lib/store.js";

const run = promisify(execFile);

const TOPIC = "playmesh.purchase.v1";
/** Services that act on a purchase. */
const CONSUMERS = ["analytics", "library", "notification"];
const GARBAGE = new Uint8Array(32).fill(0xff);

let store: Store;
let buyer: Person;
/** One for each partition, so that each is in the way of something. */
let poison: { eventId: string; orderId: string }[];
let strayKey: string;

before(async () => {
  store = await openStore(2);
  buyer = await newPerson(EDGE_URL, "Poisoned");
  const partitions = await partitionCount(TOPIC);
  poison = Array.from({ length: partitions }, () => ({ eventId: randomUUID(), orderId: randomUUID() }));
  strayKey = randomUUID();
});

after(async () => {
  for (const service of CONSUMERS) {
    await execute(service, `delete from dead_letters where ${isPoison()} or key = ${literal(strayKey)}`);
  }
});

function isPoison(): string {
  return `event_id in (${poison.map(({ eventId }) => literal(eventId)).join()})`;
}

async function lettersOf(service: string): Promise<{ event_id: string; reason: string }[]> {
  return query(service, `select event_id, reason from dead_letters where ${isPoison()}`);
}

/** Its exit code: 1 while there are dead letters left. */
async function replay(service: string): Promise<number> {
  const environment = join(HOME, "services", `${service}.env`);
  return run(join(ROOT, "tools/mesh/run"), [environment, join(BINARIES, service), "--replay"]).then(
    () => 0,
    ({ code }: { code: number }) => code,
  );
}

test("an event that does not parse goes to the dead letters of each consumer, with the reason", async () => {
  for (const [partition, { eventId, orderId }] of poison.entries()) {
    const headers = {
      ce_specversion: "1.0",
      ce_id: eventId,
      ce_source: "/playmesh/purchase",
      ce_type: "playmesh.purchase.v1.PurchaseCompleted",
      ce_subject: orderId,
      ce_time: new Date().toISOString(),
      "content-type": "application/protobuf",
    };
    await produce(TOPIC, { partition, key: orderId, headers, value: GARBAGE });
  }
  for (const service of CONSUMERS) {
    const letters = await eventually(`${poison.length} dead letters of ${service}`, async () => {
      const found = await lettersOf(service);
      return found.length === poison.length && found;
    });
    for (const { reason } of letters) assert.match(reason, /INVALID_ARGUMENT.*parse/, service);
  }
});

test("a message that is no CloudEvent goes to the dead letters too", async () => {
  await produce(TOPIC, { partition: 0, key: strayKey, headers: {}, value: GARBAGE });
  for (const service of CONSUMERS) {
    const letter = await eventually(`the dead letter of ${service}`, async () => {
      const sql = `select reason from dead_letters where key = ${literal(strayKey)}`;
      return (await query<{ reason: string }>(service, sql))[0];
    });
    assert.match(letter.reason, /ce_id/, service);
  }
});

test("purchases behind them go on, in all consumers", async () => {
  const { orderId } = await pay(buyer, await orderOf(buyer, store.games[0]!), "pm_card_visa");
  await licenseOf(buyer, store.games[0]!);
  const id = literal(orderId);
  await eventually("the purchase reaches the inbox and the figures", async () => {
    const told = await count("notification", `select from notifications where order_id = ${id}`);
    const sold = await count("analytics", `select from sale_facts where order_id = ${id}`);
    return told === 1 && sold === 1;
  });
});

test("a replay leaves what is still malformed where it is", async () => {
  for (const service of CONSUMERS) {
    assert.equal(await replay(service), 1, service);
    assert.equal((await lettersOf(service)).length, poison.length, service);
  }
});

test("an event that was mended takes effect by a replay, once", async () => {
  const { eventId, orderId } = poison[0]!;
  const payload = Buffer.from(purchaseOf(orderId)).toString("hex");
  for (const service of CONSUMERS) {
    const mended = `payload = decode('${payload}', 'hex')`;
    await execute(service, `update dead_letters set ${mended} where event_id = ${literal(eventId)}`);
    await replay(service);
    const left = (await lettersOf(service)).map((letter) => letter.event_id);
    assert.deepEqual(
      left.sort(),
      poison
        .map((letter) => letter.eventId)
        .slice(1)
        .sort(),
      service,
    );
    await replay(service);
  }
  const license = await licenseOf(buyer, store.games[1]!);
  assert.equal(license!.orderId, orderId);
  const id = literal(orderId);
  assert.equal(await count("library", `select from licenses where order_id = ${id}`), 1);
  assert.equal(await count("analytics", `select from sale_facts where order_id = ${id}`), 1);
  assert.equal(await count("notification", `select from notifications where order_id = ${id}`), 1);
});

/** The event as it should have been. */
function purchaseOf(orderId: string): Uint8Array {
  const { gameId, editionId, title } = store.games[1]!;
  const price = { currencyCode: "EUR", unitsMinor: 1999n };
  const { organisationId } = store;
  const item = { editionId, gameId, organisationId, gameTitle: title, editionName: "Standard", price };
  return toBinary(
    PurchaseCompletedSchema,
    create(PurchaseCompletedSchema, {
      orderId,
      userId: buyer.userId,
      items: [item],
      total: price,
      paymentId: randomUUID(),
      completeTime: timestampNow(),
    }),
  );
}
