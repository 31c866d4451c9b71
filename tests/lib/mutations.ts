// What can be wrong with a field. The rules are read from the contract and their meaning is written here a second time, from
// the comments of playmesh/options/v1/options.proto: that is what makes the sweep a test of the adapter.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { FieldRules } from "@playmesh/client/gen/playmesh/options/v1/options_pb";
import { rulesOf } from "./contracts.js";
import { type Draft, type Value, fieldsOf, kindOf } from "./drafts.js";
import { type Known, matches, sampleValue } from "./samples.js";

/** Values for one field, instead of good ones. */
export interface Mutation {
  what: string;
  values: Value[];
  /** Where the violation is, after the field's own path: "" or "[0]". Undefined when the values are strange but allowed. */
  violates: string | undefined;
}

const MAX_CHARACTERS = 1_024;
const MAX_BYTES = 64 * 1_024;
const MAX_ITEMS = 100;
const MAX_URL_CHARACTERS = 2_048;
const MAX_EMAIL_CHARACTERS = 254;

const NOT_UTF8 = Uint8Array.of(0x61, 0xc3, 0x28);
const NO_ENUM_VALUE = 9_999n;
const MALFORMED = ["?!", "-", "-1", "not a uuid", "\u{1f3b2}"];

/** All that is tried with one field. */
export function mutationsOf(field: DescField, known: Known): Mutation[] {
  const rules = rulesOf(field);
  const isList = field.fieldKind === "list";
  const ofOne = ofValue(field, rules).map(({ what, value, isViolation }) => ({
    what,
    values: [value],
    violates: isViolation ? (isList ? "[0]" : "") : undefined,
  }));
  const missing = rules.required ? [{ what: "missing", values: [], violates: "" }] : [];
  return [...ofOne, ...missing, ...(isList ? ofList(field, rules, known) : [])];
}

/** A request in which every field that can be wrong is wrong, and where. `isIt` chooses the kind of mutation. */
export function allWrong(
  desc: DescMessage,
  known: Known,
  isIt: (mutation: Mutation) => boolean,
): { draft: Draft; paths: string[] } {
  const draft: Draft = {};
  const paths: string[] = [];
  for (const field of fieldsOf(desc)) {
    if (field.message) {
      const nested = allWrong(field.message, known, isIt);
      if (nested.paths.length === 0) continue;
      draft[field.name] = [nested.draft];
      const prefix = field.fieldKind === "list" ? `${field.name}[0]` : field.name;
      paths.push(...nested.paths.map((path) => `${prefix}.${path}`));
      continue;
    }
    const mutation = mutationsOf(field, known).find(({ violates, ...rest }) => {
      return violates !== undefined && isIt({ violates, ...rest });
    });
    if (!mutation) continue;
    draft[field.name] = mutation.values;
    paths.push(field.name + mutation.violates);
  }
  return { draft, paths: paths.sort() };
}

export function isNotUtf8({ values }: Mutation): boolean {
  return values[0] === NOT_UTF8;
}

interface Attempt {
  what: string;
  value: Value;
  isViolation: boolean;
}

const wrong = (what: string, value: Value): Attempt => ({ what, value, isViolation: true });
const strange = (what: string, value: Value): Attempt => ({ what, value, isViolation: false });

function ofValue(field: DescField, rules: FieldRules): Attempt[] {
  switch (kindOf(field)) {
    case "text":
      return ofText(field, rules);
    case "enum":
      return ofEnum(field, rules);
    case "varint":
      return ofNumber(field, rules);
    case "bytes":
      return [wrong("too many bytes", new Uint8Array((rules.maxLength || MAX_BYTES) + 1))];
    case "message":
      return []; // its fields have their own
  }
}

function ofText(field: DescField, rules: FieldRules): Attempt[] {
  const max =
    rules.maxLength || (rules.email && MAX_EMAIL_CHARACTERS) || (rules.url && MAX_URL_CHARACTERS) || MAX_CHARACTERS;
  const hasForm = rules.uuid || rules.email || rules.url || rules.currency || rules.pattern !== "";
  return [
    wrong("too long", "x".repeat(max + 1)),
    wrong("a NUL byte", "nul\0byte, which ends a C string"),
    wrong("not UTF-8", NOT_UTF8),
    ...(rules.minLength > 1 ? [wrong("too short", "x")] : []),
    ...(rules.required && field.fieldKind === "list" ? [wrong("empty", "")] : []),
    ...(rules.uuid
      ? [wrong("no UUID", "nonsense"), wrong("an upper-case UUID", "0190A5E0-7B5C-7000-8000-0123456789AB")]
      : []),
    ...(rules.email ? [wrong("no address", "nobody"), wrong("two addresses", "a@example.com,b@example.com")] : []),
    ...(rules.url ? [wrong("no URL", "nowhere"), wrong("a script", "javascript:alert(1)")] : []),
    ...(rules.currency ? [wrong("no currency", "ZZZ"), wrong("a lower-case currency", "eur")] : []),
    ...MALFORMED.filter((text) => rules.pattern && !matches(rules.pattern, text)).map((text) =>
      wrong(`"${text}"`, text),
    ),
    ...(hasForm
      ? []
      : [
          strange("as long as allowed, of four bytes each", "\u{1f3b2}".repeat(max)),
          strange("quotes", `';"--%_\\ $1 :name {{}} \u202e <script>`.slice(0, max)),
          strange("spaces", " \t\n\u00a0".repeat(rules.minLength || 1)),
        ]),
  ];
}

function ofEnum(field: DescField, rules: FieldRules): Attempt[] {
  const attempts = [wrong("an unknown value", NO_ENUM_VALUE), wrong("a negative value", -1n)];
  return rules.required || field.fieldKind === "list" ? [...attempts, wrong("zero", 0n)] : attempts;
}

function ofNumber(field: DescField, rules: FieldRules): Attempt[] {
  const { min, max } = rules;
  // Of an int32 the lowest 32 bits count, so which side of the limits an extreme is on is not this module's to say.
  const isOutside = (number: bigint) =>
    field.scalar === ScalarType.INT64 && ((min !== undefined && number < min) || (max !== undefined && number > max));
  const extremes = [-(2n ** 63n), -(2n ** 31n), -1n, 2n ** 31n - 1n, 2n ** 40n + 1n, 2n ** 63n - 1n];
  return [
    ...(min !== undefined ? [wrong("below the least", min - 1n)] : []),
    ...(max !== undefined ? [wrong("above the greatest", max + 1n)] : []),
    ...extremes.map((number) => (isOutside(number) ? wrong : strange)(`${number}`, number)),
  ];
}

function ofList(field: DescField, rules: FieldRules, known: Known): Mutation[] {
  const element = sampleValue(field, known);
  const items = (count: number) => Array.from({ length: count }, () => element);
  return [
    { what: "too many elements", values: items((rules.maxItems || MAX_ITEMS) + 1), violates: "" },
    { what: "the same twice", values: items(2), violates: rules.unique ? "[1]" : undefined },
  ];
}
