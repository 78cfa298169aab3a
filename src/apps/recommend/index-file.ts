// The bytes of an index: a catalogue in one file, little-endian, which carries its own digest. Not here: what is searched (search.ts).
// Invariant: what was changed, cut or made by something else is an error with a code.
//
//   0   magic                        8 bytes: no text, and broken by every conversion of line ends
//   8   u32 format version
//   12  u32 bytes of the JSON        with the fixed part a multiple of 64
//   16  f64 bytes of the file
//   24  JSON                         `Header`
//       f16 [count, dimension]       vectors
//       f32 [count]                  confidences
//       u8  [count]                  labels
//       u8  [count, h, w, c]         pictures, if there are any
//       UTF-8                        names, one a line
//       32 bytes                     sha256 of everything before
import * as v from 'valibot';
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { sha256 } from '../../core/sha256.ts';
import { type Catalogue, checkIds } from './catalogue.ts';

/** Version of the format that is written, and the only one that is read. */
export const INDEX_FORMAT_VERSION = 1;
const MAGIC = Uint8Array.of(0x89, 0x53, 0x4c, 0x49, 0x0d, 0x0a, 0x1a, 0x0a);
const FIXED_BYTES = 24;
const DIGEST_BYTES = 32;
const ALIGNMENT = 64;

const natural = v.pipe(v.number(), v.integer(), v.minValue(1));
const headerSchema = v.object({
  model: v.object({ name: v.string(), digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) }),
  classNames: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(256)),
  count: natural,
  dimension: natural,
  pictures: v.optional(v.object({ height: natural, width: natural, channels: natural })),
  namesBytes: natural,
});

/**
 * A catalogue as an index file.
 *
 * @example
 * ```ts
 * import { decodeIndex, encodeHalf, encodeIndex } from 'selvedge';
 * const vectors = encodeHalf(Float32Array.of(1, 0, 0, 1));
 * const model = { name: 'mine', digest: '0'.repeat(64) };
 * const items = { count: 2, dimension: 2, ids: ['a', 'b'], vectors, labels: Uint8Array.of(0, 0) };
 * const bytes = await encodeIndex({ model, classNames: ['thing'], ...items, confidences: Float32Array.of(1, 1) });
 * console.assert((await decodeIndex(bytes)).ids[1] === 'b');
 * ```
 */
export async function encodeIndex(catalogue: Catalogue): Promise<Uint8Array> {
  const { model, classNames, count, dimension, ids, vectors, labels, confidences, pictures } = catalogue;
  const names = new TextEncoder().encode(ids.join('\n'));
  const { pixels, ...shape } = pictures ?? { pixels: new Uint8Array(0) };
  const header = {
    model,
    classNames,
    count,
    dimension,
    ...(pictures && { pictures: shape }),
    namesBytes: names.length,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const jsonBytes = Math.ceil((FIXED_BYTES + text.length) / ALIGNMENT) * ALIGNMENT - FIXED_BYTES;
  const json = new Uint8Array(jsonBytes).fill(0x20);
  json.set(text);
  const parts = [json, vectors, confidences, labels, pixels, names];
  const length = FIXED_BYTES + parts.reduce((sum, { byteLength }) => sum + byteLength, 0) + DIGEST_BYTES;
  const bytes = new Uint8Array(length);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, INDEX_FORMAT_VERSION, true);
  view.setUint32(12, jsonBytes, true);
  view.setFloat64(16, length, true);
  let at = FIXED_BYTES;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  bytes.set(await digestOf(bytes.subarray(0, at)), at);
  return bytes;
}

/**
 * Reads an index file. Vectors and pictures are views of the bytes where these are aligned, so that nothing is held twice.
 *
 * @throws SelvedgeError `index/foreign`, `index/version`, `index/truncated`, `index/corrupt`
 */
export async function decodeIndex(bytes: Uint8Array, { name = 'index' } = {}): Promise<Catalogue> {
  const jsonBytes = await checkBytes(bytes, name);
  try {
    return read(bytes, jsonBytes);
  } catch (error) {
    throw failure('corrupt', name, messageOf(error), error);
  }
}

