// Requests as trees of what goes on the wire, so that they may hold what no message object can.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Text or bytes for strings and bytes, a bigint for all that is a varint, a draft for a message. */
export type Value = string | Uint8Array | bigint | Draft;

/** By field name, the values that stand on the wire: none, one, or several for a repeated field. */
export interface Draft {
  [field: string]: Value[];
}

/** The fields of a message that this module can write. Throws for kinds that no contract has had so far. */
export function fieldsOf(desc: DescMessage): DescField[] {
  for (const field of desc.fields) kindOf(field);
  return desc.fields;
}

export type Kind = "text" | "bytes" | "varint" | "enum" | "message";

/** What stands on the wire for one value of a field. */
export function kindOf(field: DescField): Kind {
  if (field.message && field.fieldKind !== "map") return "message";
  if (field.enum && field.fieldKind !== "map") return "enum";
  switch (field.scalar) {
    case ScalarType.STRING:
      return "text";
    case ScalarType.BYTES:
      return "bytes";
    case ScalarType.INT32:
    case ScalarType.INT64:
    case ScalarType.UINT32:
    case ScalarType.UINT64:
    case ScalarType.BOOL:
      return "varint";
    default:
      throw new Error(`${field} is of a kind that tests/lib/drafts.ts does not write yet`);
  }
}

export function encode(desc: DescMessage, draft: Draft): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of desc.fields) {
    for (const value of draft[field.name] ?? []) write(writer, field, value);
  }
  return writer.finish();
}

function write(writer: BinaryWriter, field: DescField, value: Value): void {
  if (typeof value === "bigint") {
    writer.tag(field.number, WireType.Varint).uint64(BigInt.asUintN(64, value));
    return;
  }
  const bytes =
    typeof value === "string"
      ? new TextEncoder().encode(value)
      : value instanceof Uint8Array
        ? value
        : encode(field.message!, value);
  writer.tag(field.number, WireType.LengthDelimited).bytes(bytes);
}
