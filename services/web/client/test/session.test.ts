import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Code, type ConnectRouter, type Interceptor } from "@connectrpc/connect";
import { CatalogService } from "../src/gen/playmesh/catalog/v1/catalog_service_pb.js";
import { NotificationService } from "../src/gen/playmesh/notification/v1/notification_service_pb.js";
import { PlaymeshError, type StoredSession, memoryStorage, webStorage } from "../src/index.js";
import { FakeMesh, eventually, failure } from "./fake_mesh.js";

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

test("a token that is about to expire is exchanged before the call, once for all calls", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  await using mesh = await new FakeMesh().start();
  const playmesh = await mesh.signedIn();
  t.mock.timers.tick((mesh.identity.tokenLifeS - 31) * 1000);
  assert.equal(await tokenSeen(playmesh), "token 1");
  t.mock.timers.tick(1000);
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

test("a refusal of a public call is no reason for other tokens or another try", async () => {
  const sent: string[] = [];
  const record: Interceptor = (next) => (request) => {
    sent.push(request.method.name);
    return next(request);
  };
  await using mesh = await new FakeMesh().start();
  const playmesh = await mesh.signedIn({ interceptors: [record] });
  const credentials = { email: "ada@example.com", password: "battery staple" };
  await assert.rejects(playmesh.identity.signIn(credentials), { reason: "WRONG_CREDENTIALS" });
  assert.deepEqual(sent, ["SignIn", "SignIn"], "signing in rightly, and wrongly once");
});

test("webStorage keeps a session over a reload", (t) => {
  const web = openTabs(t, 1)[0]!;
  const session: StoredSession = { accessToken: "a", refreshAtMs: 1, refreshToken: "r", user: { userId: "u1" } };
  webStorage(web).save(session);
  assert.deepEqual(webStorage(web).load(), session);
  webStorage(web).clear();
  assert.equal(webStorage(web).load(), undefined);
});

for (const text of ["", "{", "null", "{}", '"text"']) {
  test(`webStorage takes ${text || "an empty text"} for no session`, async (t) => {
    await using mesh = await new FakeMesh().start();
    const web = openTabs(t, 1)[0]!;
    web.setItem("playmesh.session", text);
    const { session } = mesh.client({ storage: webStorage(web) });
    assert.equal(await session.user(), undefined);
    await session.signIn({ email: "ada@example.com", password: "correct horse" });
    assert.equal((await session.user())?.email, "ada@example.com");
  });
}

test("signing in or out in one tab does so in the others", async (t) => {
  await using mesh = await new FakeMesh().start();
  const [here, there] = openTabs(t, 2).map((tab) => mesh.client({ storage: webStorage(tab) }));
  const told: unknown[] = [];
  there!.session.onChange((user) => told.push(user?.email));
  await here!.session.signIn({ email: "ada@example.com", password: "correct horse" });
  assert.equal(await tokenSeen(there!), "token 1");
  await here!.session.signIn({ email: "eve@example.com", password: "correct horse" });
  assert.equal(await tokenSeen(there!), "token 2");
  await here!.session.signOut();
  await assert.rejects(tokenSeen(there!), { code: Code.Unauthenticated });
  assert.deepEqual(told, ["ada@example.com", "eve@example.com", undefined]);
});

test("tokens that one tab exchanges are no news to the others", async (t) => {
  await using mesh = await new FakeMesh().start();
  const [here, there] = openTabs(t, 2).map((tab) => mesh.client({ storage: webStorage(tab) }));
  await here!.session.signIn({ email: "ada@example.com", password: "correct horse" });
  const told: unknown[] = [];
  there!.session.onChange((user) => told.push(user?.email));
  await here!.session.refresh();
  assert.equal(await tokenSeen(there!), "token 2");
  assert.deepEqual(told, []);
});

test("signing out in one tab ends the streams of the others", async (t) => {
  await using mesh = await new FakeMesh(silentInbox).start();
  const [here, there] = openTabs(t, 2).map((tab) => mesh.client({ storage: webStorage(tab) }));
  await here!.session.signIn({ email: "ada@example.com", password: "correct horse" });
  const stop = new AbortController();
  t.after(() => stop.abort());
  let [isOpen, isOver] = [false, false];
  const watch = { signal: stop.signal, onStateChange: () => (isOpen = true) };
  const next = there!.watchNotifications(watch).next();
  void next.then(({ done }) => (isOver = !!done));
  await eventually(() => isOpen);
  await here!.session.signOut();
  await eventually(() => isOver);
});

function emptyCatalog(router: ConnectRouter) {
  router.service(CatalogService, { searchGames: () => ({}) });
}

function silentInbox(router: ConnectRouter) {
  router.service(NotificationService, {
    async *watchNotifications(_, { signal }) {
      yield { cursor: "0" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  });
}

// localStorage as the tabs of one browser have it: what one writes, the others are told of (HTML, section 12.2).
function openTabs(t: TestContext, count: number): Storage[] {
  const events = new EventTarget();
  Object.assign(globalThis, { addEventListener: events.addEventListener.bind(events) });
  t.after(() => Reflect.deleteProperty(globalThis, "addEventListener"));
  const items = new Map<string, string>();
  const tabs = Array.from({ length: count }, (): Storage => {
    const change = (key: string, newValue: string | null) => {
      const oldValue = items.get(key) ?? null;
      if (newValue === null) items.delete(key);
      else items.set(key, newValue);
      for (const storageArea of tabs.filter((tab) => tab !== own)) {
        events.dispatchEvent(Object.assign(new Event("storage"), { storageArea, key, oldValue, newValue }));
      }
    };
    const own = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: change,
      removeItem: (key: string) => change(key, null),
    } as Storage;
    return own;
  });
  return tabs;
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
