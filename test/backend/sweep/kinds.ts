// Calls of a kind: of one input, of two that broadcast, over axes; and gradients of operations.
// Invariant: a call makes its tensors anew wherever it is run.
import * as tf from '@tensorflow/tfjs';
import type { Draw } from './draw.ts';

export type Call = (draw: Draw) => () => tf.Tensor | tf.Tensor[];
export type Calls = Readonly<Record<string, Call>>;
type Unary = (x: tf.Tensor) => tf.Tensor;
export type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;
export type NumberType = 'float32' | 'int32' | 'bool';

export const gradientOf = <T extends tf.Tensor>(run: (x: T) => tf.Tensor): ((x: T) => tf.Tensor) =>
  tf.grad(run as unknown as Unary) as (x: T) => tf.Tensor;
export const gradientsOf = <T extends tf.Tensor>(run: (a: T, b: T) => tf.Tensor): ((inputs: [T, T]) => tf.Tensor[]) =>
  tf.grads(run as unknown as (...inputs: tf.Tensor[]) => tf.Tensor);

export const unary =
  (operation: Unary, range?: readonly [number, number], ...types: ('float32' | 'int32' | 'bool')[]): Call =>
  (draw) => {
    const x = draw.tensor(draw.anyShape(), draw.type(...types), range);
    return () => operation(x());
  };

export const binary =
  (
    operation: Binary,
    types: ('float32' | 'int32' | 'bool')[] = ['float32', 'int32'],
    range?: readonly [number, number],
  ): Call =>
  (draw) => {
    const [a, b] = draw.broadcast();
    const type = draw.type(...types);
    const [left, right] = [draw.tensor(a, type, range), draw.tensor(b, type, range)];
    return () => operation(left(), right());
  };

/** Over some axes, which stay or go. */
export const reduction =
  (
    operation: (x: tf.Tensor, axes: number[] | undefined, keepDims: boolean) => tf.Tensor,
    ...types: ('float32' | 'int32' | 'bool')[]
  ): Call =>
  (draw) => {
    const shape = draw.anyShape(4);
    const axes = draw.chance(0.3) ? undefined : shape.map((_, axis) => axis).filter(() => draw.chance());
    const x = draw.tensor(shape, draw.type(...types));
    const keepDims = draw.chance();
    return () => operation(x(), axes, keepDims);
  };

export const pair = (draw: Draw, to: number): [number, number] => [draw.int(1, to), draw.int(1, to)];

export const types = ['float32', 'int32', 'bool'] as const;
