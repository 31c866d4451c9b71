// Well-formed requests: every field filled with something that keeps to its rules.
import { randomUUID } from "node:crypto";
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { FieldRules } from "@playmesh/client/gen/playmesh/options/v1/options_pb";
import { rulesOf } from "./contracts.js";
import { type Draft, type Value, fieldsOf, kindOf } from "./drafts.js";

/** Values for fields of these names, such as the id of a game that exists. */
export type Known = Record<string, string>;

// One of these matches each pattern of the contracts.
const CANDIDATES = ["pm_card_visa", "DE", "en", "board-game", "2026-01-31", "1.0.0", "sweep"];

/** A request with all fields set. */
export function sample(desc: DescMessage, known: Known): Draft {
  // In a mask any path but those of the request's own resource is malformed; none is always right.
  if (desc.typeName === "google.protobuf.FieldMask") return {};
  return Object.fromEntries(
    fieldsOf(desc)
      .filter((field) => field.message?.typeName !== "google.protobuf.Any")
      .map((field) => [field.name, [sampleValue(field, known)]]),
  );
}

/** One value of a field. */
export function sampleValue(field: DescField, known: Known): Value {
  const rules = rulesOf(field);
  switch (kindOf(field)) {
    case "message":
      return sample(field.message!, known);
    case "enum":
      return BigInt(field.enum!.values.find(({ number }) => number !== 0)!.number);
    case "varint":
      return rules.min !== undefined && rules.min > 1n ? rules.min : 1n;
    case "bytes":
      return new TextEncoder().encode("{}");
    case "text":
      return known[field.name] ?? sampleText(rules, `${field}`);
  }
}

function sampleText(rules: FieldRules, field: string): string {
  if (rules.uuid) return randomUUID();
  if (rules.email) return `${randomUUID()}@sweep.example.com`;
  if (rules.url) return "https://sweep.example.com/page";
  if (rules.currency) return "EUR";
  if (!rules.pattern)
    return "sweep ".repeat(Math.ceil(rules.minLength / 6) || 1).slice(0, rules.maxLength || undefined);
  const found = CANDIDATES.find((text) => matches(rules.pattern, text));
  if (!found) throw new Error(`${field}: give tests/lib/samples.ts a candidate that matches ${rules.pattern}`);
  return found;
}

/** Whether the whole text matches; RE2's syntax, as far as the contracts use it, is JavaScript's. */
export function matches(pattern: string, text: string): boolean {
  return new RegExp(`^(?:${pattern})$`, "u").test(text);
}
