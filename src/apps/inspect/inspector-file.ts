// The bytes of an inspector's file: a header in JSON, then numbers, little-endian, then a digest of all of it.
// Not here: what the numbers mean (inspector.ts, drift.ts). Invariant: what was changed, cut or made by something else is an error with a
// code, and what is read is what was written, bit for bit.
//
//   0   magic                 8 bytes: no text, and broken by every conversion of line ends
//   8   u32 format version
//   12  u32 bytes of the JSON, padded by spaces to a multiple of eight with what is before it
//   16  JSON                  `Header`
//       f64 arrays            scores held out, drift's means and deviations, density's mean and factor
//       32 bytes              sha256 of everything before
import * as v from 'valibot';
import { concatenate } from '../../core/concatenate.ts';
import { messageOf, SelvedgeError } from '../../core/errors.ts';
import { checkPreparation, type Preparation } from '../../data/preparation.ts';
import { type DriftBaseline, STATISTICS } from './drift.ts';
import type { Inspector } from './inspector.ts';

/** What a file holds. */
export interface StoredInspector {
  readonly inspector: Inspector;
  readonly drift: DriftBaseline;
  /** How pictures were brought into the form that the features take. */
  readonly preparation: Preparation;
}

export const INSPECTOR_FORMAT_VERSION = 2;
const MAGIC = Uint8Array.of(0x89, 0x53, 0x4c, 0x49, 0x0d, 0x0a, 0x1a, 0x0a);
const FIXED_BYTES = 16;
const DIGEST_BYTES = 32;

const finite = v.pipe(v.number(), v.finite());
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const scale = v.strictObject({ mean: finite, deviation: finite });
const headerSchema = v.strictObject({
  settings: v.strictObject({ falseAlarms: finite, seed: whole }),
  network: v.string(),
  learntFrom: whole,
  pixelScale: scale,
  densityScale: scale,
  threshold: finite,
  pixelMedian: finite,
  pixelLimit: finite,
  drift: v.strictObject({ pictures: whole, limit: finite }),
  preparation: v.unknown(),
  /** Values of each array. */
  lengths: v.strictObject({ heldOut: whole, blocks: whole }),
});

/**
 * @returns The bytes of a file
 */
export async function encodeInspector({ inspector, drift, preparation }: StoredInspector): Promise<Uint8Array> {
  const { heldOut, density, ...plain } = inspector;
  const header = {
    ...plain,
    drift: { pictures: drift.pictures, limit: drift.limit },
    preparation,
    lengths: { heldOut: heldOut.length, blocks: density.mean.length },
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  padded.set(json);
  const fixed = new Uint8Array(FIXED_BYTES);
  fixed.set(MAGIC);
  const view = new DataView(fixed.buffer);
  view.setUint32(8, INSPECTOR_FORMAT_VERSION, true);
  view.setUint32(12, padded.length, true);
  const arrays = [heldOut, drift.means, drift.deviations, density.mean, density.factor].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  const content = concatenate([fixed, padded, ...arrays]);
  return concatenate([content, await digestOf(content)]);
}

/**
 * @param bytes Of a file
 * @param options `name`: the file's name for error messages
 * @throws SelvedgeError `inspect/foreign` for what is no inspector, `inspect/version`, `inspect/corrupt`
 */
export async function decodeInspector(
  bytes: Uint8Array,
  { name }: { readonly name: string },
): Promise<StoredInspector> {
  const refuse = (code: 'foreign' | 'version' | 'corrupt', detail: string, cause?: unknown): SelvedgeError =>
    new SelvedgeError(
      `inspect/${code}`,
      `Cannot read "${name}": ${detail}; make it with selvedge inspect train`,
      cause === undefined ? undefined : { cause },
    );
  if (bytes.length < FIXED_BYTES || !MAGIC.every((byte, i) => byte === bytes[i])) {
    throw refuse('foreign', 'expected a model of selvedge inspect train, got something else');
  }
  // A copy of its own: typed arrays over it must begin at multiples of eight.
  const whole = Uint8Array.from(bytes);
  const view = new DataView(whole.buffer);
  const version = view.getUint32(8, true);
  if (version !== INSPECTOR_FORMAT_VERSION) {
    throw refuse('version', `expected format version ${INSPECTOR_FORMAT_VERSION}, got ${version}`);
  }
  const end = whole.length - DIGEST_BYTES;
  const digest = end > 0 ? await digestOf(whole.subarray(0, end)) : undefined;
  if (!digest?.every((byte, i) => byte === whole[end + i])) {
    throw refuse('corrupt', `its ${bytes.length} bytes are cut or changed`);
  }
  try {
    let at = FIXED_BYTES + view.getUint32(12, true);
    const header = v.parse(headerSchema, JSON.parse(new TextDecoder().decode(whole.subarray(FIXED_BYTES, at))));
    const take = (length: number): Float64Array => {
      const bytesOf = length * Float64Array.BYTES_PER_ELEMENT;
      if (at + bytesOf > end) throw new Error('expected more numbers');
      at += bytesOf;
      return new Float64Array(whole.slice(at - bytesOf, at).buffer);
    };
    const { lengths, drift, preparation, ...plain } = header;
    const heldOut = take(lengths.heldOut);
    const [means, deviations] = [take(STATISTICS), take(STATISTICS)];
    const [mean, factor] = [take(lengths.blocks), take(lengths.blocks ** 2)];
    const known = checkPreparation(preparation);
    if (at !== end) throw new Error('expected arrays that fit together');
    return {
      inspector: { ...plain, density: { mean, factor }, heldOut },
      drift: { ...drift, means, deviations },
      preparation: known,
    };
  } catch (error) {
    throw refuse('corrupt', messageOf(error).split('\n')[0]!, error);
  }
}

async function digestOf(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as BufferSource));
}
