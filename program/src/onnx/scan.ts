/**
 * A walk over the wire format before anything is decoded, so that a small hostile file cannot become millions of objects.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ModelError } from "./error.ts";

export const MAX_DEPTH = 32;
/** Messages of a whole file. */
const MAX_MESSAGES = 1_000_000;
/** Records and packed numbers of a whole file; weights belong in raw_data, which counts as one. */
const MAX_RECORDS = 20_000_000;

function isNumericList(field: DescField): boolean {
  if (field.fieldKind !== "list" || field.listKind === "message") return false;
  return field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES;
}

/** The only wire type that one value of a field has; decoders do not check it, and would read other bytes than this walk. */
function wireTypeOf(field: DescField): WireType {
  if (field.message !== undefined) return WireType.LengthDelimited;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.FLOAT:
      return WireType.Bit32;
    case ScalarType.DOUBLE:
      return WireType.Bit64;
    default:
      return WireType.Varint;
  }
}

/** @throws {ModelError} TOO_LARGE, or MALFORMED for bytes that are no message of this type. */
export function scanMessage(desc: DescMessage, bytes: Uint8Array): void {
  let messages = 0;
  let records = 0;
  const fieldsOf = new Map<DescMessage, Map<number, DescField>>();

  function fieldsByNumber(message: DescMessage): Map<number, DescField> {
    const fields = fieldsOf.get(message) ?? new Map(message.fields.map((field) => [field.number, field]));
    fieldsOf.set(message, fields);
    return fields;
  }

  function walk(message: DescMessage, reader: BinaryReader, end: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new ModelError("TOO_LARGE", `messages nested deeper than ${MAX_DEPTH}`);
    if (++messages > MAX_MESSAGES) throw new ModelError("TOO_LARGE", `more than ${MAX_MESSAGES} messages`);
    const fields = fieldsByNumber(message);
    while (reader.pos < end) {
      const [number, wireType] = reader.tag();
      const field = fields.get(number);
      records++;
      const packed = wireType === WireType.LengthDelimited && field !== undefined && isNumericList(field);
      if (field !== undefined && !packed && wireType !== wireTypeOf(field))
        throw new ModelError("MALFORMED", `field ${field.name} has wire type ${wireType}`);
      if (wireType === WireType.LengthDelimited) {
        const length = reader.uint32();
        const stop = reader.pos + length;
        if (stop > end) throw new ModelError("MALFORMED", "a field runs past the end of its message");
        if (field?.message !== undefined) walk(field.message, reader, stop, depth + 1);
        else if (packed) records += length;
        reader.pos = stop;
      } else reader.skip(wireType, number, MAX_DEPTH);
      if (records > MAX_RECORDS) throw new ModelError("TOO_LARGE", `more than ${MAX_RECORDS} records`);
    }
    if (reader.pos !== end) throw new ModelError("MALFORMED", "a field runs past the end of its message");
  }

  walk(desc, new BinaryReader(bytes), bytes.length, 0);
}
