import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { NotificationService } from "../src/gen/playmesh/notification/v1/notification_service_pb.js";
import type { WatchOptions } from "../src/index.js";
import { FakeMesh, eventually, failure } from "./fake_mesh.js";

// An inbox whose stream is served as the contract says; `cursors` gets what each connection asked for.
class Inbox {
  readonly cursors: string[] = [];
  readonly #titles: string[] = [];
  readonly #grown = new EventTarget();
  refuse: (() => ConnectError) | undefined;

  add(title: string): void {
    this.#titles.push(title);
    this.#grown.dispatchEvent(new Event("grown"));
  }

  async *watch(cursor: string, context: HandlerContext) {
    this.cursors.push(cursor);
    const refused = this.refuse?.();
    if (refused) throw refused;
    let next = cursor ? Number(cursor) : this.#titles.length;
    yield { cursor: String(next) };
    while (!context.signal.aborted) {
      for (; next < this.#titles.length; next++) {
        yield { notification: { title: this.#titles[next]! }, cursor: String(next + 1) };
      }
      await new Promise((resolve) => this.#grown.addEventListener("grown", resolve, { once: true }));
    }
  }
}

async function withWatcher(
  options: WatchOptions,
  steps: (world: {
    mesh: FakeMesh;
    inbox: Inbox;
    seen: string[];
    states: string[];
    outcome: Promise<unknown>;
    signOut: () => Promise<void>;
  }) => Promise<void>,
): Promise<unknown> {
  const inbox = new Inbox();
  const service = (router: ConnectRouter, identity: FakeMesh["identity"]) =>
    router.service(NotificationService, {
      watchNotifications: ({ cursor }, context) => {
        identity.authenticate(context);
        return inbox.watch(cursor, context);
      },
    });
  await using mesh = await new FakeMesh(service).start();
  const playmesh = await mesh.signedIn();
  const [seen, states]: string[][] = [[], []];
  const watching = (async () => {
    const watch = { ...options, onStateChange: (state: string) => states!.push(state) };
    for await (const { notification } of playmesh.watchNotifications(watch)) seen!.push(notification.title);
  })();
  const outcome = watching.then(
    () => "ended",
    (error: unknown) => error,
  );
  await eventually(() => states!.length > 0 || inbox.cursors.length > 1);
  await steps({ mesh, inbox, seen: seen!, states: states!, outcome, signOut: () => playmesh.session.signOut() });
  await playmesh.session.signOut();
  return outcome;
}

test("notifications come as they are made", async () => {
  const outcome = await withWatcher({}, async ({ inbox, seen }) => {
    inbox.add("one");
    inbox.add("two");
    await eventually(() => seen.length === 2);
    assert.deepEqual(seen, ["one", "two"]);
  });
  assert.equal(outcome, "ended");
});

test("a broken connection is opened again at its cursor: nothing is missed and nothing comes twice", async () => {
  await withWatcher({}, async ({ mesh, inbox, seen, states }) => {
    inbox.add("one");
    await eventually(() => seen.length === 1);
    mesh.cut();
    inbox.add("two");
    await eventually(() => seen.length === 2);
    mesh.cut();
    inbox.add("three");
    await eventually(() => seen.length === 3);
    assert.deepEqual(seen, ["one", "two", "three"]);
    assert.deepEqual(inbox.cursors, ["", "1", "2"]);
    assert.deepEqual(states, ["open", "reconnecting", "open", "reconnecting", "open"]);
  });
});

test("a connection that broke before anything came goes on from where it opened", async () => {
  await withWatcher({}, async ({ mesh, inbox, seen }) => {
    mesh.cut();
    inbox.add("meanwhile");
    await eventually(() => seen.length === 1);
    assert.deepEqual(inbox.cursors, ["", "0"]);
  });
});

test("watching goes on from a cursor that was kept", async () => {
  await withWatcher({ cursor: "0" }, async ({ inbox, seen }) => {
    inbox.add("one");
    await eventually(() => seen.length === 1);
    assert.deepEqual(inbox.cursors, ["0"]);
  });
});

test("an expired token is exchanged and watching goes on", async () => {
  await withWatcher({}, async ({ mesh, inbox, seen }) => {
    mesh.identity.revokeAccessTokens();
    mesh.cut();
    await eventually(() => inbox.cursors.length === 2);
    inbox.add("one");
    await eventually(() => seen.length === 1);
    assert.equal(mesh.identity.refreshCount, 1);
  });
});

test("a connection that is silent for too long is opened again", async () => {
  await withWatcher({ maxSilenceMs: 100 }, async ({ inbox, states }) => {
    await eventually(() => inbox.cursors.length >= 3);
    assert.ok(states.includes("reconnecting"));
  });
});

test("past ten streams watching fails", async () => {
  await withWatcher({}, async ({ mesh, inbox, outcome }) => {
    inbox.refuse = () => failure(Code.ResourceExhausted, { reason: "TOO_MANY_STREAMS" });
    mesh.cut();
    assert.equal(((await outcome) as { reason?: string }).reason, "TOO_MANY_STREAMS");
  });
});

test("a slow consumer is connected again", async () => {
  await withWatcher({}, async ({ mesh, inbox, states }) => {
    inbox.refuse = () => failure(Code.ResourceExhausted, { reason: "SLOW_CONSUMER" });
    mesh.cut();
    await eventually(() => inbox.cursors.length >= 3);
    inbox.refuse = undefined;
    await eventually(() => states.at(-1) === "open");
  });
});

test("the signal ends the iteration", async () => {
  const stop = new AbortController();
  const outcome = await withWatcher({ signal: stop.signal }, async () => stop.abort());
  assert.equal(outcome, "ended");
});
