// A detector as one file: what it is, and its weights as int8, a scale a channel. Checked by a digest and a version.
// Not here: what runs it (detector.ts). Invariant: what is read is what was written, or a typed error.
//
//   bytes   0        8               12             44        44 + h
//          [magic   | header bytes h | sha256 of rest | header JSON | for each convolution: scales f32, bias f32 | levels i8 of all ]
import { concatenate } from '../../core/concatenate.ts';
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { sha256 } from '../../core/sha256.ts';
import { dequantise, quantise } from '../../edge/quantisation.ts';
import { type DetectorWidths, type FoldedConvolution, listConvolutions } from './network.ts';

/** What a detector says of itself. */
export interface DetectorDescription {
  readonly classNames: readonly string[];
  readonly widths: DetectorWidths;
  /** How it was trained. */
  readonly training: Readonly<Record<string, unknown>>;
}

/** A detector as plain values. */
export interface DetectorModel {
  readonly description: DetectorDescription;
  readonly convolutions: readonly FoldedConvolution[];
}

/** "SLVDET" and the version of the format. */
const MAGIC = Uint8Array.of(0x53, 0x4c, 0x56, 0x44, 0x45, 0x54, 0, 1);
const FIXED_BYTES = 44;

/**
 * Writes a detector, weights rounded to int8.
 *
 * @example
 * ```ts
 * import { decodeDetector } from 'selvedge';
 * await decodeDetector(new Uint8Array(100), 'shoe.jpg').catch((error) => {
 *   console.assert(error.code === 'detect/foreign');
 * });
 * ```
 */
export async function encodeDetector({ description, convolutions }: DetectorModel): Promise<Uint8Array> {
  const text = new TextEncoder().encode(JSON.stringify(description));
  const json = new Uint8Array(Math.ceil(text.length / 4) * 4).fill(0x20);
  json.set(text);
  const quantised = convolutions.map(({ kernel, outputs }) => quantise(kernel, outputs));
  const rest = concatenate([
    json,
    ...convolutions.flatMap(({ bias }, i) => [bytesOf(quantised[i]!.scales), bytesOf(bias)]),
    ...quantised.map(({ levels }) => bytesOf(levels)),
  ]);
  const fixed = new Uint8Array(FIXED_BYTES);
  fixed.set(MAGIC);
  new DataView(fixed.buffer).setUint32(8, json.length, true);
  fixed.set(hexBytes(await sha256(rest)), 12);
  return concatenate([fixed, rest]);
}

/**
 * Reads a detector.
 *
 * @param name The file's, for messages
 * @throws SelvedgeError `detect/foreign` for another kind of file, `detect/corrupt` for a damaged one
 */
export async function decodeDetector(bytes: Uint8Array, name: string): Promise<DetectorModel> {
  if (bytes.length < FIXED_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new SelvedgeError(
      'detect/foreign',
      `Cannot read "${name}": expected a detector of "selvedge detect-train", format 1, got ${bytes.length} bytes of something else`,
    );
  }
  const rest = bytes.slice(FIXED_BYTES);
  const digest = hexBytes(await sha256(rest));
  if (digest.some((byte, i) => bytes[12 + i] !== byte)) throw corrupt(name, 'its digest does not fit');
  try {
    const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
    const description = JSON.parse(new TextDecoder().decode(rest.subarray(0, headerBytes))) as DetectorDescription;
    return { description, convolutions: readWeights(description, rest, headerBytes) };
  } catch (error) {
    throw corrupt(name, messageOf(error), error);
  }
}

function readWeights(description: DetectorDescription, rest: Uint8Array, start: number): FoldedConvolution[] {
  const shapes = listConvolutions(description.widths, description.classNames.length);
  let at = start;
  const take = (count: number): Uint8Array<ArrayBuffer> => {
    if (at + count > rest.length) throw new Error(`it ends after ${rest.length} bytes`);
    at += count;
    return rest.slice(at - count, at) as Uint8Array<ArrayBuffer>;
  };
  const vectors = shapes.map(({ outputs }) => ({
    scales: new Float32Array(take(outputs * 4).buffer),
    bias: new Float32Array(take(outputs * 4).buffer),
  }));
  const convolutions = shapes.map((shape, i) => {
    const levels = new Int8Array(take(shape.size * shape.size * shape.inputs * shape.outputs).buffer);
    return { ...shape, bias: vectors[i]!.bias, kernel: dequantise({ scales: vectors[i]!.scales, levels }) };
  });
  if (at !== rest.length) throw new Error(`${rest.length - at} bytes are left over`);
  return convolutions;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Int8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const hexBytes = (text: string): Uint8Array =>
  Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));

function corrupt(name: string, reason: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError('detect/corrupt', `Cannot read "${name}": ${reason}; copy or train it again`, { cause });
}
