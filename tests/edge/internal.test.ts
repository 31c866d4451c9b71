// RPCs for other services: out of reach from outside, and each only for those that its contract names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bearer, edge, service } from "../lib/call.js";
import { PERMISSIONS, RPCS } from "../lib/contracts.js";
import { EDGE_URL, SERVICES } from "../lib/mesh.js";
import { STRANGE_KEY, accessToken, serviceToken } from "../lib/tokens.js";

const NOTHING = new Uint8Array();
const HEADER = "x-playmesh-service";
const everything = accessToken({ claims: { scope: PERMISSIONS.join(" "), roles: ["administrator"] } });

for (const rpc of RPCS.filter(({ access }) => access === "internal")) {
  const caller = rpc.callers[0]!;
  const statusFor = async (headers: Record<string, string>) => (await service.call(rpc, NOTHING, headers)).status;

  test(`${rpc.name} cannot be reached through the edge`, async () => {
    for (const headers of [{}, bearer(everything), { [HEADER]: serviceToken(caller, rpc.service) }]) {
      assert.equal((await edge.call(rpc, NOTHING, headers)).status, "UNIMPLEMENTED");
    }
  });

  test(`${rpc.name} has no way in as JSON`, async () => {
    assert.equal(rpc.json, undefined, "it has an HTTP binding");
    const body = { method: "POST", headers: { "content-type": "application/json", ...bearer(everything) }, body: "{}" };
    assert.equal((await fetch(EDGE_URL + rpc.path, body)).status, 404);
  });

  test(`${rpc.name} refuses whoever is no service`, async () => {
    assert.equal(await statusFor({}), "UNAUTHENTICATED");
    assert.equal(await statusFor(bearer(everything)), "UNAUTHENTICATED");
    assert.equal(await statusFor({ [HEADER]: everything }), "UNAUTHENTICATED");
    assert.equal(await statusFor({ [HEADER]: "nonsense" }), "UNAUTHENTICATED");
    assert.equal(await statusFor(bearer(serviceToken(caller, rpc.service))), "UNAUTHENTICATED");
  });

  test(`${rpc.name} refuses a service's token that does not hold`, async () => {
    const now = Math.floor(Date.now() / 1000);
    const forgeries = {
      "signed by a strange key": serviceToken(caller, rpc.service, { key: STRANGE_KEY }),
      expired: serviceToken(caller, rpc.service, { claims: { iat: now - 120, exp: now - 60 } }),
      "for another audience": serviceToken(caller, rpc.service, { claims: { aud: "playmesh" } }),
      "for another service": serviceToken(
        caller,
        SERVICES.find((name) => name !== rpc.service)!,
      ),
      "of another type": serviceToken(caller, rpc.service, { header: { typ: "at+jwt" } }),
    };
    for (const [what, token] of Object.entries(forgeries)) {
      assert.equal(await statusFor({ [HEADER]: token }), "UNAUTHENTICATED", what);
    }
  });

  test(`${rpc.name} refuses a service that speaks for another one`, async () => {
    const other = SERVICES.find((name) => !rpc.callers.includes(name))!;
    const impostor = serviceToken(other, rpc.service, { claims: { iss: caller, sub: caller } });
    assert.equal(await statusFor({ [HEADER]: impostor }), "UNAUTHENTICATED");
    const borrowed = serviceToken(other, rpc.service, {
      header: { kid: caller },
      claims: { iss: caller, sub: caller },
    });
    assert.equal(await statusFor({ [HEADER]: borrowed }), "UNAUTHENTICATED");
  });

  test(`${rpc.name} is for ${rpc.callers.join(", ")} only`, async () => {
    for (const name of SERVICES) {
      const status = await statusFor({ [HEADER]: serviceToken(name, rpc.service) });
      if (rpc.callers.includes(name)) assert.notEqual(status, "PERMISSION_DENIED", name);
      else assert.equal(status, "PERMISSION_DENIED", name);
      assert.notEqual(status, "UNAUTHENTICATED", name);
    }
  });
}
