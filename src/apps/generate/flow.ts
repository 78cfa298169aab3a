// Follows the flow of a generator: from noise at time 0 to a picture at time 1, from between, or back. Heun's method with guidance. Not here:
// what it starts from (design.ts). Invariant: a picture is a function of its own start, classes and settings, whatever else is in the batch.
import * as tf from '../../backend/tfjs.ts';
import { type GeneratorShape, type GeneratorWeights, PATCH, timeFeatures, velocityOf } from './u-net.ts';

/** A path to follow. */
export interface FlowPath {
  /** `[count, side * side]`, of `toPatches`. */
  readonly start: Float32Array;
  /** `[count, classes]`: shares of classes, which sum to 1. */
  readonly classes: Float32Array;
  /** Times from 0 to 1; `to` may be the earlier one. */
  readonly from: number;
  readonly to: number;
  /** Of Heun's method, two velocities each. */
  readonly steps: number;
  /** How far the classes lead away from what is likely of any class; 1: not further than they would by themselves. */
  readonly guidance: number;
  /** Times between which they lead: before, it makes pictures alike, after, it does nothing for them (Kynkäänniemi et al. 2024). */
  readonly guidedTimes: readonly [from: number, to: number];
  /** How much finer steps are at the picture than at the noise; 1: all are even. */
  readonly finer: number;
}

/** How far along a flow a time is, and the time that far along (Esser et al. 2024, equation 23). */
export const progressAt = (time: number, finer: number): number => time / (finer - (finer - 1) * time);
const timeAt = (progress: number, finer: number): number => (finer * progress) / (1 + (finer - 1) * progress);

/** What of a batch is in memory at a time. */
const MOST_AT_ONCE = 128;
/** A product of one row sums in another order than one of several. */
const FEWEST_AT_ONCE = 2;

/**
 * Follows the flow.
 *
 * @returns `[count, side * side]` at time `to`
 */
export function followFlow(shape: GeneratorShape, weights: GeneratorWeights, path: FlowPath): Float32Array {
  const size = shape.side * shape.side;
  const count = path.start.length / size;
  const end = new Float32Array(path.start.length);
  for (let first = 0; first < count; first += MOST_AT_ONCE) {
    const last = Math.min(count, first + MOST_AT_ONCE);
    const part = {
      ...path,
      start: path.start.slice(first * size, last * size),
      classes: path.classes.subarray(first * shape.classes, last * shape.classes),
    };
    end.set(followTogether(shape, weights, part), first * size);
  }
  return end;
}

function followTogether(shape: GeneratorShape, weights: GeneratorWeights, path: FlowPath): Float32Array {
  const { from, to, steps, finer } = path;
  const x = path.start;
  const ahead = new Float32Array(x.length);
  const [start, end] = [progressAt(from, finer), progressAt(to, finer)];
  const velocity = createVelocity(shape, weights, path);
  for (let step = 0; step < steps; step++) {
    const time = timeAt(start + ((end - start) * step) / steps, finer);
    const next = timeAt(start + ((end - start) * (step + 1)) / steps, finer);
    const stride = next - time;
    const here = velocity(x, time);
    for (let i = 0; i < x.length; i++) ahead[i] = x[i]! + stride * here[i]!;
    const there = velocity(ahead, next);
    for (let i = 0; i < x.length; i++) x[i] = x[i]! + 0.5 * stride * (here[i]! + there[i]!);
  }
  return x;
}

/** The guided velocity of a batch (Ho & Salimans 2022). */
function createVelocity(
  shape: GeneratorShape,
  weights: GeneratorWeights,
  { classes, guidance, guidedTimes }: FlowPath,
): (x: Float32Array, time: number) => Float32Array {
  const { side, classes: known } = shape;
  const size = side * side;
  const count = classes.length / known;
  const rowsOf = (isGuided: boolean): number => Math.max(FEWEST_AT_ONCE, isGuided ? 2 * count : count);
  const classRows = new Float32Array(rowsOf(true) * (known + 1));
  for (let row = 0; row < rowsOf(true); row++) {
    const at = row * (known + 1);
    if (row < count) classRows.set(classes.subarray(row * known, (row + 1) * known), at);
    else classRows[at + known] = 1;
  }
  return (x, time) => {
    const isGuided = guidance !== 1 && time >= guidedTimes[0] && time <= guidedTimes[1];
    const rows = rowsOf(isGuided);
    const input = new Float32Array(rows * size);
    input.set(x);
    if (isGuided) input.set(x, x.length);
    const velocities = tf.tidy(() =>
      velocityOf(shape, weights, {
        x: tf.tensor4d(input, [rows, side / 2, side / 2, PATCH]),
        time: tf.tensor2d(timeFeatures(new Float32Array(rows).fill(time)), [rows, timeFeatures([0]).length]),
        classes: tf.tensor2d(classRows.subarray(0, rows * (known + 1)), [rows, known + 1]),
      }).dataSync<'float32'>(),
    );
    const guided = velocities.slice(0, x.length);
    if (!isGuided) return guided;
    return guided.map((told, i) => {
      const any = velocities[x.length + i]!;
      return any + guidance * (told - any);
    });
  };
}