async function checkBytes(bytes: Uint8Array, name: string): Promise<number> {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    const [expected, got] = [MAGIC, bytes.subarray(0, MAGIC.length)].map((some) =>
      Array.from(some, (byte) => byte.toString(16).padStart(2, '0')).join(''),
    );
    throw failure(
      'foreign',
      name,
      `expected a file of "selvedge index", which begins ${expected}, got ${got || 'nothing'}`,
    );
  }
  if (bytes.length < FIXED_BYTES + DIGEST_BYTES) {
    throw failure('truncated', name, `expected at least ${FIXED_BYTES + DIGEST_BYTES} bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== INDEX_FORMAT_VERSION) {
    throw failure('version', name, `expected format ${INDEX_FORMAT_VERSION}, got ${version}; make the index again`);
  }
  const length = view.getFloat64(16, true);
  if (bytes.length < length) throw failure('truncated', name, `expected ${length} bytes, got ${bytes.length}`);
  const [expected, got] = [bytes.subarray(-DIGEST_BYTES), await digestOf(bytes.subarray(0, -DIGEST_BYTES))];
  if (bytes.length !== length || expected.some((byte, i) => byte !== got[i])) {
    throw failure('corrupt', name, 'its bytes are not those that were written; make the index again');
  }
  return view.getUint32(12, true);
}

function read(bytes: Uint8Array, jsonBytes: number): Catalogue {
  let at = FIXED_BYTES;
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length - DIGEST_BYTES) throw new RangeError('it holds less than its header says');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const json: unknown = JSON.parse(new TextDecoder().decode(take(jsonBytes)));
  const { namesBytes, pictures, ...header } = v.parse(headerSchema, json);
  const { count, dimension, classNames } = header;
  const halves = take(count * dimension * 2);
  const confidences = take(count * 4).slice();
  const labels = take(count);
  const pixels = pictures ? take(count * pictures.height * pictures.width * pictures.channels) : undefined;
  const ids = new TextDecoder('utf-8', { fatal: true }).decode(take(namesBytes)).split('\n');
  if (ids.length !== count) throw new RangeError(`expected ${count} names, got ${ids.length}`);
  if (at !== bytes.length - DIGEST_BYTES) throw new RangeError('it holds more than its header says');
  if (labels.some((label) => label >= classNames.length)) throw new RangeError('a label names no class');
  checkIds(ids);
  const aligned = halves.byteOffset % 2 === 0 ? halves : halves.slice();
  return {
    ...header,
    ids,
    vectors: new Uint16Array(aligned.buffer, aligned.byteOffset, count * dimension),
    labels,
    confidences: new Float32Array(confidences.buffer, 0, count),
    ...(pictures && pixels ? { pictures: { ...pictures, pixels } } : {}),
  };
}

/**
 * Refuses to compare vectors of different weights.
 *
 * @param digest Of the model at hand
 * @throws SelvedgeError `index/other-model`
 */
export function requireSameModel(catalogue: Pick<Catalogue, 'model'>, model: { name: string; digest: string }): void {
  if (catalogue.model.digest === model.digest) return;
  throw new SelvedgeError(
    'index/other-model',
    `Cannot search the index by model "${model.name}" of digest ${model.digest.slice(0, 12)}: expected model ` +
      `"${catalogue.model.name}" of digest ${catalogue.model.digest.slice(0, 12)}, which made it; make the index again, or choose that model`,
  );
}

async function digestOf(bytes: Uint8Array): Promise<Uint8Array> {
  const text = await sha256(bytes);
  return Uint8Array.from({ length: DIGEST_BYTES }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

const failure = (
  what: 'foreign' | 'version' | 'truncated' | 'corrupt',
  name: string,
  message: string,
  cause?: unknown,
): SelvedgeError => new SelvedgeError(`index/${what}`, `Cannot read "${name}": ${message.split('\n')[0]}`, { cause });
