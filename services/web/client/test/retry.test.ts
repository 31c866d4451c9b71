import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code, type ConnectRouter, type Interceptor } from "@connectrpc/connect";
import { CatalogService } from "../src/gen/playmesh/catalog/v1/catalog_service_pb.js";
import { CreateOrderRequestSchema, PurchaseService } from "../src/gen/playmesh/purchase/v1/purchase_service_pb.js";
import { PlaymeshError, newRequestId } from "../src/index.js";
import { FakeMesh, eventually, failure } from "./fake_mesh.js";

// Answers UNAVAILABLE so many times, and then as it should; `seen` gets the request_id of each try.
function flaky(failures: number, seen: string[], retryDelayMs = 1) {
  const attempt = (requestId: string) => {
    seen.push(requestId);
    if (seen.length <= failures) throw failure(Code.Unavailable, { retryDelayMs });
    return {};
  };
  return (router: ConnectRouter) => {
    router.service(CatalogService, { searchGames: () => attempt(""), setPrices: () => attempt("") });
    router.service(PurchaseService, { createOrder: ({ requestId }) => attempt(requestId) });
  };
}

test("a read is sent again until the server is back", async () => {
  const seen: string[] = [];
  await using mesh = await new FakeMesh(flaky(3, seen)).start();
  await mesh.client().catalog.searchGames({});
  assert.equal(seen.length, 4);
});

test("a read is given up after four tries", async () => {
  const seen: string[] = [];
  await using mesh = await new FakeMesh(flaky(9, seen)).start();
  await assert.rejects(mesh.client().catalog.searchGames({}), { code: Code.Unavailable });
  assert.equal(seen.length, 4);
});

test("a change without request_id is sent once", async () => {
  const seen: string[] = [];
  await using mesh = await new FakeMesh(flaky(1, seen)).start();
  await assert.rejects(mesh.client().catalog.setPrices({}), { code: Code.Unavailable });
  assert.equal(seen.length, 1);
});

test("a change that takes a request_id gets one, and keeps it over its tries", async () => {
  const seen: string[] = [];
  await using mesh = await new FakeMesh(flaky(2, seen)).start();
  const request = create(CreateOrderRequestSchema);
  await mesh.client().purchase.createOrder(request);
  assert.equal(seen.length, 3);
  assert.equal(new Set(seen).size, 1);
  assert.match(seen[0]!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(request.requestId, "", "the caller's message was changed");
});

test("two calls get two ids, and an id that is given is kept", async () => {
  const seen: string[] = [];
  await using mesh = await new FakeMesh(flaky(0, seen)).start();
  const { purchase } = mesh.client();
  const requestId = newRequestId();
  await purchase.createOrder({});
  await purchase.createOrder({});
  await purchase.createOrder({ requestId });
  assert.equal(new Set(seen).size, 3);
  assert.equal(seen[2], requestId);
});

test("the server's own delay is kept", async () => {
  const seen: string[] = [];
  await using mesh = await new FakeMesh(flaky(1, seen, 300)).start();
  const startMs = performance.now();
  await mesh.client().catalog.searchGames({});
  assert.ok(performance.now() - startMs >= 299);
});

test("retries end at the call's deadline", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const seen: string[] = [];
  let failures = 0;
  const countFailures: Interceptor = (next) => async (request) => next(request).finally(() => failures++);
  await using mesh = await new FakeMesh(flaky(9, seen, 400)).start();
  const playmesh = mesh.client({ timeoutMs: 100, interceptors: [countFailures] });
  let code: Code | undefined;
  playmesh.catalog.searchGames({}).catch((error: unknown) => (code = PlaymeshError.from(error).code));
  await eventually(() => failures === 1);
  t.mock.timers.tick(100); // with 300 to go until the next try
  await eventually(() => code !== undefined);
  assert.equal(code, Code.DeadlineExceeded);
  assert.equal(seen.length, 1);
});
