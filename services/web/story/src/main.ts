// Tells the story: what a player and a publisher do with Playmesh, each step checked, against a running mesh.
import { parseArgs } from "node:util";
import { afterPurchase } from "./after_purchase.js";
import { accounts } from "./accounts.js";
import { buying } from "./buying.js";
import { describe } from "./check.js";
import { findMesh } from "./mesh.js";
import { publishing } from "./publishing.js";
import { refunding } from "./refunding.js";
import { searching } from "./searching.js";
import { troubles } from "./troubles.js";
import { updating } from "./updating.js";
import { World } from "./world.js";

const STEPS = [accounts, publishing, searching, buying, afterPurchase, updating, troubles, refunding].flat();

const USAGE = `tools/story [--no-import] [--skip kafka] [--skip mail]

Walks a purchase and everything around it through the edge of a running mesh, from registration to refund, and checks each
step. Exits with 1 and the step's name when one fails. Makes new accounts and games with every run.

  --no-import    no real games were imported, so none must be found
  --skip PART    leaves out what is checked on Kafka (PLAYMESH_KAFKA) or in the mail (PLAYMESH_MAIL_URL)

The mesh is that of $PLAYMESH_HOME when it is set; else the one whose addresses the environment has, or that of tools/up.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      "no-import": { type: "boolean" },
      skip: { type: "string", multiple: true, default: [] },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const mesh = findMesh();
  const skip = new Set(values.skip as ("kafka" | "mail")[]);
  const world = new World(mesh, { imported: !values["no-import"], skip });
  console.log(`The story, at ${mesh.edgeUrl}`);
  try {
    for (const step of STEPS) {
      const startMs = performance.now();
      const line = (mark: string, note: string) =>
        console.log(
          ` ${mark} ${step.name.padEnd(28)} ${((performance.now() - startMs) / 1000).toFixed(2).padStart(6)} s  ${note}`,
        );
      try {
        line("✓", await step.run(world));
      } catch (thrown) {
        line("✗", describe(thrown));
        console.error(`\nThe story failed at: ${step.name}`);
        if (process.env.DEBUG) console.error(thrown);
        return 1;
      }
    }
  } finally {
    world.tape?.close();
  }
  console.log(`${STEPS.length} steps in ${((Date.now() - world.startMs) / 1000).toFixed(1)} s`);
  return 0;
}

process.exitCode = await main().catch((thrown: unknown) => {
  console.error(describe(thrown));
  return 2;
});
