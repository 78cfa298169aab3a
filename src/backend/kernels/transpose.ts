// Transpose, SpaceToBatchND, BatchToSpaceND and DepthToSpace: tensors whose axes, or blocks of them, change places. All types of numbers.
// Stock finds the place of every element anew where the rank is above four; what has more axes than a walk takes stays stock.

import type { SelvedgeBackend } from '../selvedge-backend.ts';
import type * as tf from '../tfjs.ts';
import { canWalk, copyPart, copyStrided, stridesOf } from './copy-strided.ts';
import type { Correction } from './corrected-kernels.ts';
import { sizeOf } from './gemm.ts';
import { shareData } from './identity.ts';
import type { KernelCall } from './register.ts';
import { callKernel, replaceBy } from './registered-kernel.ts';

type Call<Attributes> = KernelCall<{ x: tf.TensorInfo }, Attributes>;

/** Copies x, read as `shape`, with its axes in another order; the result has the shape that is given. */
function permute(
  backend: SelvedgeBackend,
  x: tf.TensorInfo,
  { shape, perm, outShape }: { shape: readonly number[]; perm: readonly number[]; outShape: readonly number[] },
): tf.TensorInfo {
  const y = backend.output(outShape, x.dtype);
  const from = stridesOf(shape);
  const to = stridesOf(perm.map((axis) => shape[axis]!));
  const axes = perm.map((axis, i) => ({ size: shape[axis]!, from: from[axis]!, to: to[i]! }));
  copyStrided(backend, { x, y, axes });
  return y;
}

function transpose({ inputs: { x }, attrs: { perm }, backend }: Call<{ perm: number[] }>): tf.TensorInfo {
  const outShape = perm.map((axis) => x.shape[axis]!);
  const moved = perm.filter((axis) => x.shape[axis] !== 1);
  // Axes of one step may be anywhere.
  if (moved.every((axis, i) => i === 0 || moved[i - 1]! < axis)) return { ...shareData(x, backend), shape: outShape };
  return permute(backend, x, { shape: x.shape, perm, outShape });
}

function spaceToBatch(
  { inputs: { x }, attrs, backend }: Call<{ blockShape: number[]; paddings: number[][] }>,
  stock: () => ReturnType<tf.KernelFunc>,
): ReturnType<tf.KernelFunc> {
  const { blockShape, paddings } = attrs;
  const blocks = blockShape.length;
  const rest = x.shape.slice(1 + blocks);
  if (!canWalk(2 * blocks + 2)) return stock();
  const all = [[0, 0], ...paddings, ...rest.map(() => [0, 0])];
  const padded = all.some(([before, after]) => before !== 0 || after !== 0)
    ? callKernel(backend, 'PadV2', { x }, { paddings: all, constantValue: 0 })
    : shareData(x, backend);
  return replaceBy(backend, padded, (image) => {
    const batch = image.shape[0]!;
    const places = blockShape.map((block, i) => image.shape[i + 1]! / block);
    const shape = [batch, ...blockShape.flatMap((block, i) => [places[i]!, block]), sizeOf(rest)];
    const perm = [...blockShape.map((_, i) => 2 * i + 2), 0, ...blockShape.map((_, i) => 2 * i + 1), 2 * blocks + 1];
    return permute(backend, image, { shape, perm, outShape: [batch * sizeOf(blockShape), ...places, ...rest] });
  });
}

function batchToSpace(
  { inputs: { x }, attrs, backend }: Call<{ blockShape: number[]; crops: number[][] }>,
  stock: () => ReturnType<tf.KernelFunc>,
): ReturnType<tf.KernelFunc> {
  const { blockShape, crops } = attrs;
  const blocks = blockShape.length;
  const rest = x.shape.slice(1 + blocks);
  if (!canWalk(2 * blocks + 2)) return stock();
  const batch = x.shape[0]! / sizeOf(blockShape);
  const places = x.shape.slice(1, 1 + blocks);
  const shape = [...blockShape, batch, ...places, sizeOf(rest)];
  const perm = [blocks, ...blockShape.flatMap((_, i) => [blocks + 1 + i, i]), 2 * blocks + 1];
  const outShape = [batch, ...places.map((place, i) => place * blockShape[i]!), ...rest];
  const whole = permute(backend, x, { shape, perm, outShape });
  if (crops.every(([before, after]) => before === 0 && after === 0)) return whole;
  const begin = outShape.map((_, axis) => crops[axis - 1]?.[0] ?? 0);
  const size = outShape.map((length, axis) => length - begin[axis]! - (crops[axis - 1]?.[1] ?? 0));
  return replaceBy(backend, whole, (image) => copyPart(backend, image, { begin, size }));
}

function depthToSpace(
  { inputs: { x }, attrs, backend }: Call<{ blockSize: number; dataFormat: string }>,
  stock: () => ReturnType<tf.KernelFunc>,
): ReturnType<tf.KernelFunc> {
  if (attrs.dataFormat !== 'NHWC') return stock();
  const block = attrs.blockSize;
  const [batch, height, width, depth] = x.shape as [number, number, number, number];
  const channels = depth / (block * block);
  const shape = [batch, height, width, block, block, channels];
  return permute(backend, x, {
    shape,
    perm: [0, 1, 3, 2, 4, 5],
    outShape: [batch, height * block, width * block, channels],
  });
}

export const transposeKernels: Readonly<Record<string, Correction>> = {
  BatchToSpaceND: (stock) => (call) =>
    batchToSpace(call as unknown as Parameters<typeof batchToSpace>[0], () => stock(call)),
  DepthToSpace: (stock) => (call) =>
    depthToSpace(call as unknown as Parameters<typeof depthToSpace>[0], () => stock(call)),
  SpaceToBatchND: (stock) => (call) =>
    spaceToBatch(call as unknown as Parameters<typeof spaceToBatch>[0], () => stock(call)),
  Transpose: () => (call) => transpose(call as unknown as Call<{ perm: number[] }>),
};
