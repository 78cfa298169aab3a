// Categorical cross-entropy of logits with what a regime may add to it, and the gradient, a row at a time:
//
//   labels      l_k = (1 - smoothing) label_k + smoothing / classes * sum of the row's labels   (Szegedy et al. 2016)
//   of labels   sum over k of l_k w_k (1 - p_k)^gamma (-log p_k)     w weighs classes; gamma: focal loss (Lin et al. 2017)
//               p = softmax(logits + adjustment)                     tau log(prior) a class: logit adjustment (Menon et al. 2021)
//   of teacher  T^2 sum over k of q_k log(q_k / s_k)                 s = softmax(logits / T), q the teacher's, made as soft
//   loss        (1 - share) of labels + share of teacher             (Hinton et al. 2015)
//
// Without any of it, softmax-cross-entropy.ts is the same loss. Hits are told from logits and labels as given. Unit: one example.
//
//   logits, labels, gradient, teacher  float32 [examples, classes]; teacher: probabilities, or 0
//   classWeights                       float32 [classes], or 0: all are 1
//   adjustment                         float32 [classes], or 0: none
//   losses                             float32 [examples]
//   hits                               int32   [examples]: 1 where the largest logit is the largest label (first of equals)
import { expOf, logOf } from './scalar-math';

@unmanaged
class WeightedCrossEntropyArgs {
  logits: u32;
  labels: u32;
  losses: u32;
  gradient: u32;
  hits: u32;
  classes: i32;
  /** What the gradient of a row is multiplied by: 1 / examples for the mean loss. */
  scale: f32;
  smoothing: f32;
  classWeights: u32;
  gamma: f32;
  teacher: u32;
  temperature: f32;
  share: f32;
  adjustment: u32;
}

@inline
function at(row: usize, k: i32): f64 {
  return <f64>load<f32>(row + (<usize>k << 2));
}

/** Position of the largest value of a row, the first of equals. */
function largestOf(row: usize, classes: i32): i32 {
  let largest = 0;
  for (let k = 1; k < classes; k++) if (at(row, k) > at(row, largest)) largest = k;
  return largest;
}

/** log of the sum of exp((logits - largest) / temperature). */
function logSumOf(logits: usize, classes: i32, largest: f64, temperature: f64): f64 {
  let sum: f64 = 0;
  for (let k = 0; k < classes; k++) sum += expOf((at(logits, k) - largest) / temperature);
  return logOf(sum);
}

export function weightedCrossEntropy(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<WeightedCrossEntropyArgs>(args);
  const classes = a.classes;
  const share = a.teacher ? <f64>a.share : 0;
  for (let i = start; i < end; i++) {
    const row = (<usize>i * <usize>classes) << 2;
    const logits = <usize>a.logits + row;
    const labels = <usize>a.labels + row;
    const gradient = <usize>a.gradient + row;
    const predicted = largestOf(logits, classes);
    const largest = at(logits, predicted);
    let loss: f64 = 0;
    if (share < 1) loss = (1 - share) * ofLabels(a, logits, labels, gradient, (1 - share) * <f64>a.scale);
    else memory.fill(gradient, 0, <usize>classes << 2);
    if (share > 0) {
      loss += share * ofTeacher(a, logits, <usize>a.teacher + row, gradient, largest, share * <f64>a.scale);
    }
    store<f32>(<usize>a.losses + (<usize>i << 2), <f32>loss);
    store<i32>(<usize>a.hits + (<usize>i << 2), predicted == largestOf(labels, classes) ? 1 : 0);
  }
}

/** Stores the gradient of the loss of labels, and returns the loss. */
function ofLabels(
  a: WeightedCrossEntropyArgs,
  logits: usize,
  labels: usize,
  gradient: usize,
  scale: f64,
): f64 {
  const classes = a.classes;
  const smoothing = <f64>a.smoothing;
  const gamma = <f64>a.gamma;
  let largest = adjusted(a, logits, 0);
  for (let k = 1; k < classes; k++) {
    const logit = adjusted(a, logits, k);
    if (logit > largest) largest = logit;
  }
  let sum: f64 = 0;
  for (let k = 0; k < classes; k++) sum += expOf(adjusted(a, logits, k) - largest);
  const logSum = logOf(sum);
  let labelSum: f64 = 0;
  for (let k = 0; k < classes; k++) labelSum += at(labels, k);
  const spread = (smoothing * labelSum) / <f64>classes;
  let loss: f64 = 0;
  // Of log p_k: what loss changes by as it rises. Each moves all logits, through p.
  let slopes: f64 = 0;
  for (let k = 0; k < classes; k++) {
    const logP = adjusted(a, logits, k) - largest - logSum;
    const weight = weightOf(a, k) * ((1 - smoothing) * at(labels, k) + spread);
    loss -= weight * focus(logP, gamma) * logP;
    slopes += weight * slope(logP, gamma);
  }
  for (let k = 0; k < classes; k++) {
    const logP = adjusted(a, logits, k) - largest - logSum;
    const weight = weightOf(a, k) * ((1 - smoothing) * at(labels, k) + spread);
    store<f32>(gradient + (<usize>k << 2), <f32>((weight * slope(logP, gamma) - expOf(logP) * slopes) * scale));
  }
  return loss;
}

/** A logit as the loss of labels takes it. */
@inline
function adjusted(a: WeightedCrossEntropyArgs, logits: usize, k: i32): f64 {
  return a.adjustment ? at(logits, k) + at(<usize>a.adjustment, k) : at(logits, k);
}

@inline
function weightOf(a: WeightedCrossEntropyArgs, k: i32): f64 {
  return a.classWeights ? at(<usize>a.classWeights, k) : 1;
}

/** (1 - p)^gamma. */
function focus(logP: f64, gamma: f64): f64 {
  if (gamma == 0) return 1;
  const rest = 1 - expOf(logP);
  return rest > 0 ? expOf(gamma * logOf(rest)) : 0;
}

/** Derivative of -(1 - p)^gamma log p by log p. */
function slope(logP: f64, gamma: f64): f64 {
  if (gamma == 0) return -1;
  const p = expOf(logP);
  const rest = 1 - p;
  return rest > 0 ? focus(logP, gamma) * ((gamma * p * logP) / rest - 1) : 0;
}

/** Adds the gradient of the teacher's loss, and returns the loss. */
function ofTeacher(
  a: WeightedCrossEntropyArgs,
  logits: usize,
  teacher: usize,
  gradient: usize,
  largest: f64,
  scale: f64,
): f64 {
  const classes = a.classes;
  const temperature = <f64>a.temperature;
  const logSum = logSumOf(logits, classes, largest, temperature);
  const likeliest = at(teacher, largestOf(teacher, classes));
  let sum: f64 = 0;
  for (let k = 0; k < classes; k++) sum += softened(at(teacher, k) / likeliest, temperature);
  let loss: f64 = 0;
  for (let k = 0; k < classes; k++) {
    const q = softened(at(teacher, k) / likeliest, temperature) / sum;
    const logS = (at(logits, k) - largest) / temperature - logSum;
    if (q > 0) loss += q * (logOf(q) - logS);
    const place = gradient + (<usize>k << 2);
    store<f32>(place, <f32>(<f64>load<f32>(place) + temperature * (expOf(logS) - q) * scale));
  }
  return temperature * temperature * loss;
}

/** What a probability is at a temperature, up to a factor. */
function softened(probability: f64, temperature: f64): f64 {
  return probability > 0 ? expOf(logOf(probability) / temperature) : 0;
}
