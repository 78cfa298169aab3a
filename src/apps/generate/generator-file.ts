// The file of a generator: what it is, in JSON, then its weights as float16, little-endian, then a digest of all of it. Not here: what the
// weights mean (u-net.ts). Invariant: what was changed, cut or made by something else is an error with a code.
//
//   0   magic                        8 bytes: no text, and broken by every conversion of line ends
//   8   u32 format version
//   12  u32 bytes of the file
//   16  u32 bytes of the JSON        padded by spaces to a multiple of four
//   20  JSON                         `GeneratorDescription`
//       f16                          weight by weight, in the order of `weightShapes`
//       32 bytes                     sha256 of everything before
import { concatenate } from '../../core/concatenate.ts';
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { sha256 } from '../../core/sha256.ts';
import { fromFloat16, toFloat16 } from './float16.ts';
import { countWeights, type GeneratorShape, weightShapes } from './u-net.ts';

/** What a generator's file tells about it. */
export interface GeneratorDescription {
  readonly shape: GeneratorShape;
  /** Names of the classes, in the order of labels. */
  readonly classNames: readonly string[];
  /** How it was trained, as far as that is known. */
  readonly training: Readonly<Record<string, unknown>>;
}

/** A generator as plain values. */
export interface GeneratorModel {
  readonly description: GeneratorDescription;
  /** In the order of `weightShapes`. */
  readonly weights: readonly Float32Array[];
}

const FORMAT_VERSION = 1;
const MAGIC = Uint8Array.of(0x89, 0x53, 0x4c, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const FIXED_BYTES = 20;
const DIGEST_BYTES = 32;

/** A generator as a file; the weights are rounded to float16. */
export async function encodeGenerator({ description, weights }: GeneratorModel): Promise<Uint8Array> {
  const text = new TextEncoder().encode(JSON.stringify(description));
  const json = new Uint8Array(Math.ceil(text.length / 4) * 4).fill(0x20);
  json.set(text);
  const numbers = weights.map((values) => {
    const bytes = new Uint8Array(values.length * 2);
    const view = new DataView(bytes.buffer);
    toFloat16(values).forEach((half, i) => {
      view.setUint16(i * 2, half, true);
    });
    return bytes;
  });
  const body = concatenate([json, ...numbers]);
  const fixed = new Uint8Array(FIXED_BYTES);
  fixed.set(MAGIC);
  const view = new DataView(fixed.buffer);
  [FORMAT_VERSION, FIXED_BYTES + body.length + DIGEST_BYTES, json.length].forEach((word, i) => {
    view.setUint32(MAGIC.length + 4 * i, word, true);
  });
  const bytes = concatenate([fixed, body]);
  return concatenate([bytes, await digestOf(bytes)]);
}

/**
 * Reads the file of a generator.
 *
 * @throws SelvedgeError `generate/foreign`, `generate/version`, `generate/truncated`, `generate/corrupt`
 */
export async function decodeGenerator(bytes: Uint8Array): Promise<GeneratorModel> {
  await checkBytes(bytes);
  try {
    const jsonBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16, true);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(FIXED_BYTES, FIXED_BYTES + jsonBytes));
    const description = JSON.parse(text) as GeneratorDescription;
    const view = new DataView(bytes.buffer, bytes.byteOffset + FIXED_BYTES + jsonBytes);
    const expected = FIXED_BYTES + jsonBytes + 2 * countWeights(description.shape) + DIGEST_BYTES;
    if (expected !== bytes.length) throw new Error(`expected ${expected} bytes of its shape, got ${bytes.length}`);
    let at = 0;
    const weights = weightShapes(description.shape).map(({ shape }) => {
      const count = shape.reduce((product, extent) => product * extent, 1);
      const halves = Uint16Array.from({ length: count }, (_, i) => view.getUint16(at + 2 * i, true));
      at += 2 * count;
      return fromFloat16(halves);
    });
    return { description, weights };
  } catch (error) {
    throw failure('corrupt', messageOf(error), error);
  }
}

async function checkBytes(bytes: Uint8Array): Promise<void> {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw failure('foreign', 'expected a file of "selvedge generate --train", got something else');
  }
  if (bytes.length < FIXED_BYTES + DIGEST_BYTES) {
    throw failure('truncated', `expected at least ${FIXED_BYTES + DIGEST_BYTES} bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version, length] = [view.getUint32(8, true), view.getUint32(12, true)];
  if (version !== FORMAT_VERSION) throw failure('version', `expected format ${FORMAT_VERSION}, got ${version}`);
  if (length > bytes.length) throw failure('truncated', `expected ${length} bytes, got ${bytes.length}`);
  const digest = await digestOf(bytes.subarray(0, -DIGEST_BYTES));
  if (length < bytes.length || digest.some((byte, i) => byte !== bytes[bytes.length - DIGEST_BYTES + i])) {
    throw failure('corrupt', 'its bytes are not those that were written');
  }
}

async function digestOf(bytes: Uint8Array): Promise<Uint8Array> {
  return Uint8Array.from((await sha256(bytes)).match(/../g)!, (pair) => Number.parseInt(pair, 16));
}

function failure(
  code: 'foreign' | 'version' | 'truncated' | 'corrupt',
  reason: string,
  cause?: unknown,
): SelvedgeError {
  return new SelvedgeError(`generate/${code}`, `Cannot read the generator: ${reason}`, { cause });
}
