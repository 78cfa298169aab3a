// Softmax and categorical cross-entropy of logits, with the gradient, in one pass over a row.
// With label smoothing (Szegedy et al. 2016, section 7) a label k of a row becomes (1 - smoothing) label[k] + smoothing / classes
// times the sum of the row's labels. Hits are told from the labels as given.
// Unit: one example.
//
//   logits, labels, gradient  float32 [examples, classes]
//   losses                    float32 [examples]
//   hits                      int32   [examples]: 1 where the largest logit is the largest label (first of equals)
import { expOf, logOf } from './scalar-math';

@unmanaged
class SoftmaxCrossEntropyArgs {
  logits: u32;
  labels: u32;
  losses: u32;
  gradient: u32;
  hits: u32;
  classes: i32;
  /** What the gradient of a row is multiplied by: 1 / examples for the mean loss. */
  scale: f32;
  /** Share of each label that is spread evenly over all classes, from 0 up to, not including, 1. */
  smoothing: f32;
}

export function softmaxCrossEntropy(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SoftmaxCrossEntropyArgs>(args);
  const classes = a.classes;
  const scale = <f64>a.scale;
  const smoothing = <f64>a.smoothing;
  for (let i = start; i < end; i++) {
    const row = (<usize>i * <usize>classes) << 2;
    const logits = <usize>a.logits + row;
    const labels = <usize>a.labels + row;
    const gradient = <usize>a.gradient + row;

    let predicted = 0;
    let actual = 0;
    let weight: f64 = 0;
    for (let k = 0; k < classes; k++) {
      const at = <usize>k << 2;
      if (load<f32>(logits + at) > load<f32>(logits + (<usize>predicted << 2))) predicted = k;
      if (load<f32>(labels + at) > load<f32>(labels + (<usize>actual << 2))) actual = k;
      weight += <f64>load<f32>(labels + at);
    }
    const largest = <f64>load<f32>(logits + (<usize>predicted << 2));
    let sum: f64 = 0;
    for (let k = 0; k < classes; k++) sum += expOf(<f64>load<f32>(logits + (<usize>k << 2)) - largest);
    const logSum = logOf(sum);
    const spread = (smoothing * weight) / <f64>classes;
    let loss: f64 = 0;
    for (let k = 0; k < classes; k++) {
      const at = <usize>k << 2;
      const shifted = <f64>load<f32>(logits + at) - largest;
      const label = (1 - smoothing) * <f64>load<f32>(labels + at) + spread;
      loss += label * (logSum - shifted);
      store<f32>(gradient + at, <f32>(((expOf(shifted) / sum) * weight - label) * scale));
    }
    store<f32>(<usize>a.losses + (<usize>i << 2), <f32>loss);
    store<i32>(<usize>a.hits + (<usize>i << 2), predicted == actual ? 1 : 0);
  }
}
