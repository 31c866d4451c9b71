// Exchanges webhook signatures with the payment service's tests through files in a folder.
//
//   node signatures.mjs sign FOLDER     Stripe's library signs bodies: by-stripe.json
//   node signatures.mjs verify FOLDER   Stripe's library verifies what the tests signed: by-us.json
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Stripe from "stripe";

const { webhooks } = new Stripe("sk_test_123");

const BODIES = [
  {
    id: "evt_1",
    object: "event",
    type: "payment_intent.succeeded",
    data: { object: { id: "pi_1", status: "succeeded" } },
  },
  {
    id: "evt_2",
    object: "event",
    type: "charge.refunded",
    data: { object: { description: "Ein Spiel für 5 €, 遊戲 🎲" } },
  },
  { id: "evt_3", object: "event", type: "customer.created", data: { object: { note: "x".repeat(50_000) } } },
].map((event) => JSON.stringify(event, null, 2));

function sign(folder) {
  const signed = BODIES.map((body, index) => {
    const secret = `whsec_${"secret".repeat(index + 1)}`;
    return { secret, body, header: webhooks.generateTestHeaderString({ payload: body, secret }) };
  });
  writeFileSync(join(folder, "by-stripe.json"), JSON.stringify(signed));
}

function verify(folder) {
  const signed = JSON.parse(readFileSync(join(folder, "by-us.json"), "utf8"));
  for (const { secret, body, header } of signed) {
    const { id } = webhooks.constructEvent(body, header, secret);
    console.log(`Stripe's library accepts our signature of ${id}`);
  }
  if (signed.length <= BODIES.length) throw new Error("the sandbox's own webhook is missing");
}

const [command, folder] = process.argv.slice(2);
({ sign, verify })[command](folder);
