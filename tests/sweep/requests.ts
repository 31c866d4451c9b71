// The requests of the sweep.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Rpc } from "../lib/contracts.js";
import { type Draft, encode, fieldsOf } from "../lib/drafts.js";
import { allWrong, isNotUtf8, mutationsOf } from "../lib/mutations.js";
import type { Random } from "../lib/random.js";
import { type Known, sample } from "../lib/samples.js";

/** One request, and what must come of it. */
export interface Request {
  what: string;
  bytes: Uint8Array;
  /** The fields that INVALID_ARGUMENT must name; undefined when any answer will do that is not our fault. */
  violations: string[] | undefined;
}

const DEEP = 20_000;
const GARBAGE_COUNT = 8;
const START_GROUP_OF_FIELD_1 = 0x0b;

/** The well-formed request, the empty one, and one for each thing that can be wrong with one field. */
export function mutants({ method }: Rpc, known: Known): Request[] {
  const good = sample(method.input, known);
  const empty: Request = { what: "empty", bytes: new Uint8Array(), violations: missing(method.input) };
  const whole: Request = { what: "well-formed", bytes: encode(method.input, good), violations: undefined };
  const notUtf8 = allWrong(method.input, known, isNotUtf8);
  const allNotUtf8 = {
    what: "no string is UTF-8",
    bytes: encode(method.input, notUtf8.draft),
    violations: notUtf8.paths.length ? notUtf8.paths : undefined,
  };
  const single = places(method.input, good).flatMap(({ path, field, put }) =>
    mutationsOf(field, known).map(({ what, values, violates }) => ({
      what: `${path}: ${what}`,
      bytes: encode(method.input, put(values)),
      violations: violates === undefined ? undefined : [path + violates],
    })),
  );
  return [whole, empty, allNotUtf8, ...single];
}

/** Bytes that no client of ours sends. */
export function garbage({ method }: Rpc, random: Random): Request[] {
  const deep = { what: "groups within groups", bytes: new Uint8Array(DEEP).fill(START_GROUP_OF_FIELD_1) };
  const truncated = { what: "a field without its end", bytes: Uint8Array.of(0x0a, 0x7f, 0x61) };
  const unknown = { what: "a field that nobody knows", bytes: Uint8Array.of(0xfa, 0xff, 0xff, 0xff, 0x0f, 0x01, 0x61) };
  const noise = Array.from({ length: GARBAGE_COUNT }, (_, index) => {
    return { what: `noise ${index}`, bytes: random.bytes(1 + random.below(300)) };
  });
  const everywhere = method.input.fields.map(({ name, number }) => {
    const writer = new BinaryWriter().tag(number, WireType.StartGroup).tag(number, WireType.EndGroup);
    return { what: `${name} as a group`, bytes: writer.finish() };
  });
  return [deep, truncated, unknown, ...noise, ...everywhere].map((request) => ({ ...request, violations: undefined }));
}

function missing(desc: DescMessage): string[] | undefined {
  const paths = fieldsOf(desc)
    .filter((field) => mutationsOf(field, {}).some(({ what }) => what === "missing"))
    .map(({ name }) => name)
    .sort();
  return paths.length ? paths : undefined;
}

interface Place {
  path: string;
  field: DescField;
  /** The whole request with other values at this place. */
  put(values: Draft[string]): Draft;
}

/** All fields of a request, those of its messages too. */
function places(desc: DescMessage, whole: Draft): Place[] {
  return fieldsOf(desc).flatMap((field) => {
    const here: Place = { path: field.name, field, put: (values) => ({ ...whole, [field.name]: values }) };
    const nested = whole[field.name]?.[0];
    if (!field.message || nested === undefined) return [here];
    const prefix = field.fieldKind === "list" ? `${field.name}[0]` : field.name;
    const below = places(field.message, nested as Draft).map(({ path, field: inner, put }) => ({
      path: `${prefix}.${path}`,
      field: inner,
      put: (values: Draft[string]) => here.put([put(values)]),
    }));
    return [here, ...below];
  });
}
