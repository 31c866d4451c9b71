// Where a mesh is: the variables that tools/up writes for a shell, read once for the story, the example and the tests.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

type Variables = Readonly<Record<string, string | undefined>>;

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** The folder of the mesh: $PLAYMESH_HOME, or that of tools/up. */
export function meshHome(environment: Variables = process.env): string {
  return environment.PLAYMESH_HOME || join(ROOT, ".playmesh");
}

/**
 * Addresses of the mesh by their names, such as PLAYMESH_KAFKA. Who names a folder in PLAYMESH_HOME means the mesh in it,
 * whatever addresses are exported; otherwise those come before what .playmesh/env says.
 */
export function meshVariables(environment: Variables = process.env): Variables {
  const file = join(meshHome(environment), "env");
  const written = existsSync(file) ? parsed(readFileSync(file, "utf8")) : {};
  return environment.PLAYMESH_HOME ? written : { ...written, ...environment };
}

/** The edge of the mesh. Throws when there is none. */
export function edgeUrl(environment: Variables = process.env): string {
  const url = meshVariables(environment).PLAYMESH_EDGE_URL;
  if (url) return url;
  throw new Error(`no mesh: ${meshHome(environment)}/env does not say PLAYMESH_EDGE_URL. Start one with tools/up.`);
}

// As Python's shlex.quote writes values: bare, or between single quotes.
function parsed(shell: string): Variables {
  const lines = shell.matchAll(/^(?:export )?(\w+)=(['"]?)(.*)\2$/gm);
  return Object.fromEntries(Array.from(lines, ([, name, , value]) => [name!, value!]));
}
