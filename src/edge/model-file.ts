// The bytes of a model file: a description in JSON, then the network's numbers, little-endian, then a digest of all of it.
// Not here: what the numbers mean, see network.ts. Invariant: what was changed, cut or made by something else is an error with a code.
//
//   0   magic                        8 bytes: no text, and broken by every conversion of line ends
//   8   u32 format version
//   12  u32 bytes of the file
//   16  u32 bytes of the JSON        padded by spaces to a multiple of four
//   20  JSON                         `Header`
//       f32                          weight by weight: values, or scales
//       i32                          words, then the calls of the derivation, then those of the programs
//       i8                           weight by weight: levels
//       32 bytes                     sha256 of everything before
import { messageOf, SelvedgeError } from '../core/errors.ts';
import { hexadecimal } from './kernels.ts';
import { CALL_WORDS, type Network, type NetworkWeights, sizeOfWeights } from './network.ts';

/** What a model file tells about its model. */
export interface ModelDescription {
  /** As in the registry of models. */
  readonly name: string;
  /** Names of the classes, in the order of the probabilities. */
  readonly labels: readonly string[];
  /** Height, width, channels. */
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** What the model was trained with, as far as that is known. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** sha256 of the float32 weights that the file was made from. */
  readonly fingerprint: string;
  /** Shares of right answers on test images, before and after the weights became int8; absent if they were not measured. */
  readonly accuracy?: { readonly float32: number; readonly int8: number; readonly images: number };
  /** Of the file. */
  readonly formatVersion: number;
  /** sha256 of the kernels that the file was made for. */
  readonly kernels: string;
}

/** Version of the format of model files that is written, and the only one that is read. */
export const MODEL_FORMAT_VERSION = 1;
const MAGIC = Uint8Array.of(0x89, 0x53, 0x4c, 0x56, 0x0d, 0x0a, 0x1a, 0x0a);

/** Whether bytes begin as a model file does, whole or not. */
export const isModelFileStart = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);
const FIXED_BYTES = 20;
const DIGEST_BYTES = 32;
/** All that a 32-bit memory may grow to. */
const MAX_MEMORY_BYTES = 65536 * 65536;

/** How much of what comes in the body. */
interface Header {
  readonly description: Omit<ModelDescription, 'formatVersion'>;
  readonly memoryBytes: number;
  readonly input: number;
  readonly output: number;
  readonly scratch: number;
  readonly kernels: readonly string[];
  /** Byte offset, elements, and channels of quantised ones. */
  readonly weights: readonly (readonly [number, number, number?])[];
  /** Byte offset, number. */
  readonly words: readonly (readonly [number, number])[];
  /** Calls. */
  readonly derivation: number;
  readonly programs: readonly number[];
}

/** A description and a network as a model file. */
export async function encodeModelFile(
  { formatVersion: _, ...description }: ModelDescription,
  network: Network,
): Promise<Uint8Array> {
  const { memoryBytes, input, output, scratch, kernels, weights, words, derivation, programs } = network;
  const header: Header = {
    description,
    memoryBytes,
    input,
    output,
    scratch,
    kernels,
    weights: weights.map((each) =>
      'values' in each
        ? [each.byteOffset, each.values.length]
        : [each.byteOffset, each.quantised.levels.length, each.quantised.scales.length],
    ),
    words: words.map(({ byteOffset, values }) => [byteOffset, values.length]),
    derivation: derivation.length / CALL_WORDS,
    programs: programs.map(({ length }) => length / CALL_WORDS),
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const json = new Uint8Array(Math.ceil(text.length / 4) * 4).fill(0x20);
  json.set(text);
  const parts = [
    ...weights.map((each) => ('values' in each ? each.values : each.quantised.scales)),
    ...words.map(({ values }) => values),
    derivation,
    ...programs,
    ...weights.flatMap((each) => ('values' in each ? [] : [each.quantised.levels])),
  ];
  const bodyBytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = new Uint8Array(FIXED_BYTES + json.length + bodyBytes + DIGEST_BYTES);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  [MODEL_FORMAT_VERSION, bytes.length, json.length].forEach((word, i) => {
    view.setUint32(MAGIC.length + i * 4, word, true);
  });
  let at = FIXED_BYTES;
  for (const part of [json, ...parts]) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  bytes.set(await digestOf(bytes.subarray(0, at)), at);
  return bytes;
}

/**
 * Reads a model file.
 *
 * @throws SelvedgeError `edge/foreign`, `edge/version`, `edge/truncated`, `edge/corrupt`
 */
export async function decodeModelFile(
  model: Uint8Array | ArrayBuffer,
): Promise<{ description: ModelDescription; network: Network }> {
  const bytes = model instanceof Uint8Array ? model : new Uint8Array(model);
  await checkBytes(bytes);
  try {
    return read(bytes);
  } catch (error) {
    throw corrupt(messageOf(error), error);
  }
}

async function checkBytes(bytes: Uint8Array): Promise<void> {
  if (!isModelFileStart(bytes)) {
    const start = hexadecimal(bytes.subarray(0, MAGIC.length));
    throw failure(
      'foreign',
      `expected a file of "selvedge export", which begins ${hexadecimal(MAGIC)}, got ${start || 'nothing'}`,
    );
  }
  const isWhole = bytes.length >= FIXED_BYTES + DIGEST_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version, length] = isWhole
    ? [view.getUint32(8, true), view.getUint32(12, true)]
    : [MODEL_FORMAT_VERSION, undefined];
  if (version !== MODEL_FORMAT_VERSION) {
    throw failure('version', `expected format ${MODEL_FORMAT_VERSION}, got ${version}; export the model again`);
  }
  if (length === undefined || length > bytes.length) {
    throw failure(
      'truncated',
      `expected ${length ?? `at least ${FIXED_BYTES + DIGEST_BYTES}`} bytes, got ${bytes.length}`,
    );
  }
  if (length < bytes.length) throw corrupt(`expected ${length} bytes, got ${bytes.length}`);
  const [expected, got] = [bytes.subarray(-DIGEST_BYTES), await digestOf(bytes.subarray(0, -DIGEST_BYTES))];
  if (hexadecimal(expected) !== hexadecimal(got)) {
    throw corrupt(`expected sha256 ${hexadecimal(expected)} of its bytes, got ${hexadecimal(got)}`);
  }
}

