// Messages onto Kafka, and how far their readers are.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HOME, SERVICES, variable } from "./mesh.js";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));

async function python(...command: string[]): Promise<number> {
  const [name, ...rest] = command;
  const all = [join(here, "kafka.py"), variable("PLAYMESH_KAFKA"), name!, ...rest];
  return Number((await run(join(HOME, "venv/bin/python"), all)).stdout);
}

/** How many messages the services have not read yet. */
export function lag(): Promise<number> {
  return python("lag", ...SERVICES);
}

/** Sends every event that there ever was once more, as at-least-once delivery may. Returns how many. */
export function sendAllAgain(): Promise<number> {
  return python("again", ...SERVICES.map((service) => `playmesh.${service}.v1`));
}

export async function partitionCount(topic: string): Promise<number> {
  const { stdout } = await run("kcat", ["-b", variable("PLAYMESH_KAFKA"), "-L", "-J", "-t", topic]);
  return (JSON.parse(stdout) as { topics: [{ partitions: unknown[] }] }).topics[0].partitions.length;
}

/** Puts one message on a topic as it is. */
export async function produce(topic: string, { partition, key, headers, value }: Message): Promise<void> {
  const options = ["-b", variable("PLAYMESH_KAFKA"), "-t", topic, "-P", "-p", `${partition}`, "-k", key];
  // With a delimiter that is not in it, kcat takes all of its input for one message.
  options.push("-D", "no such delimiter", ...Object.entries(headers).flatMap((header) => ["-H", header.join("=")]));
  const kcat = spawn("kcat", options, { stdio: ["pipe", "ignore", "inherit"] });
  kcat.stdin.end(value);
  const [status] = (await once(kcat, "exit")) as [number];
  if (status !== 0) throw new Error(`kcat ended with ${status}`);
}

export interface Message {
  partition: number;
  key: string;
  headers: Record<string, string>;
  value: Uint8Array;
}
