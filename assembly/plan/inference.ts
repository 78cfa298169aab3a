// Stages of a plan that only infers: images into it, probabilities out of it, and batch normalisation folded into the weights before.
// Invariant: a call writes what belongs to its units only.
//
//   from, to        f32 [batch][floats]
//   logits, out     f32 [batch][classes]
//   scale, shift    f32 [channels]: batch normalisation by moving averages is x * scale + shift
//   weights         f32 [rows][columns], a column a channel of the output
import { expOf } from '../scalar-math';
import { copyFloats, loadColumns, storeColumns } from '../simd/columns';

@unmanaged
class PlanCopy {
  from: u32;
  to: u32;
  floats: i32;
}

/** Unit: image. */
export function planCopy(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanCopy>(args);
  const imageBytes = (<usize>a.floats) << 2;
  const first = <usize>start * imageBytes;
  copyFloats(<usize>a.to + first, <usize>a.from + first, <usize>(end - start) * imageBytes);
}

@unmanaged
class PlanSoftmax {
  logits: u32;
  out: u32;
  classes: i32;
}

/** Unit: image. In double precision, by our own exponential. */
export function planSoftmax(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanSoftmax>(args);
  const rowBytes = (<usize>a.classes) << 2;
  for (let image = start; image < end; image++) {
    const logits = <usize>a.logits + <usize>image * rowBytes;
    const rowEnd = logits + rowBytes;
    let largest = load<f32>(logits);
    for (let at = logits + 4; at < rowEnd; at += 4) {
      const value = load<f32>(at);
      // NaN is taken, and spreads.
      if (!(value <= largest)) largest = value;
    }
    let sum: f64 = 0;
    for (let at = logits; at < rowEnd; at += 4) sum += expOf(<f64>load<f32>(at) - <f64>largest);
    let to = <usize>a.out + <usize>image * rowBytes;
    for (let at = logits; at < rowEnd; at += 4, to += 4) {
      store<f32>(to, <f32>(expOf(<f64>load<f32>(at) - <f64>largest) / sum));
    }
  }
}

@unmanaged
class PlanMovingAverages {
  mean: u32;
  variance: u32;
  /** f32 [channels] each, or 0: taken as 1, 0, 0. `bias` is added before the normalisation. */
  gamma: u32;
  beta: u32;
  bias: u32;
  scale: u32;
  shift: u32;
  epsilon: f32;
}

/** Scale and shift of a batch normalisation. Unit: channel. */
export function planMovingAverages(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanMovingAverages>(args);
  for (let channel = start; channel < end; channel++) {
    const at = (<usize>channel) << 2;
    const gamma: f64 = a.gamma != 0 ? <f64>load<f32>(<usize>a.gamma + at) : 1;
    const beta: f64 = a.beta != 0 ? <f64>load<f32>(<usize>a.beta + at) : 0;
    const bias: f64 = a.bias != 0 ? <f64>load<f32>(<usize>a.bias + at) : 0;
    const scale = gamma / sqrt(<f64>load<f32>(<usize>a.variance + at) + <f64>a.epsilon);
    store<f32>(<usize>a.scale + at, <f32>scale);
    store<f32>(<usize>a.shift + at, <f32>(beta + (bias - <f64>load<f32>(<usize>a.mean + at)) * scale));
  }
}

@unmanaged
class PlanScaleColumns {
  weights: u32;
  scaled: u32;
  scale: u32;
  columns: i32;
}

/** Weights whose sums come out scaled. Unit: row. */
export function planScaleColumns(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<PlanScaleColumns>(args);
  const pitch = (<usize>a.columns) << 2;
  let from = <usize>a.weights + <usize>start * pitch;
  let to = <usize>a.scaled + <usize>start * pitch;
  for (let row = start; row < end; row++, from += pitch, to += pitch) {
    let column = 0;
    for (; column + 4 <= a.columns; column += 4) {
      const at = (<usize>column) << 2;
      v128.store(to + at, f32x4.mul(v128.load(from + at), v128.load(<usize>a.scale + at)));
    }
    if (column < a.columns) {
      const at = (<usize>column) << 2;
      const left = a.columns - column;
      const scaled = f32x4.mul(loadColumns(from + at, left), loadColumns(<usize>a.scale + at, left));
      storeColumns(to + at, scaled, scaled, left);
    }
  }
}
