import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { CatalogService } from "../src/gen/playmesh/catalog/v1/catalog_service_pb.js";
import { PlaymeshError, type StoredSession, memoryStorage, webStorage } from "../src/index.js";
import { FakeMesh, failure } from "./fake_mesh.js";

const tokenSeen = async (playmesh: Awaited<ReturnType<FakeMesh["signedIn"]>>) =>
  (await playmesh.identity.getProfile({})).user?.displayName;

test("calls carry the token of the session", async () => {
  await using mesh = await new FakeMesh().start();
  const playmesh = await mesh.signedIn();
  assert.equal(await tokenSeen(playmesh), "token 1");
  assert.equal((await playmesh.session.user())?.email, "ada@example.com");
});

test("a wrong password is told as WRONG_CREDENTIALS and opens no session", async () => {
  await using mesh = await new FakeMesh().start();
  const playmesh = mesh.client();
  const credentials = { email: "ada@example.com", password: "battery staple" };
  await assert.rejects(playmesh.session.signIn(credentials), { name: "PlaymeshError", reason: "WRONG_CREDENTIALS" });
  assert.equal(await playmesh.session.user(), undefined);
});

test("a token that is about to expire is exchanged before the call, once for all calls", async () => {
  await using mesh = await new FakeMesh().start();
  mesh.identity.tokenLifeS = 1;
  const playmesh = await mesh.signedIn();
  mesh.identity.tokenLifeS = 900;
  await new Promise((resolve) => setTimeout(resolve, 950));
  const seen = await Promise.all(Array.from({ length: 20 }, () => tokenSeen(playmesh)));
  assert.deepEqual(new Set(seen), new Set(["token 2"]));
  assert.equal(mesh.identity.refreshCount, 1);
});

test("a token that the server refuses is exchanged and the calls are sent again", async () => {
  await using mesh = await new FakeMesh().start();
  const playmesh = await mesh.signedIn();
  mesh.identity.revokeAccessTokens();
  const seen = await Promise.all(Array.from({ length: 20 }, () => tokenSeen(playmesh)));
  assert.deepEqual(new Set(seen), new Set(["token 2"]));
  assert.equal(mesh.identity.refreshCount, 1);
});

for (const clockAheadMs of [-3_600_000, 3_600_000]) {
  test(`a clock that is off by ${clockAheadMs / 60_000} minutes causes no refreshes`, async () => {
    await using mesh = await new FakeMesh().start();
    mesh.identity.clockAheadMs = clockAheadMs;
    const playmesh = await mesh.signedIn();
    await tokenSeen(playmesh);
    await tokenSeen(playmesh);
    assert.equal(mesh.identity.refreshCount, 0);
  });
}

test("refresh exchanges the tokens at once, so that they carry a new role", async () => {
  await using mesh = await new FakeMesh().start();
  const playmesh = await mesh.signedIn();
  await playmesh.session.refresh();
  assert.equal(await tokenSeen(playmesh), "token 2");
});

test("a session that the server ended is forgotten, and listeners are told", async () => {
  await using mesh = await new FakeMesh().start();
  const playmesh = await mesh.signedIn();
  const told: unknown[] = [];
  playmesh.session.onChange((user) => told.push(user));
  mesh.identity.failRefresh = () => failure(Code.Unauthenticated, { reason: "SESSION_ENDED" });
  await assert.rejects(playmesh.session.refresh(), { reason: "SESSION_ENDED" });
  assert.equal(await playmesh.session.user(), undefined);
  assert.deepEqual(told, [undefined]);
});

test("a refresh that finds the server unavailable is tried again and keeps the session", async () => {
  await using mesh = await new FakeMesh().start();
  const playmesh = await mesh.signedIn();
  mesh.identity.failRefresh = () => failure(Code.Unavailable, { retryDelayMs: 1 });
  await assert.rejects(playmesh.session.refresh(), { code: Code.Unavailable });
  assert.equal(mesh.identity.refreshCount, 4);
  mesh.identity.failRefresh = undefined;
  await playmesh.session.refresh();
  assert.equal(await tokenSeen(playmesh), "token 2");
});

test("two pages that share a storage spend each refresh token once", async () => {
  await using mesh = await new FakeMesh().start();
  const storage = sharedStorage();
  const [first, second] = [await mesh.signedIn({ storage }), mesh.client({ storage })];
  mesh.identity.revokeAccessTokens();
  assert.deepEqual(await Promise.all([tokenSeen(first), tokenSeen(second)]), ["token 2", "token 2"]);
  assert.equal(mesh.identity.refreshCount, 1);
});

test("after sign-out nobody is signed in, and the token is sent no more", async () => {
  await using mesh = await new FakeMesh().start();
  const playmesh = await mesh.signedIn();
  await playmesh.session.signOut();
  assert.equal(await playmesh.session.user(), undefined);
  await assert.rejects(tokenSeen(playmesh), { code: Code.Unauthenticated });
});

test("public calls work without a session, and with one that cannot be refreshed", async () => {
  await using mesh = await new FakeMesh(emptyCatalog).start();
  assert.deepEqual((await mesh.client().catalog.searchGames({})).games, []);
  mesh.identity.tokenLifeS = 0;
  const playmesh = await mesh.signedIn();
  mesh.identity.failRefresh = () => failure(Code.Internal, {});
  assert.deepEqual((await playmesh.catalog.searchGames({})).games, []);
  await assert.rejects(tokenSeen(playmesh), (error) => error instanceof PlaymeshError && error.code === Code.Internal);
});

test("webStorage keeps a session over a reload", () => {
  const items = new Map<string, string>();
  const web = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  } as Storage;
  const session: StoredSession = { accessToken: "a", refreshAtMs: 1, refreshToken: "r", user: { userId: "u1" } };
  webStorage(web).save(session);
  assert.deepEqual(webStorage(web).load(), session);
  webStorage(web).clear();
  assert.equal(webStorage(web).load(), undefined);
});

function emptyCatalog(router: ConnectRouter) {
  router.service(CatalogService, { searchGames: () => ({}) });
}

function sharedStorage() {
  let turn: Promise<unknown> = Promise.resolve();
  return {
    ...memoryStorage(),
    exclusively: <T>(work: () => Promise<T>): Promise<T> => {
      const result = turn.then(work);
      turn = result.catch(() => {});
      return result;
    },
  };
}
