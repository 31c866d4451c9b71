// Every field of every RPC with everything that can be wrong with it, generated from the contracts.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { newPerson } from "../../services/web/story/src/people.js";
import { type Answer, type Route, bearer, edge, service } from "../lib/call.js";
import { PERMISSIONS, RPCS, type Rpc } from "../lib/contracts.js";
import { encode } from "../lib/drafts.js";
import { EDGE_URL } from "../lib/mesh.js";
import { allWrong, isNotUtf8 } from "../lib/mutations.js";
import { inParallel } from "../lib/parallel.js";
import { pids } from "../lib/processes.js";
import { Random, SEED } from "../lib/random.js";
import type { Known } from "../lib/samples.js";
import { openStore } from "../lib/store.js";
import { accessToken, serviceToken } from "../lib/tokens.js";
import { type Request, garbage, mutants } from "./requests.js";

const AT_ONCE = 8;
const MAX_REQUEST_BYTES = 1 << 20;
// More would only make the answer large, so the adapter names this many fields.
const MAX_VIOLATIONS = 50;

/** A caller's mistake never ends like this. */
const OUR_FAULT = [
  ...["CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"],
  "UNAUTHENTICATED",
];
/** Their requests hold a credential of their own, which is wrong: a password, a refresh token, a signature. */
const CHECK_CREDENTIALS = ["HandleProviderWebhook", "SignIn", "RefreshSession"];

let known: Known;
let token: string;
let pidsBefore: Map<string, number>;
let sent = 0;

before(async () => {
  console.log(`seed ${SEED}`);
  pidsBefore = await pids();
  const { organisationId, games } = await openStore(1);
  const { userId } = await newPerson(EDGE_URL, "Sweep");
  // What exists, so that requests which pass the rules get far into the handlers.
  known = {
    organisation_id: organisationId,
    user_id: userId,
    game_id: games[0]!.gameId,
    edition_id: games[0]!.editionId,
    order_id: randomUUID(),
  };
  const claims = { sub: userId, scope: PERMISSIONS.join(" "), orgs: { [organisationId]: "owner" } };
  token = accessToken({ claims });
});

function headersFor(rpc: Rpc): Record<string, string> {
  return rpc.access === "internal"
    ? { "x-playmesh-service": serviceToken(rpc.callers[0]!, rpc.service) }
    : bearer(token);
}

/** What is wrong with an answer, if anything. */
function complaint(rpc: Rpc, { what, violations }: Request, { status, message, violations: named }: Answer): string[] {
  const said = `${what}: ${status} "${message}" naming [${named}]`;
  if (violations) {
    const same = status === "INVALID_ARGUMENT" && `${named}` === `${violations}`;
    return same ? [] : [`${said}, not INVALID_ARGUMENT naming [${violations}]`];
  }
  const allowed = status === "UNAUTHENTICATED" && CHECK_CREDENTIALS.includes(rpc.name);
  return OUR_FAULT.includes(status) && !allowed ? [said] : [];
}

async function sweep(rpc: Rpc, route: Route, requests: Request[]): Promise<string[]> {
  sent += requests.length;
  const answers = await inParallel(requests, AT_ONCE, async (request) => {
    const answer = await route.call(rpc, request.bytes, headersFor(rpc)).catch((error: unknown) => `${error}`);
    return typeof answer === "string" ? [`${request.what}: ${answer}`] : complaint(rpc, request, answer);
  });
  return answers.flat();
}

for (const route of [edge, service]) {
  for (const rpc of RPCS.filter(({ access }) => route === service || access !== "internal")) {
    test(`${rpc.name} refuses malformed fields, naming each, ${route.name}`, async () => {
      const requests = mutants(rpc, known);
      assert.deepEqual(await sweep(rpc, route, requests), []);
    });

    test(`${rpc.name} names all malformed fields at once, ${route.name}`, async () => {
      const wrong = allWrong(rpc.method.input, known, (mutation) => !isNotUtf8(mutation));
      if (wrong.paths.length === 0) return;
      const { status, violations } = await route.call(rpc, encode(rpc.method.input, wrong.draft), headersFor(rpc));
      assert.equal(status, "INVALID_ARGUMENT");
      if (wrong.paths.length <= MAX_VIOLATIONS) assert.deepEqual(violations, wrong.paths);
      else assert.equal(violations.length, MAX_VIOLATIONS);
    });

    test(`${rpc.name} survives what is no message of its kind, ${route.name}`, async () => {
      assert.deepEqual(await sweep(rpc, route, garbage(rpc, new Random(`${rpc.name} ${route.name}`))), []);
    });

    test(`${rpc.name} refuses a request over the size limit, ${route.name}`, async () => {
      const { status } = await route.call(rpc, new Uint8Array(MAX_REQUEST_BYTES + 1), headersFor(rpc));
      assert.equal(status, "RESOURCE_EXHAUSTED");
    });
  }
}

test("a negative price is among what must be refused by its name", () => {
  const field = "prices[0].amount.units_minor";
  const requests = mutants(
    RPCS.find(({ name }) => name === "SetPrices")!,
    known,
  );
  const negative = requests.filter(({ what }) => what.startsWith(`${field}: -`));
  assert.deepEqual(
    negative.map(({ violations }) => violations),
    [[field], [field], [field]],
  );
});

after(async () => {
  console.log(`${sent} requests`);
  assert.deepEqual(await pids(), pidsBefore, "a process has ended and was started again");
});
