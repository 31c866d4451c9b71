// Calls with any bytes whatever: grpc-web through the edge, gRPC at a service's own port, JSON through the edge. A client of
// ours would refuse to send what these tests send.
import http2 from "node:http2";
import { after } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema } from "@playmesh/client/gen/google/rpc/error_details_pb";
import { StatusSchema } from "@playmesh/client/gen/google/rpc/status_pb";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Rpc } from "./contracts.js";
import { EDGE_URL, addressOf } from "./mesh.js";

// gRPC's codes, by number, as its specification writes them.
const STATUS_NAMES = [
  ...["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"],
  ...["PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"],
  ...["INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"],
];
const TIMEOUT_MS = 15_000;
const FRAME_HEADER_BYTES = 5;
const TRAILERS_FLAG = 0x80;

/** How a call ended. */
export interface Answer {
  /** "OK", "NOT_FOUND", … */
  status: string;
  message: string;
  /** The `reason` of its ErrorInfo; empty when there is none. */
  reason: string;
  /** Fields of its BadRequest, sorted. */
  violations: string[];
  /** The first message of the response; absent when there is none. */
  bytes: Uint8Array | undefined;
}

/** Where a call goes in. */
export interface Route {
  name: string;
  call(rpc: Rpc, request: Uint8Array, headers?: Record<string, string>): Promise<Answer>;
}

export const edge: Route = { name: "at the edge", call: callEdge };
export const service: Route = { name: "at the service", call: callService };

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

async function callEdge(rpc: Rpc, request: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const given = new AbortController();
  const timer = setTimeout(() => given.abort(new Error(`${rpc.name} did not answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  try {
    const response = await fetch(EDGE_URL + rpc.path, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1", ...headers },
      body: framed(request) as BodyInit,
      signal: given.signal,
    });
    if (response.status !== 200) throw new Error(`${rpc.name}: the edge answers grpc-web with HTTP ${response.status}`);
    const alone = response.headers.get("grpc-status");
    if (alone !== null) return answer(Object.fromEntries(response.headers), undefined);
    return await readWeb(response, rpc.method.methodKind === "server_streaming");
  } finally {
    clearTimeout(timer);
    given.abort();
  }
}

async function readWeb(response: Response, firstMessageOnly: boolean): Promise<Answer> {
  let buffered = Buffer.alloc(0);
  let message: Uint8Array | undefined;
  for await (const chunk of response.body ?? []) {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + buffered.readUInt32BE(1);
      if (buffered.length < end) break;
      const payload = buffered.subarray(FRAME_HEADER_BYTES, end);
      if (buffered[0]! & TRAILERS_FLAG) return answer(trailersOf(payload.toString()), message);
      message ??= payload;
      if (firstMessageOnly) return answer({ "grpc-status": "0" }, message);
      buffered = buffered.subarray(end);
    }
  }
  throw new Error("the answer ended without trailers");
}

function trailersOf(text: string): Record<string, string> {
  return Object.fromEntries(Array.from(text.matchAll(/^([^:]+):\s*(.*?)\r?$/gm), ([, name, value]) => [name!, value!]));
}

const sessions = new Map<string, http2.ClientHttp2Session>();

function sessionOf(name: string): http2.ClientHttp2Session {
  let session = sessions.get(name);
  if (!session || session.closed || session.destroyed) {
    session = http2.connect(`http://${addressOf(name)}`);
    session.on("error", () => {}); // each stream tells of it
    sessions.set(name, session);
  }
  return session;
}

after(() => sessions.forEach((session) => session.destroy()));

function callService(rpc: Rpc, request: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = sessionOf(rpc.service).request({
      ":method": "POST",
      ":path": rpc.path,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": `${TIMEOUT_MS}m`,
      ...headers,
    });
    const chunks: Buffer[] = [];
    let metadata: Record<string, string> = {};
    const collect = (received: object) => (metadata = { ...metadata, ...(received as Record<string, string>) });
    stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error(`${rpc.name} did not answer in ${TIMEOUT_MS} ms`)));
    stream.on("response", collect);
    stream.on("trailers", collect);
    stream.on("error", reject);
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (rpc.method.methodKind !== "server_streaming") return;
      stream.close(http2.constants.NGHTTP2_CANCEL);
      resolve(answer({ "grpc-status": "0" }, unframed(Buffer.concat(chunks))));
    });
    stream.on("close", () => {
      if (metadata["grpc-status"] === undefined) reject(new Error(`${rpc.name}: the connection broke`));
      else resolve(answer(metadata, unframed(Buffer.concat(chunks))));
    });
    stream.end(framed(request));
  });
}

function framed(message: Uint8Array): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

function unframed(body: Buffer): Uint8Array | undefined {
  if (body.length < FRAME_HEADER_BYTES) return undefined;
  return body.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + body.readUInt32BE(1));
}

function answer(metadata: Record<string, string>, bytes: Uint8Array | undefined): Answer {
  const code = Number(metadata["grpc-status"]);
  const encoded = metadata["grpc-status-details-bin"];
  const details = encoded ? fromBinary(StatusSchema, Buffer.from(encoded, "base64")).details : [];
  const violations = details.flatMap((any) => anyUnpack(any, BadRequestSchema)?.fieldViolations ?? []);
  return {
    status: STATUS_NAMES[code] ?? `code ${metadata["grpc-status"]}`,
    message: decodeURIComponent(metadata["grpc-message"] ?? ""),
    reason: details.map((any) => anyUnpack(any, ErrorInfoSchema)?.reason).find(Boolean) ?? "",
    violations: violations.map(({ field }) => field).sort(),
    bytes,
  };
}

/** HTTP status of an RPC called as JSON, with `values` in its path and as its body. */
export async function callJson(
  { json, name }: Rpc,
  values: Record<string, string>,
  headers: Record<string, string> = {},
  body: string = "{}",
): Promise<number> {
  if (!json) throw new Error(`${name} cannot be called as JSON`);
  const path = json.template.replace(
    /\{([\w.]+)(=[^}]*)?\}/g,
    (_, field: string) => values[field] ?? values["*"] ?? "",
  );
  const response = await fetch(EDGE_URL + path, {
    method: json.verb,
    headers: { ...(json.body && { "content-type": "application/json" }), ...headers },
    ...(json.body && { body }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  await response.arrayBuffer();
  return response.status;
}
