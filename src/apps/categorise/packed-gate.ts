// A gate as plain JSON, with what it says of calibration images. Not here: what its numbers mean (gate.ts).
// Invariant: numbers come back to the bit; a gate whose numbers do not fit together is an error.
import * as v from 'valibot';
import { SelvedgeError } from '../../core/errors.ts';
import { combineScores, type OpenGate, type Scale, scalesOf } from './gate.ts';

export const gateSchema = v.object({
  weights: v.string(),
  classes: v.number(),
  layers: v.array(v.string()),
  parts: v.array(v.object({ width: v.number(), isUnit: v.boolean(), whitening: v.string(), means: v.string() })),
  contrast: v.optional(v.object({ means: v.string(), deviations: v.string(), weights: v.string() })),
  scales: v.array(v.object({ usual: v.number(), step: v.number() })),
  quantiles: v.array(v.number()),
});

/**
 * Tells what is strange by features of the network of these `weights` (sha256). Numbers are f32, little-endian, as base64; of `whitening`
 * the lower triangle alone, row by row. `quantiles` 0, 1/n, … 1 are of scores of calibration images.
 */
export type CalibrationGate = v.InferOutput<typeof gateSchema>;

const QUANTILES = 1000;

/**
 * Packs a gate.
 *
 * @param scores `[images, parts]` of calibration images
 * @param weights Of the network
 */
export function packGate(gate: OpenGate, scores: Float64Array, weights: string): CalibrationGate {
  const { layers, parts, contrast } = gate;
  const scales = scalesOf(scores, scoresOfGate(gate));
  const sorted = combineScores(scores, scales).sort();
  const quantiles = Array.from({ length: QUANTILES + 1 }, (_, i) => {
    const at = Math.min(sorted.length - 1, Math.ceil((i / QUANTILES) * sorted.length) - 1);
    return Math.round(sorted[Math.max(0, at)]! * 1e4) / 1e4;
  });
  return {
    weights,
    classes: parts[0]!.means.length / parts[0]!.width,
    layers: [...layers],
    parts: parts.map(({ width, isUnit, whitening, means }) => {
      const triangle: number[] = [];
      for (let i = 0; i < width; i++) triangle.push(...whitening.subarray(i * width, i * width + i + 1));
      return { width, isUnit, whitening: toBase64(Float32Array.from(triangle)), means: toBase64(means) };
    }),
    ...(contrast
      ? {
          contrast: {
            means: toBase64(contrast.means),
            deviations: toBase64(contrast.deviations),
            weights: toBase64(contrast.weights),
          },
        }
      : {}),
    scales,
    quantiles,
  };
}

/** Scores of an image, of which a gate makes one. */
export const scoresOfGate = ({ parts, contrast }: OpenGate): number => parts.length + (contrast ? 1 : 0);

/**
 * Opens a gate.
 *
 * @throws SelvedgeError `categorise/calibration` for one that is damaged
 */
export function openGate(packed: CalibrationGate): OpenGate & { readonly scales: readonly Scale[] } {
  const { classes, layers, parts: packedParts, contrast: packedContrast, scales } = packed;
  let first = 0;
  const parts = packedParts.map(({ width, isUnit, whitening, means }) => {
    const triangle = numbers(whitening, (width * (width + 1)) / 2);
    const square = new Float32Array(width * width);
    for (let i = 0, at = 0; i < width; at += ++i) square.set(triangle.subarray(at, at + i + 1), i * width);
    const part = { first, width, isUnit, whitening: square, means: numbers(means, classes * width) };
    first += width;
    return part;
  });
  const contrast = packedContrast && {
    means: numbers(packedContrast.means, first),
    deviations: numbers(packedContrast.deviations, first),
    weights: numbers(packedContrast.weights, 2 * first + 1),
  };
  const gate = { layers, parts, contrast };
  if (scales.length !== scoresOfGate(gate) || parts.length !== layers.length + 1) {
    throw damaged(`${layers.length + 1} parts with their scales`, `${parts.length} and ${scales.length}`);
  }
  return { ...gate, scales };
}

const damaged = (expected: string, got: string): SelvedgeError =>
  new SelvedgeError('categorise/calibration', `Cannot use the calibration: expected ${expected}, got ${got}`);

function toBase64(values: Float32Array): string {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function numbers(text: string, count: number): Float32Array {
  let binary = '';
  try {
    binary = atob(text);
  } catch {
    // Of no length that is expected.
  }
  if (binary.length !== 4 * count) throw damaged(`${count} numbers`, `${binary.length / 4}`);
  const view = new DataView(new ArrayBuffer(binary.length));
  for (let i = 0; i < view.byteLength; i++) view.setUint8(i, binary.charCodeAt(i));
  return Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true));
}