function read(bytes: Uint8Array): { description: ModelDescription; network: Network } {
  const jsonBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16, true);
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(FIXED_BYTES, FIXED_BYTES + jsonBytes));
  const header = JSON.parse(text) as Header;
  // A copy, so that numbers are aligned; `slice` of a Node Buffer would be a view.
  const body = new Uint8Array(bytes.subarray(FIXED_BYTES + jsonBytes, -DIGEST_BYTES));
  let at = 0;
  const take = <T>(
    make: (buffer: ArrayBuffer, byteOffset: number, length: number) => T,
    count: number,
    size: number,
  ): T => {
    const taken = make(body.buffer, at, count);
    at += count * size;
    return taken;
  };
  const floats = (count: number) => take((...part) => new Float32Array(...part), count, 4);
  const integers = (count: number) => take((...part) => new Int32Array(...part), count, 4);
  const tables = header.weights.map(([, count, channels]) => floats(channels ?? count));
  const words = header.words.map(([byteOffset, count]) => ({ byteOffset, values: integers(count) }));
  const [derivation, ...programs] = [header.derivation, ...header.programs].map((calls) =>
    integers(calls * CALL_WORDS),
  );
  const weights = header.weights.map(([byteOffset, count, channels], i): NetworkWeights => {
    if (channels === undefined) return { byteOffset, values: tables[i]! };
    const levels = take((...part) => new Int8Array(...part), count, 1);
    return { byteOffset, quantised: { scales: tables[i]!, levels } };
  });
  if (at !== body.length) throw new Error(`its numbers take ${at} bytes and not ${body.length}`);
  const { memoryBytes, input, output, scratch, kernels } = header;
  const network = { memoryBytes, input, output, scratch, kernels, weights, words, derivation: derivation!, programs };
  const description = { ...header.description, formatVersion: MODEL_FORMAT_VERSION };
  checkContent(description, network);
  return { description, network };
}

/** What would else show as nonsense later: sizes, places and names. Arguments of kernels are taken on trust in the digest. */
function checkContent({ labels, inputShape, name }: ModelDescription, network: Network): void {
  const { memoryBytes, input, output, scratch, kernels, weights, words, derivation, programs } = network;
  const expect = (isRight: boolean, what: string): void => {
    if (!isRight) throw new Error(`it has ${what}`);
  };
  const isList = (values: readonly unknown[], length: number, type: string): boolean =>
    Array.isArray(values) && values.length >= length && values.every((value) => typeof value === type);
  expect(typeof name === 'string' && isList(labels, 1, 'string') && isList(kernels, 1, 'string'), 'no names');
  expect(inputShape.length === 3 && inputShape.every((extent) => Number.isInteger(extent) && extent > 0), 'no shape');
  expect(memoryBytes > 0 && memoryBytes <= MAX_MEMORY_BYTES && programs.length > 0, 'no memory or programs');
  const isInside = (byteOffset: number, floats: number): boolean =>
    Number.isInteger(byteOffset) && byteOffset >= 0 && byteOffset % 4 === 0 && byteOffset + floats * 4 <= memoryBytes;
  const imageFloats = inputShape[0] * inputShape[1] * inputShape[2];
  const ends = isInside(input, programs.length * imageFloats) && isInside(output, programs.length * labels.length);
  const held = weights.every((each) => isInside(each.byteOffset, sizeOfWeights(each)));
  const said = words.every(({ byteOffset, values }) => isInside(byteOffset, values.length));
  expect(ends && held && said && isInside(scratch, 0), 'places outside of its memory');
  for (const calls of [derivation, ...programs]) {
    for (let i = 0; i < calls.length; i += CALL_WORDS) expect(calls[i]! in kernels, 'calls of no kernel');
  }
}

const digestOf = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));

const corrupt = (message: string, cause?: unknown): SelvedgeError =>
  failure('corrupt', `${message}; copy or export the file again`, cause);

const failure = (what: string, message: string, cause?: unknown): SelvedgeError =>
  new SelvedgeError(`edge/${what}`, `Cannot read the model file: ${message}`, { cause });
