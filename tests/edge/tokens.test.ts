// Who gets in: every RPC of the mesh with every token that must not hold, at the edge, behind it, and as JSON.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { type Route, bearer, callJson, edge, service } from "../lib/call.js";
import { RPCS, type Rpc } from "../lib/contracts.js";
import { STRANGE_KEY, accessToken, serviceToken, signedWithPublicKey, tampered, unsigned } from "../lib/tokens.js";

const NOTHING = new Uint8Array();
const HOUR_S = 3600;
const ALLOWED_SKEW_S = 60; // by which an expired token passes the edge
const now = Math.floor(Date.now() / 1000);

/** What the edge says itself (OWN_ANSWERS in tools/mesh/edge.py): a service that was asked has other words. */
const EDGE_REFUSES = "UNAUTHENTICATED: a valid access token is needed";

/** Tokens that prove nothing. The edge sees that by itself and asks no service. */
const WORTHLESS: [what: string, token: string][] = [
  ["no token at all", ""],
  ["nonsense", "nonsense"],
  ["three empty parts", ".."],
  ["4 KiB of nonsense", "x".repeat(4 * 1024)],
  ["one that expired", accessToken({ claims: { iat: now - HOUR_S, exp: now - ALLOWED_SKEW_S - 1 } })],
  ["one without an expiry", accessToken({ claims: { exp: undefined } })],
  ["one of the future", accessToken({ claims: { iat: now + HOUR_S, nbf: now + HOUR_S, exp: now + 2 * HOUR_S } })],
  ["one without a signature (alg: none)", unsigned(accessToken())],
  ["one signed with the public key as a secret (HS256)", signedWithPublicKey(accessToken())],
  ["one signed by another key", accessToken({ key: STRANGE_KEY })],
  ["one signed by another key that names itself", accessToken({ key: STRANGE_KEY, header: { kid: "stranger" } })],
  ["one that brings its own key", accessToken({ key: STRANGE_KEY, header: { kid: undefined, jwk: STRANGE_KEY } })],
  ["one whose claims were changed", tampered(accessToken(), { sub: randomUUID() })],
  ["one for another audience", accessToken({ claims: { aud: "somebody-else" } })],
  ["one of another issuer", accessToken({ claims: { iss: "https://elsewhere.example.com" } })],
  ["a service's token", serviceToken("purchase", "catalog")],
];

/** As worthless, but only a service sees it: the edge allows for clocks that differ, and does not know our claims. */
const WORTHLESS_BEHIND: typeof WORTHLESS = [
  ["one that expired just now", accessToken({ claims: { iat: now - HOUR_S, exp: now - 1 } })],
  ["one of another type", accessToken({ header: { typ: "JWT" } })],
  ["one whose subject is nobody", accessToken({ claims: { sub: "nobody" } })],
];
const ALL_WORTHLESS = [...WORTHLESS, ...WORTHLESS_BEHIND];

function headersOf(token: string): Record<string, string> {
  return token ? bearer(token) : {};
}

/** What comes of each token, where it is not what is `expected`. */
async function unexpected<T>(
  expected: T,
  call: (token: string) => Promise<T>,
  tokens = ALL_WORTHLESS,
): Promise<string[]> {
  const results = tokens.map(async ([what, token]) => {
    const result = await call(token);
    return result === expected ? [] : [`${what}: ${result}, not ${expected}`];
  });
  return (await Promise.all(results)).flat();
}

function statusOf(route: Route, rpc: Rpc) {
  return async (token: string) => (await route.call(rpc, NOTHING, headersOf(token))).status;
}

for (const rpc of RPCS.filter(({ access }) => access === "signedIn" || access === "permission")) {
  test(`${rpc.name} takes no worthless token, by the edge's own word`, async () => {
    const said = async (token: string) => {
      const { status, message } = await edge.call(rpc, NOTHING, headersOf(token));
      return `${status}: ${message}`;
    };
    assert.deepEqual(await unexpected(EDGE_REFUSES, said, WORTHLESS), []);
  });

  for (const route of [edge, service]) {
    test(`${rpc.name} takes no worthless token, ${route.name}`, async () => {
      assert.deepEqual(await unexpected("UNAUTHENTICATED", statusOf(route, rpc)), []);
    });
  }

  if (rpc.json) {
    test(`${rpc.name} takes no worthless token as JSON`, async () => {
      const call = (token: string) => callJson(rpc, { "*": randomUUID() }, headersOf(token));
      assert.deepEqual(await unexpected(401, call), []);
    });
  }
}

for (const rpc of RPCS.filter(({ access }) => access === "permission")) {
  const permissions = rpc.permission.split(".");
  const lesser: [what: string, token: string][] = [
    ["without permissions", ""],
    ["with another permission", "somebody.elses.permission"],
    ["with the first half of its permission", permissions.slice(0, -1).join(".")],
    ["with a longer permission", `${rpc.permission}.more`],
  ].map(([what, scope]) => [what!, accessToken({ claims: { scope } })]);

  for (const route of [edge, service]) {
    test(`${rpc.name} needs ${rpc.permission}, ${route.name}`, async () => {
      assert.deepEqual(await unexpected("PERMISSION_DENIED", statusOf(route, rpc), lesser), []);
      const status = await statusOf(route, rpc)(accessToken({ claims: { scope: rpc.permission } }));
      assert.ok(!["PERMISSION_DENIED", "UNAUTHENTICATED"].includes(status), `with it: ${status}`);
    });
  }

  if (rpc.json) {
    test(`${rpc.name} needs ${rpc.permission} as JSON`, async () => {
      assert.equal(await callJson(rpc, { "*": randomUUID() }, bearer(accessToken())), 403);
    });
  }
}

for (const rpc of RPCS.filter(({ access }) => access === "signedIn")) {
  for (const route of [edge, service]) {
    test(`${rpc.name} lets in whoever is signed in, ${route.name}`, async () => {
      assert.notEqual(await statusOf(route, rpc)(accessToken()), "UNAUTHENTICATED");
    });
  }
}

for (const rpc of RPCS.filter(({ access }) => access === "public")) {
  for (const route of [edge, service]) {
    test(`${rpc.name} answers alike whatever the token, ${route.name}`, async () => {
      const status = await statusOf(route, rpc)("");
      assert.notEqual(status, "UNAUTHENTICATED");
      assert.deepEqual(await unexpected(status, statusOf(route, rpc)), []);
    });
  }
}
