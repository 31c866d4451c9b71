// Where the mesh is.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Addresses of a running mesh. */
export interface Mesh {
  edgeUrl: string;
  /** host:port of a broker. */
  kafka: string;
  /** HTTP API of the SMTP server that catches all mail. */
  mailUrl: string;
}

const root = join(dirname(fileURLToPath(import.meta.url)), "../../../..");

/** From the environment, or else from the file that tools/up writes. Throws when neither says where the edge is. */
export function findMesh(environment = process.env): Mesh {
  const file = join(environment.PLAYMESH_HOME || join(root, ".playmesh"), "env");
  const known = { ...(existsSync(file) ? variablesOf(readFileSync(file, "utf8")) : {}), ...environment };
  if (!known.PLAYMESH_EDGE_URL)
    throw new Error(`no mesh: ${file} does not say PLAYMESH_EDGE_URL. Start one with tools/up.`);
  return {
    edgeUrl: known.PLAYMESH_EDGE_URL,
    kafka: known.PLAYMESH_KAFKA ?? "",
    mailUrl: known.PLAYMESH_MAIL_URL ?? "",
  };
}

function variablesOf(shell: string): Record<string, string> {
  const lines = shell.matchAll(/^(?:export )?(\w+)=(['"]?)(.*)\2$/gm);
  return Object.fromEntries(Array.from(lines, ([, name, , value]) => [name!, value!]));
}
