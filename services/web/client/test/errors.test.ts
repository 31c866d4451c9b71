import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, type ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { CatalogService } from "../src/gen/playmesh/catalog/v1/catalog_service_pb.js";
import { PaymentService } from "../src/gen/playmesh/payment/v1/payment_service_pb.js";
import { PlaymeshError, type Reason, createPlaymesh } from "../src/index.js";
import { FakeMesh, failure } from "./fake_mesh.js";

async function errorOf(answer: () => ConnectError): Promise<PlaymeshError> {
  const catalog = (router: ConnectRouter) =>
    router.service(CatalogService, { createGame: () => Promise.reject(answer()) });
  await using mesh = await new FakeMesh(catalog).start();
  return await mesh
    .client()
    .catalog.createGame({})
    .then(() => assert.fail("it succeeded"), PlaymeshError.from);
}

test("an error has its code, sentence, reason and request id", async () => {
  const error = await errorOf(() => failure(Code.Aborted, { reason: "STALE_ETAG" }));
  const reason: Reason | undefined = error.reason;
  assert.deepEqual(
    [error.code, error.message, reason, error.requestId],
    [Code.Aborted, "it failed", "STALE_ETAG", "r1"],
  );
});

test("a reason that this version does not know is undefined", async () => {
  assert.equal((await errorOf(() => failure(Code.Aborted, { reason: "INVENTED_LATER" }))).reason, undefined);
  assert.equal((await errorOf(() => failure(Code.Aborted, { reason: "UNSPECIFIED" }))).reason, undefined);
});

test("field violations are found by the field's name in the request", async () => {
  const fields = { display_name: "is missing", "game.texts[0].minimum_age": "is above 21" };
  const error = await errorOf(() => failure(Code.InvalidArgument, { fields }));
  assert.deepEqual(error.fields, { displayName: "is missing", "game.texts[0].minimumAge": "is above 21" });
});

test("a server that cannot be reached is UNAVAILABLE", async () => {
  const playmesh = createPlaymesh({ baseUrl: "http://127.0.0.1:9" });
  await assert.rejects(playmesh.catalog.setPrices({}), { name: "PlaymeshError", code: Code.Unavailable });
});

test("a call that takes too long is DEADLINE_EXCEEDED", async () => {
  const never = (router: ConnectRouter) =>
    router.service(CatalogService, { getGame: () => new Promise<never>(() => {}) });
  await using mesh = await new FakeMesh(never).start();
  await assert.rejects(mesh.client().catalog.getGame({}, { timeoutMs: 50 }), { code: Code.DeadlineExceeded });
});

test("RPCs between services are not in the client", () => {
  assert.deepEqual(
    PaymentService.methods.map(({ localName }) => localName).filter((name) => name.endsWith("Payment")),
    [],
  );
});
