// What the edge makes of HTTP that is not as it should be.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { ScalarType } from "@bufbuild/protobuf";
import { bearer, callJson } from "../lib/call.js";
import { PERMISSIONS, RPCS } from "../lib/contracts.js";
import { EDGE_URL } from "../lib/mesh.js";
import { accessToken } from "../lib/tokens.js";

const token = bearer(accessToken({ claims: { scope: PERMISSIONS.join(" ") } }));
const values = { "*": randomUUID() };

// A webhook's body is anything at all.
const WITH_BODY = RPCS.filter(({ json }) => json?.body === "*");

for (const rpc of WITH_BODY) {
  test(`${rpc.name} refuses JSON that is none`, async () => {
    for (const body of ["{", "[]", '"text"', "\0", "[".repeat(10_000)]) {
      const status = await callJson(rpc, values, token, body);
      assert.equal(status, 400, body.slice(0, 40));
    }
  });

  const text = rpc.method.input.fields.find(({ name, scalar, fieldKind }) => {
    return scalar === ScalarType.STRING && fieldKind !== "list" && !rpc.json!.template.includes(`{${name}}`);
  });
  if (!text) continue;

  test(`${rpc.name} refuses a JSON body over the size limit`, async () => {
    assert.equal(await callJson(rpc, values, token, JSON.stringify({ [text.name]: "x".repeat(1 << 20) })), 413);
  });
}

test("every RPC that may be called from outside can be called as JSON", () => {
  const without = RPCS.filter(({ access, json }) => access !== "internal" && !json);
  assert.deepEqual(
    without.map(({ path }) => path),
    [],
  );
});

test("the stream of notifications comes as JSON too, each when it is there", { timeout: 10_000 }, async () => {
  const stop = new AbortController();
  const { body } = await fetch(`${EDGE_URL}/v1/notifications:watch`, { headers: token, signal: stop.signal });
  const { value } = await body!.getReader().read();
  assert.match(new TextDecoder().decode(value), /^\[\{.*"cursor":"[^"]+"/);
  stop.abort();
});

test("an unknown path is 404, whatever the token", async () => {
  for (const headers of [{}, token]) {
    const response = await fetch(`${EDGE_URL}/v1/no-such-thing`, { headers });
    assert.equal(response.status, 404);
    assert.deepEqual(Object.keys((await response.json()) as object).sort(), ["code", "details", "message"]);
  }
});

test("the health of the edge needs no token", async () => {
  assert.equal((await fetch(`${EDGE_URL}/healthz`)).status, 200);
});

test("reflection and health of the services are not for the outside", async () => {
  for (const path of [
    "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
  ]) {
    const headers = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1", ...token };
    const response = await fetch(EDGE_URL + path, { method: "POST", headers, body: new Uint8Array(5) });
    assert.equal(response.headers.get("grpc-status"), "12", path);
  }
});

test("answers carry the security headers and name no software", async () => {
  const { headers } = await fetch(`${EDGE_URL}/v1/games:search`);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("x-frame-options"), "DENY");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("server"), null);
  assert.equal(headers.get("x-powered-by"), null);
});

test("a page of a strange origin is not allowed to read answers", async () => {
  const preflight = { method: "OPTIONS", headers: { "access-control-request-method": "POST" } };
  const from = (origin: string) =>
    fetch(`${EDGE_URL}/v1/games:search`, { ...preflight, headers: { ...preflight.headers, origin } });
  assert.equal((await from("https://evil.example.com")).headers.get("access-control-allow-origin"), null);
  assert.equal(
    (await from("http://localhost:5173")).headers.get("access-control-allow-origin"),
    "http://localhost:5173",
  );
});
