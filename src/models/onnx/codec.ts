// Messages of an ONNX file from and to bytes, by the table of schema.ts. protobufjs knows the wire format; its reflection is not used,
// since it compiles code at run time, which pages with a strict policy forbid. It is loaded when the first file is read or written.
// Invariant: what is written is a function of the message; lists that are absent in bytes are empty lists.
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { type Field, type Message, type MessageName, messages, type ScalarType } from './schema.ts';

type Protobuf = typeof import('protobufjs/minimal.js');
type Reader = InstanceType<Protobuf['Reader']>;
type Writer = InstanceType<Protobuf['Writer']>;
type Values = Record<string, unknown>;

/** Wire types. */
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

async function loadProtobuf(): Promise<Protobuf> {
  try {
    return (await import('protobufjs/minimal.js')).default as unknown as Protobuf;
  } catch (error) {
    throw new SelvedgeError(
      'onnx/protobufjs',
      `Cannot read or write ONNX: expected the package protobufjs, got "${messageOf(error)}"; npm i protobufjs@8.8.1`,
      { cause: error },
    );
  }
}

/**
 * Reads a message.
 *
 * @throws SelvedgeError `onnx/format` for bytes that end early or are none of the wire format
 */
export async function decodeMessage<Name extends MessageName>(name: Name, bytes: Uint8Array): Promise<Message<Name>> {
  const { Reader } = await loadProtobuf();
  try {
    return readMessage(name, Reader.create(bytes), bytes.length) as unknown as Message<Name>;
  } catch (error) {
    throw new SelvedgeError(
      'onnx/format',
      `Cannot read ${bytes.length} bytes as ONNX: ${messageOf(error)}; the file is cut short, or none of ONNX`,
      { cause: error },
    );
  }
}

/** Writes a message: fields in the order of their numbers, those that are undefined left out. */
export async function encodeMessage<Name extends MessageName>(name: Name, message: Message<Name>): Promise<Uint8Array> {
  const { Writer } = await loadProtobuf();
  const writer = Writer.create();
  writeMessage(name, message as unknown as Values, writer);
  return Uint8Array.from(writer.finish());
}

function readMessage(name: MessageName, reader: Reader, end: number): Values {
  const fields = messages[name];
  const values: Values = {};
  for (const field of Object.values(fields)) if (field.isRepeated) values[field.name] = [];
  while (reader.pos < end) {
    const tag = reader.uint32();
    const field = fields[tag >>> 3];
    if (field) readField(field, tag & 7, reader, values);
    else reader.skipType(tag & 7);
  }
  if (reader.pos !== end) throw new RangeError(`a message ends at byte ${reader.pos}, expected ${end}`);
  return values;
}

function readField(field: Field, wireType: number, reader: Reader, values: Values): void {
  const { name, type, isRepeated } = field;
  const expected = wireTypeOf(type);
  if (wireType === LENGTH_DELIMITED && expected !== LENGTH_DELIMITED && isRepeated) {
    const end = reader.uint32() + reader.pos;
    const list = values[name] as unknown[];
    while (reader.pos < end) list.push(readValue(type, reader));
    if (reader.pos !== end) throw new RangeError(`field "${name}" ends at byte ${reader.pos}, expected ${end}`);
    return;
  }
  if (wireType !== expected) throw new TypeError(`field "${name}" has wire type ${wireType}, expected ${expected}`);
  const value = readValue(type, reader);
  if (isRepeated) (values[name] as unknown[]).push(value);
  else values[name] = value;
}

function wireTypeOf(type: Field['type']): number {
  switch (type) {
    case 'int32':
    case 'int64':
      return VARINT;
    case 'float':
      return FIXED_32;
    case 'double':
      return FIXED_64;
    default:
      return LENGTH_DELIMITED;
  }
}

function readValue(type: Field['type'], reader: Reader): unknown {
  switch (type) {
    case 'int64':
      return Number(reader.int64());
    case 'bytes':
    case 'double':
    case 'float':
    case 'int32':
    case 'string':
      return reader[type]();
    default: {
      const end = reader.uint32() + reader.pos;
      if (end > reader.len) throw new RangeError(`a message ends at byte ${end} of ${reader.len}`);
      return readMessage(type, reader, end);
    }
  }
}

function writeMessage(name: MessageName, values: Values, writer: Writer): void {
  for (const [number, field] of Object.entries(messages[name])) {
    const value = values[field.name];
    const all = field.isRepeated ? ((value ?? []) as readonly unknown[]) : value === undefined ? [] : [value];
    for (const each of all) {
      writer.uint32(Number(number) * 8 + wireTypeOf(field.type));
      writeValue(field.type, each, writer);
    }
  }
}

function writeValue(type: Field['type'], value: unknown, writer: Writer): void {
  if (isScalar(type)) {
    (writer[type] as (value: unknown) => Writer)(value);
    return;
  }
  writer.fork();
  writeMessage(type, value as Values, writer);
  writer.ldelim();
}

const isScalar = (type: Field['type']): type is ScalarType => !Object.hasOwn(messages, type);
