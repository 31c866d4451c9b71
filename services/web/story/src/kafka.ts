// A look at what the services publish, with kcat.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type DescMessage, type MessageShape, fromBinary } from "@bufbuild/protobuf";
import { check, eventually } from "./check.js";
import type { World } from "./world.js";

const run = promisify(execFile);

/**
 * The event of this type with this key (the aggregate's id), once it is on its producer's topic: the type's package.
 * Throws when it is there twice under different ids.
 */
export async function eventOnKafka<Desc extends DescMessage>(
  { mesh, startMs }: World,
  schema: Desc,
  key: string,
): Promise<MessageShape<Desc>> {
  check(mesh.kafka, "PLAYMESH_KAFKA is not set; leave this check out with --skip kafka");
  const topic = schema.file.proto.package;
  const events = await eventually(`${schema.typeName} with key ${key} on Kafka`, async () => {
    const found = (await read(mesh.kafka, topic, startMs)).filter(
      ({ headers, key: aggregate }) => headers.ce_type === schema.typeName && aggregate === key,
    );
    return found.length > 0 && found;
  });
  const ids = new Set(events.map(({ headers }) => headers.ce_id));
  check(ids.size === 1, `${ids.size} different ${schema.typeName} with key ${key} on Kafka`);
  return fromBinary(schema, events[0]!.value);
}

// Key, headers and length of the value, each ended by a tab, and then the value.
const FORMAT = "%k\\t%h\\t%S\\t%s";

async function read(broker: string, topic: string, sinceMs: number) {
  const arguments_ = ["-b", broker, "-t", topic, "-C", "-q", "-e", "-o", `s@${sinceMs}`, "-f", FORMAT];
  const { stdout } = await run("kcat", arguments_, { encoding: "buffer", timeout: 15_000, maxBuffer: 64 << 20 }).catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === "ENOENT" ? new Error("kcat is not installed; install it, or say --skip kafka") : error;
    },
  );
  const messages = [];
  for (let at = 0; at < stdout.length;) {
    const field = () => {
      const end = stdout.indexOf("\t", at);
      const text = stdout.toString("utf8", at, end);
      at = end + 1;
      return text;
    };
    const [key, headers, length] = [field(), field(), Number(field())];
    const pairs = headers.split(",").map((pair) => pair.split(/=(.*)/s).slice(0, 2));
    messages.push({
      key,
      headers: Object.fromEntries(pairs) as Record<string, string>,
      value: stdout.subarray(at, (at += length)),
    });
  }
  return messages;
}
