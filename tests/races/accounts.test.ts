// Accounts and sessions under many hands at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, PlaymeshError, createPlaymesh, identity, newRequestId } from "@playmesh/client";
import { newPerson, newWord } from "../../services/web/story/src/people.js";
import { EDGE_URL } from "../lib/mesh.js";
import { atOnce } from "../lib/parallel.js";
import { count, literal } from "../lib/sql.js";

// Each registration costs a password hash, which is made to be slow.
const CROWD = 16;

test(`${CROWD} registrations of one address with one password make one account`, async () => {
  const { identity: service } = createPlaymesh({ baseUrl: EDGE_URL, timeoutMs: 60_000 });
  const email = `${newWord()}@races.example.com`;
  const account = { email, password: newWord(), displayName: "Racer", countryCode: "DE" };
  const answers = await atOnce(CROWD, () => service.register(account));
  assert.equal(new Set(answers.map(({ user }) => user!.userId)).size, 1);
  const userId = answers[0]!.user!.userId;
  const events = `select from outbox where type like '%.UserRegistered' and key = ${literal(userId)}`;
  assert.equal(await count("identity", events), 1);
});

test(`${CROWD} registrations of one address with as many passwords make one account`, async () => {
  const { identity: service } = createPlaymesh({ baseUrl: EDGE_URL, timeoutMs: 60_000 });
  const email = `${newWord()}@races.example.com`;
  const outcomes = await atOnce(CROWD, () => {
    const account = { email, password: newWord(), displayName: "Racer", countryCode: "DE" };
    return service.register(account).then(
      () => "OK",
      (error: unknown) => PlaymeshError.from(error).reason,
    );
  });
  assert.equal(outcomes.filter((outcome) => outcome === "OK").length, 1);
  assert.equal(outcomes.filter((outcome) => outcome === "EMAIL_TAKEN").length, CROWD - 1);
});

test("64 organisations made under one request_id are one organisation", async () => {
  const { playmesh, userId } = await newPerson(EDGE_URL, "Founder");
  const request = {
    requestId: newRequestId(),
    displayName: "One of a kind",
    kind: identity.OrganisationKind.PUBLISHER,
  };
  const answers = await atOnce(64, () => playmesh.identity.createOrganisation(request));
  assert.equal(new Set(answers.map(({ organisation }) => organisation!.organisationId)).size, 1);
  assert.equal(await count("identity", `select from organisation_members where user_id = ${literal(userId)}`), 1);
});

test("no more organisations than allowed, however many are made at once", async () => {
  const { playmesh, userId } = await newPerson(EDGE_URL, "Greedy");
  const kind = identity.OrganisationKind.DEVELOPER;
  const outcomes = await atOnce(32, (index) =>
    playmesh.identity.createOrganisation({ displayName: `Number ${index}`, kind }).then(
      () => "OK",
      (error: unknown) => PlaymeshError.from(error).reason,
    ),
  );
  assert.deepEqual([...new Set(outcomes)].sort(), ["OK", "TOO_MANY_ORGANISATIONS"]);
  assert.equal(await count("identity", `select from organisation_members where user_id = ${literal(userId)}`), 10);
});

test("one refresh token exchanged by four tabs at once is no theft", async () => {
  const person = await newPerson(EDGE_URL, "Many tabs");
  const { refreshToken } = (await person.storage.load())!;
  const { identity: service } = createPlaymesh({ baseUrl: EDGE_URL });
  const answers = await atOnce(4, () => service.refreshSession({ refreshToken }));
  const next = answers.map(({ tokens }) => tokens!.refreshToken);
  assert.equal(new Set([refreshToken, ...next]).size, 5);
  await Promise.all(next.map((token) => service.refreshSession({ refreshToken: token })));
});

test("64 exchanges of one refresh token at once leave a session that goes on", async () => {
  const person = await newPerson(EDGE_URL, "Too many tabs");
  const { refreshToken } = (await person.storage.load())!;
  const { identity: service } = createPlaymesh({ baseUrl: EDGE_URL });
  const answers = await atOnce(64, () => service.refreshSession({ refreshToken }));
  const next = answers.map(({ tokens }) => service.refreshSession({ refreshToken: tokens!.refreshToken }));
  // Only the newest are kept; the others have given way.
  const ended = (await Promise.allSettled(next)).flatMap(({ status, ...rest }) => {
    return status === "rejected" ? [PlaymeshError.from((rest as { reason: unknown }).reason).reason] : [];
  });
  assert.ok(ended.length < 64);
  assert.deepEqual([...new Set([...ended, "SESSION_ENDED"])], ["SESSION_ENDED"]);
});

test("a profile changed 64 times at once under one etag is changed once", async () => {
  const { playmesh } = await newPerson(EDGE_URL, "Before");
  const { user } = await playmesh.identity.getProfile({});
  const outcomes = await atOnce(64, (index) =>
    playmesh.identity
      .updateProfile({
        user: { displayName: `After ${index}` },
        updateMask: { paths: ["display_name"] },
        etag: user!.etag,
      })
      .then(
        () => "OK",
        (error: unknown) => PlaymeshError.from(error).reason ?? Code[PlaymeshError.from(error).code],
      ),
  );
  assert.equal(outcomes.filter((outcome) => outcome === "OK").length, 1);
  assert.equal(outcomes.filter((outcome) => outcome === "STALE_ETAG").length, 63);
});
