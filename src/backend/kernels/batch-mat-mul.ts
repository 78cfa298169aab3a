// BatchMatMul: the tfjs kernel and the function beneath it, which adds a bias and clamps in the same pass.
// Any transposes; batch dimensions broadcast as NumPy's do. Reads B anew at each call: weights may be written in place.

import { SelvedgeError } from '../../core/errors.ts';
import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import { type ClampActivation, clampBits, emptyProduct } from './activation.ts';
import { outerProduct } from './elementwise-binary.ts';
import { alignToCacheLine, grainFor, packedSize, packPanels, planRows, sizeOf } from './gemm.ts';
import type { KernelCall } from './register.ts';

/** Rows up to which reading B once is cheaper than packing it. */
const FEW_ROWS = 8;
/** Of a product with one row: half a page of each row of B. */
const COLUMNS_PER_UNIT = 512;
/** Bytes of a batch table's row, and of the zeros that sums start from where no panel carries a bias. */
const BATCH_BYTES = 12;
const INIT_BYTES = 64;

/** A product of matrices, or of batches of them. */
export interface MatMul {
  /** `[…, rows, depth]`, or `[…, depth, rows]` if transposed. */
  readonly a: tf.TensorInfo;
  /** `[…, depth, columns]`, or `[…, columns, depth]` if transposed. */
  readonly b: tf.TensorInfo;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** `[columns]`, or one number. */
  readonly bias?: tf.TensorInfo | undefined;
  /** Default: linear. */
  readonly activation?: ClampActivation;
}

/** Sizes of a product, and which matrices each member of the batch multiplies. */
export interface MatMulShape {
  readonly outShape: number[];
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly batch: number;
  /** Matrices that B holds. */
  readonly batchB: number;
  /** Index of A's and of B's matrix, for each of the batch. */
  readonly pairs: readonly (readonly [number, number])[];
}

/**
 * Sizes of a product.
 *
 * @throws SelvedgeError `backend/shape` where the inner dimensions differ; Error of tfjs where batches do not broadcast
 */
export function matMulShape({ a, b, transposeA = false, transposeB = false }: MatMul): MatMulShape {
  const [rows, depth] = lastTwo(a.shape, transposeA);
  const [depthB, columns] = lastTwo(b.shape, transposeB);
  if (depth !== depthB) {
    throw new SelvedgeError(
      'backend/shape',
      `Cannot multiply [${a.shape}] by [${b.shape}] with transposeA=${transposeA} and transposeB=${transposeB}: ` +
        `inner dimensions ${depth} and ${depthB} must match`,
    );
  }
  const outerA = a.shape.slice(0, -2);
  const outerB = b.shape.slice(0, -2);
  const outer = tf.backend_util.assertAndGetBroadcastShape(outerA, outerB);
  const batchB = sizeOf(outerB);
  const outShape = [...outer, rows, columns];
  // One B for all: the batch is nothing but more rows.
  if (batchB === 1 && !transposeA) {
    return { outShape, rows: sizeOf(outer) * rows, depth, columns, batch: 1, batchB, pairs: [[0, 0]] };
  }
  const batch = sizeOf(outer);
  const pairs = Array.from({ length: batch }, (_, index) => {
    return [broadcastIndex(index, outer, outerA), broadcastIndex(index, outer, outerB)] as const;
  });
  return { outShape, rows, depth, columns, batch, batchB, pairs };
}

const lastTwo = (shape: readonly number[], swapped: boolean): [number, number] => {
  const [first, second] = [shape.at(-2)!, shape.at(-1)!];
  return swapped ? [second, first] : [first, second];
};

/** Where the element at `index` of the broadcast shape comes from. */
function broadcastIndex(index: number, outer: readonly number[], own: readonly number[]): number {
  let from = 0;
  let step = 1;
  for (let axis = 1; axis <= own.length; axis++) {
    const length = outer.at(-axis)!;
    if (own.at(-axis) !== 1) from += (index % length) * step;
    index = Math.floor(index / length);
    step *= own.at(-axis)!;
  }
  return from;
}

/**
 * Multiplies float32 matrices, adds a bias and clamps.
 *
 * @returns `[…, rows, columns]`; the caller owns it
 * @throws SelvedgeError `backend/shape`
 */
