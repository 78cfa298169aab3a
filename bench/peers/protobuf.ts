// The wire format of Protocol Buffers, as far as writing a model takes it: varints, floats and length-delimited fields.
// Not a reader, and it knows no schema. Source: https://protobuf.dev/programming-guides/encoding/ .
// Invariant: a message is the concatenation of its fields, so fields are byte arrays that are joined.

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

function varint(value: number): number[] {
  const bytes: number[] = [];
  // Negative numbers are ten bytes of two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return bytes;
}

const tag = (field: number, type: number): number[] => varint(field * 8 + type);

/** Joins fields to a message. */
export function join(fields: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(fields.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const field of fields) {
    all.set(field, at);
    at += field.length;
  }
  return all;
}

/** A field of type int32, int64 or an enumeration. */
export function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...tag(field, VARINT), ...varint(value)]);
}

/** Repeated integers, each a field of its own. */
export function integers(field: number, values: readonly number[]): Uint8Array {
  return join(values.map((value) => integer(field, value)));
}

/** A field of type float. */
export function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join([Uint8Array.from(tag(field, FIXED_32)), bytes]);
}

/** A field of type bytes. */
export function bytes(field: number, value: Uint8Array): Uint8Array {
  return join([Uint8Array.from([...tag(field, LENGTH_DELIMITED), ...varint(value.length)]), value]);
}

/** A field of type string. */
export function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

/** A field that is a message. */
export function message(field: number, fields: readonly Uint8Array[]): Uint8Array {
  return bytes(field, join(fields));
}
