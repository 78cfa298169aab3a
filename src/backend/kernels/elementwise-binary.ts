// Add, Sub, Multiply, RealDiv, Maximum, Minimum and SquaredDifference of float32, on all threads.
// Any broadcast that leaves at most four runs of axes is ours; the rest, and other types, stay stock, on equal shapes.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import * as tf from '../tfjs.ts';
import { expanding } from './broadcast-binary.ts';
import type { Correction } from './corrected-kernels.ts';
import { sizeOf } from './gemm.ts';
import type { Kernel, KernelCall } from './register.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';

/** Codes that the kernel knows operations by; see assembly/elementwise-binary.ts. */
const codes = { Add: 0, Sub: 1, Multiply: 2, RealDiv: 3, Maximum: 4, Minimum: 5, SquaredDifference: 6 } as const;

const RELU_GRAD = 7;
const PRODUCT = 8;

const ELEMENTS_PER_UNIT = 4096;
/** Elements below which waking workers costs more than it saves: a few microseconds of one core. */
export const ALONE_ELEMENTS = 32_768;

/** Axes over which each input either moves or stands still. */
interface Run {
  size: number;
  readonly stepA: number;
  readonly stepB: number;
}

/** How a broadcast is walked: the innermost run, and up to three around it. */
export interface BroadcastWalk {
  readonly outShape: number[];
  readonly elements: number;
  /** Elements of the innermost run, and 0 or 1: whether a and b move along it. */
  readonly inner: number;
  readonly stepA: number;
  readonly stepB: number;
  /** Sizes of the two runs around it; the outermost is what is left. */
  readonly sizes: readonly [number, number];
  /** Floats from one index of the three outer runs to the next, from the outermost on. */
  readonly stridesA: readonly [number, number, number];
  readonly stridesB: readonly [number, number, number];
}

const STILL = [0, 0, 0] as const;

/**
 * Finds the runs of a broadcast.
 *
 * @returns undefined where there are more than four
 * @throws Error of tfjs where the shapes do not broadcast
 */
export function broadcastWalk(a: readonly number[], b: readonly number[]): BroadcastWalk | undefined {
  if (isSameShape(a, b)) return flatWalk([...a], 1, 1);
  // One number for all, of the same rank or less, leaves the other's shape.
  if (a.length >= b.length && sizeOf(b) === 1) return flatWalk([...a], 1, 0);
  if (b.length >= a.length && sizeOf(a) === 1) return flatWalk([...b], 0, 1);
  const outShape = tf.backend_util.assertAndGetBroadcastShape(a as number[], b as number[]);
  const runs = findRuns(outShape, a, b);
  const innermost = runs[0];
  if (!innermost) return flatWalk(outShape, 1, 0);
  if (runs.length > 4) return undefined;
  const stridesA: [number, number, number] = [0, 0, 0];
  const stridesB: [number, number, number] = [0, 0, 0];
  let passedA = innermost.stepA ? innermost.size : 1;
  let passedB = innermost.stepB ? innermost.size : 1;
  runs.slice(1).forEach((run, i) => {
    if (run.stepA) {
      stridesA[2 - i] = passedA;
      passedA *= run.size;
    }
    if (run.stepB) {
      stridesB[2 - i] = passedB;
      passedB *= run.size;
    }
  });
  return {
    outShape,
    elements: sizeOf(outShape),
    inner: innermost.size,
    stepA: innermost.stepA,
    stepB: innermost.stepB,
    sizes: [runs[2]?.size ?? 1, runs[1]?.size ?? 1],
    stridesA,
    stridesB,
  };
}

const isSameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

function flatWalk(outShape: number[], stepA: number, stepB: number): BroadcastWalk {
  const elements = sizeOf(outShape);
  return { outShape, elements, inner: elements, stepA, stepB, sizes: [1, 1], stridesA: STILL, stridesB: STILL };
}

/** Runs of axes from the innermost on; axes of length 1 belong to none. */
function findRuns(outShape: readonly number[], a: readonly number[], b: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (let axis = 1; axis <= outShape.length; axis++) {
    const size = outShape.at(-axis)!;
    if (size === 1) continue;
    const stepA = (a.at(-axis) ?? 1) === 1 ? 0 : 1;
    const stepB = (b.at(-axis) ?? 1) === 1 ? 0 : 1;
    const last = runs.at(-1);
    if (last && last.stepA === stepA && last.stepB === stepB) last.size *= size;
    else runs.push({ size, stepA, stepB });
  }
  return runs;
}

type Call = KernelCall<{ a: tf.TensorInfo; b: tf.TensorInfo }>;

const threaded =
  (code: number): Correction =>
  (stock) => {
    const expanded = expanding(stock);
    return (call) => {
      const { inputs, backend } = call as unknown as Call;
      const { a, b } = inputs;
      const walk = a.dtype === 'float32' && b.dtype === 'float32' ? broadcastWalk(a.shape, b.shape) : undefined;
      return walk ? combine(backend, { code, a, b, walk }) : expanded(call);
    };
  };

function combine(
  backend: SelvedgeBackend,
  { code, a, b, walk }: { code: number; a: tf.TensorInfo; b: tf.TensorInfo; walk: BroadcastWalk },
): tf.TensorInfo {
  const { outShape, elements } = walk;
  const output = backend.output(outShape, 'float32');
  const units = Math.ceil(elements / ELEMENTS_PER_UNIT);
  backend.pool.run(
    'elementwiseBinary',
    units,
    [
      backend.offset(a),
      backend.offset(b),
      backend.offset(output),
      elements,
      ELEMENTS_PER_UNIT,
      code,
      walk.inner,
      walk.stepA,
      walk.stepB,
      ...walk.sizes,
      ...walk.stridesA,
      ...walk.stridesB,
    ],
    elements < ALONE_ELEMENTS ? { grain: units } : {},
  );
  return output;
}

export const elementwiseBinaryKernels: Readonly<Record<string, Correction>> = Object.fromEntries(
  Object.entries(codes).map(([kernelName, code]) => [kernelName, threaded(code)]),
);

/** Each element of a vector times each of another: `[rows, columns]`. */
export function outerProduct(backend: SelvedgeBackend, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  const walk = broadcastWalk([sizeOf(a.shape), 1], [1, sizeOf(b.shape)])!;
  return combine(backend, { code: PRODUCT, a, b, walk });
}

/** dy * step(x) in one pass; not a kernel of tfjs: our gradient of Relu runs it. */
export const reluGradKernel: Kernel = {
  kernelName: 'ReluGrad',
  kernelFunc({ inputs: { dy, x }, backend }: KernelCall<{ dy: tf.TensorInfo; x: tf.TensorInfo }>) {
    if (dy.dtype === 'float32' && x.dtype === 'float32') {
      return combine(backend, { code: RELU_GRAD, a: dy, b: x, walk: flatWalk(x.shape, 1, 1) });
    }
    return replaceBy(backend, callKernel(backend, 'Step', { x }, { alpha: 0 }), (slope) =>
      replaceBy(backend, callKernel(backend, 'Cast', { x: slope }, { dtype: 'float32' }), (factor) =>
        callKernel(backend, 'Multiply', { a: dy, b: factor }),
      ),
    );
  },
};