export function matMul(backend: SelvedgeBackend, options: MatMul): tf.TensorInfo {
  const { bias, transposeA = false, transposeB = false } = options;
  const shape = matMulShape(options);
  const { rows, depth, columns, batch, batchB } = shape;
  if (depth === 0) return emptyProduct(backend, shape.outShape, options);
  const isPlain = !bias && (options.activation ?? 'linear') === 'linear';
  if (depth === 1 && batch === 1 && isPlain && sizeOf(shape.outShape) > 0) {
    return { ...outerProduct(backend, options.a, options.b), shape: shape.outShape };
  }
  const output = backend.output(shape.outShape, 'float32');
  if (sizeOf(shape.outShape) === 0) return output;
  if (rows === 1 && batch === 1 && !transposeB) return rowTimesMatrix(backend, options, output);
  const inPlace =
    !transposeB && batchB === 1 && rows <= FEW_ROWS && columns % 8 === 0 && (!bias || sizeOf(bias.shape) > 1);
  const { panelBytes, matrixBytes } = packedSize(depth, columns);
  const tableBytes = alignToCacheLine(batch * BATCH_BYTES);
  backend.withMemory(64 + tableBytes + INIT_BYTES + (inPlace ? 0 : batchB * matrixBytes), (block) => {
    const table = alignToCacheLine(block);
    const init = table + tableBytes;
    const panels = init + INIT_BYTES;
    const words = batchWords(backend, options, { shape, output, matrixBytes });
    backend.bytes(table, words.byteLength).set(new Uint8Array(words.buffer));
    backend.bytes(init, INIT_BYTES).fill(0);
    if (!inPlace) {
      packPanels(backend, {
        source: backend.offset(options.b),
        panels,
        matrices: batchB,
        depth,
        columns,
        rowStep: transposeB ? 4 : columns * 4,
        columnStep: transposeB ? depth * 4 : 4,
        matrixStep: depth * columns * 4,
        bias,
      });
    }
    const plan = planRows({ batch, rows, depth, columns });
    const units = batch * plan.units;
    const packed = [panels + 32, panelBytes, 32, panels, panelBytes];
    const unpacked = [backend.offset(options.b), 32, columns * 4, bias ? backend.offset(bias) : init, bias ? 32 : 0];
    backend.pool.run(
      transposeA ? 'matMulColumns' : 'matMulRows',
      units,
      [
        table,
        rows,
        columns,
        depth,
        (transposeA ? rows : depth) * 4,
        columns * 4,
        plan.rowsPerUnit,
        plan.panelCount,
        plan.panelsPerUnit,
        ...(inPlace ? unpacked : packed),
        ...clampBits(options.activation ?? 'linear'),
      ],
      { scratchBytes: (plan.rowsPerUnit + 3) * 8, ...grainFor(2 * batch * rows * depth * columns, units) },
    );
  });
  return output;
}

/** One row, which a tile of four rows would compute four times. The sums are the same to the bit. */
function rowTimesMatrix(
  backend: SelvedgeBackend,
  { a, b, bias, activation = 'linear' }: MatMul,
  output: tf.TensorInfo,
): tf.TensorInfo {
  const [depth, columns] = lastTwo(b.shape, false);
  const units = Math.ceil(columns / COLUMNS_PER_UNIT);
  const biasStep = bias && sizeOf(bias.shape) > 1 ? 4 : 0;
  const words = [
    backend.offset(a),
    backend.offset(b),
    backend.offset(output),
    bias ? backend.offset(bias) : 0,
    biasStep,
  ];
  backend.pool.run(
    'rowTimesMatrix',
    units,
    [...words, depth, columns, COLUMNS_PER_UNIT, ...clampBits(activation)],
    grainFor(2 * depth * columns, units),
  );
  return output;
}

/** The kernel's table: byte offsets of each A, of each B within the packed ones, and of each C. */
function batchWords(
  backend: SelvedgeBackend,
  { a }: MatMul,
  { shape, output, matrixBytes }: { shape: MatMulShape; output: tf.TensorInfo; matrixBytes: number },
): Uint32Array {
  const fromA = backend.offset(a);
  const to = backend.offset(output);
  const { rows, depth, columns } = shape;
  const words = new Uint32Array(shape.pairs.length * 3);
  for (const [index, [indexA, indexB]] of shape.pairs.entries()) {
    words[index * 3] = fromA + indexA * rows * depth * 4;
    words[index * 3 + 1] = indexB * matrixBytes;
    words[index * 3 + 2] = to + index * rows * columns * 4;
  }
  return words;
}

/**
 * Multiplies int32 matrices; sums wrap.
 *
 * @returns `[…, rows, columns]`, int32; the caller owns it
 */
export function matMulInt32(backend: SelvedgeBackend, options: MatMul): tf.TensorInfo {
  const { b, transposeA = false, transposeB = false } = options;
  const shape = matMulShape(options);
  const { rows, depth, columns, batch } = shape;
  const output = backend.output(shape.outShape, 'int32');
  if (sizeOf(shape.outShape) === 0) return output;
  backend.withMemory(batch * BATCH_BYTES, (table) => {
    const matrixBytes = depth * columns * 4;
    const words = batchWords(backend, options, { shape, output, matrixBytes });
    for (let index = 0; index < batch; index++) words[index * 3 + 1]! += backend.offset(b);
    backend.bytes(table, words.byteLength).set(new Uint8Array(words.buffer));
    const stepsA = transposeA ? [4, rows * 4] : [depth * 4, 4];
    const stepsB = transposeB ? [4, depth * 4] : [columns * 4, 4];
    const units = batch * rows;
    backend.pool.run(
      'matMulInt32',
      units,
      [table, rows, columns, depth, ...stepsA, ...stepsB],
      grainFor(2 * batch * rows * depth * columns, units),
    );
  });
  return output;
}

/** The product of tensors of one type, as the kernels of tfjs take them. */
export function matMulOfType(backend: SelvedgeBackend, options: MatMul): tf.TensorInfo {
  const { a, b } = options;
  if (a.dtype === 'float32' && b.dtype === 'float32') return matMul(backend, options);
  if (a.dtype === 'int32' && b.dtype === 'int32') return matMulInt32(backend, options);
  throw new SelvedgeError(
    'backend/dtype',
    `Cannot multiply ${a.dtype} by ${b.dtype}: expected both float32 or both int32`,
  );
}

type Call = KernelCall<{ a: tf.TensorInfo; b: tf.TensorInfo }, { transposeA: boolean; transposeB: boolean }>;

export const batchMatMulKernel = {
  kernelName: 'BatchMatMul',
  kernelFunc({ inputs: { a, b }, attrs: { transposeA, transposeB }, backend }: Call): tf.TensorInfo {
    return matMulOfType(backend, { a, b, transposeA, transposeB });
  },
};
