// Sum, Mean, Max and Min of float32 over any axes, on all threads. Other types stay stock.
// Invariant: how a sum is cut into chunks follows from the shape alone, so the bits do not depend on threads.

import { float32Bits } from '../float-bits.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import type { Correction } from './corrected-kernels.ts';
import { ALONE_ELEMENTS } from './elementwise-binary.ts';
import { clamp, evenShare, sizeOf } from './gemm.ts';
import { shareData } from './identity.ts';
import type { KernelCall } from './register.ts';
import { replaceBy } from './registered-kernel.ts';

/** Codes that the kernels know operations by; see assembly/reduce.ts. */
const codes = { Sum: 0, Mean: 0, Max: 1, Min: 2 } as const;
type Reduction = keyof typeof codes;

/** Elements of a chunk of one long run, and of the outputs that make up a unit. */
const CHUNK_ELEMENTS = 8192;
/** Rows that are summed in one go: more lose digits. */
const MAX_CHUNK_ROWS = 512;
const MIN_CHUNK_ROWS = 64;
/** Chunks that keep several threads evenly busy. */
const WANTED_CHUNKS = 32;
const COLUMNS_PER_STRIP = 256;

/** One step of a reduction: `rows` of each `[rows, columns]` matrix become one. */
interface Step {
  readonly outer: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Reduces a tensor by runs of neighbouring axes, from the last on.
 *
 * @param axes Axes to reduce, each within the rank
 */
export function reductionSteps(shape: readonly number[], axes: readonly number[]): Step[] {
  const steps: Step[] = [];
  let columns = 1;
  let rows = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const isReduced = axes.includes(axis);
    if (isReduced) rows *= shape[axis]!;
    const endsRun = rows > 1 && (axis === 0 || !axes.includes(axis - 1));
    if (isReduced && endsRun) {
      steps.push({ outer: sizeOf(shape.slice(0, axis)), rows, columns });
      rows = 1;
    }
    if (!isReduced) columns *= shape[axis]!;
  }
  return steps;
}

/** Writes the reduction of one step; a step of many rows leaves a result a chunk, which is reduced in turn. */
function runStep(
  backend: SelvedgeBackend,
  x: tf.TensorInfo,
  { code, step, divisor }: { code: number; step: Step; divisor: number },
): tf.TensorInfo {
  const { outer, rows, columns } = step;
  const chunkRows = rowsPerChunk(step);
  const chunks = Math.ceil(rows / chunkRows);
  const output = backend.output([outer, chunks, columns], 'float32');
  const words = [backend.offset(x), backend.offset(output), code, float32Bits(chunks === 1 ? divisor : 1)];
  const isSmall = outer * rows * columns < ALONE_ELEMENTS;
  if (columns === 1) {
    const outputs = outer * chunks;
    const outputsPerUnit = Math.max(1, Math.floor(CHUNK_ELEMENTS / Math.min(rows, chunkRows)));
    const units = Math.ceil(outputs / outputsPerUnit);
    const ownWords = [outputs, outputsPerUnit, rows, chunkRows, chunks];
    backend.pool.run('reduceRows', units, [...words, ...ownWords], isSmall ? { grain: units } : {});
  } else {
    const strips = Math.ceil(columns / COLUMNS_PER_STRIP);
    const units = outer * chunks * strips;
    const ownWords = [rows, columns, chunkRows, chunks, COLUMNS_PER_STRIP, strips];
    backend.pool.run('reduceColumns', units, [...words, ...ownWords], isSmall ? { grain: units } : {});
  }
  if (chunks === 1) return output;
  return replaceBy(backend, output, (partials) =>
    runStep(backend, partials, { code, step: { outer, rows: chunks, columns }, divisor }),
  );
}

function rowsPerChunk({ rows, columns }: Step): number {
  if (columns === 1) return rows <= CHUNK_ELEMENTS ? rows : CHUNK_ELEMENTS;
  if (rows <= MAX_CHUNK_ROWS) return rows;
  return evenShare(rows, clamp(Math.ceil(rows / WANTED_CHUNKS), MIN_CHUNK_ROWS, MAX_CHUNK_ROWS));
}

/** What the cpu backend gives where there is nothing to reduce. */
function reduceNothing(backend: SelvedgeBackend, reduction: Reduction, shape: readonly number[]): tf.TensorInfo {
  const output = backend.output(shape, 'float32');
  const elements = sizeOf(shape);
  if (elements > 0) {
    const bytes = backend.bytes(backend.offset(output), elements * 4);
    new Float32Array(bytes.buffer, bytes.byteOffset, elements).fill(codes[reduction] === 0 ? 0 : Number.NaN);
  }
  return output;
}

function reduce(
  backend: SelvedgeBackend,
  { reduction, x, axes }: { reduction: Reduction; x: tf.TensorInfo; axes: readonly number[] },
): tf.TensorInfo {
  const [outShape, reducedShape] = tf.backend_util.computeOutAndReduceShapes(x.shape, axes as number[]);
  if (sizeOf(x.shape) === 0) return reduceNothing(backend, reduction, outShape);
  const code = codes[reduction];
  const steps = reductionSteps(x.shape, axes);
  const count = reduction === 'Mean' ? sizeOf(reducedShape) : 1;
  // Counts as a reference of its own, so that each step may release what it reads.
  let result = shareData(x, backend);
  steps.forEach((step, i) => {
    const divisor = i === steps.length - 1 ? count : 1;
    result = replaceBy(backend, result, (input) => runStep(backend, input, { code, step, divisor }));
  });
  return { ...result, shape: outShape };
}

type Call = KernelCall<
  { x: tf.TensorInfo },
  { axis?: number | number[]; reductionIndices?: number | number[]; keepDims?: boolean }
>;

const threaded =
  (reduction: Reduction): Correction =>
  (stock) =>
  (call) => {
    const { inputs, attrs, backend } = call as unknown as Call;
    const { x } = inputs;
    if (x.dtype !== 'float32') return stock(call);
    // Max names its axes otherwise than the others.
    const axes = tf.util.parseAxisParam((reduction === 'Max' ? attrs.reductionIndices : attrs.axis)!, x.shape);
    const output = reduce(backend, { reduction, x, axes });
    return attrs.keepDims ? { ...output, shape: tf.backend_util.expandShapeToKeepDim(output.shape, axes) } : output;
  };

export const reduceKernels: Readonly<Record<string, Correction>> = Object.fromEntries(
  (Object.keys(codes) as Reduction[]).map((reduction) => [reduction, threaded(reduction)]),
);
