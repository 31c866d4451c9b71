// The mesh under test: the one that tools/up started, or the one of $PLAYMESH_HOME.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { meshHome, meshVariables } from "../../services/web/mesh_env.js";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** The folder in which the mesh keeps what is its own. */
export const HOME = meshHome();

/** Where the binaries are that it runs. */
export const BINARIES = process.env.PLAYMESH_BINARIES || join(ROOT, "build/release/bin");

// Of this very folder, whatever addresses the shell has: the keys that tests sign with are in it too.
const variables = meshVariables({ PLAYMESH_HOME: HOME });

/** An address of the mesh by its name in `env`, such as "PLAYMESH_KAFKA". Throws when it has none. */
export function variable(name: string): string {
  const value = variables[name];
  if (!value) throw new Error(`${HOME}/env does not say ${name}`);
  return value;
}

export const EDGE_URL = variable("PLAYMESH_EDGE_URL");

/** The services that run, by name. */
export const SERVICES = Object.keys(variables)
  .flatMap((name) => /^PLAYMESH_(\w+)_ADDR$/.exec(name)?.[1]?.toLowerCase() ?? [])
  .sort();

/** host:port of a service's own gRPC port. */
export function addressOf(service: string): string {
  return variable(`PLAYMESH_${service.toUpperCase()}_ADDR`);
}
