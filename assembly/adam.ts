// One update of one variable, in place, by Adam (Kingma & Ba 2015, algorithm 1, in the efficient order of its section 2:
// bias corrections folded into the step size; epsilon is added to the uncorrected root, as Keras does) or by AdamW, which
// shrinks the weights beside it (Loshchilov & Hutter 2019, algorithm 2).
// Unit: `elementsPerUnit` elements. An element's arithmetic does not depend on the range that it is updated in.
//
//   weights, gradient, firstMoment, secondMoment  float32 [elements]

@unmanaged
class AdamArgs {
  weights: u32;
  gradient: u32;
  firstMoment: u32;
  secondMoment: u32;
  elements: i32;
  elementsPerUnit: i32;
  beta1: f32;
  beta2: f32;
  epsilon: f32;
  // From here on another value each update.
  /** learningRate * sqrt(1 - beta2^t) / (1 - beta1^t). */
  stepSize: f32;
  /** learningRate * weightDecay; of AdamW alone. */
  decay: f32;
}

export function adam(args: usize, start: i32, end: i32, scratch: usize): void {
  updateRange(changetype<AdamArgs>(args), start, end, false);
}

export function adamW(args: usize, start: i32, end: i32, scratch: usize): void {
  updateRange(changetype<AdamArgs>(args), start, end, true);
}

// The decay is subtracted together with the update: as a factor of 1 - decay, rounded to float32, it would be off by up to
// 3e-8, which is all there is of a decay of 1e-3 at a learning rate of 3e-5.
@inline
function updateRange(a: AdamArgs, start: i32, end: i32, isDecaying: bool): void {
  const first = start * a.elementsPerUnit;
  const last = min(end * a.elementsPerUnit, a.elements);
  const vectors = (last - first) & ~3;
  let w = <usize>a.weights + (<usize>first << 2);
  let g = <usize>a.gradient + (<usize>first << 2);
  let m = <usize>a.firstMoment + (<usize>first << 2);
  let v = <usize>a.secondMoment + (<usize>first << 2);
  const beta1 = f32x4.splat(a.beta1);
  const beta2 = f32x4.splat(a.beta2);
  const oneMinusBeta1 = f32x4.splat(1 - a.beta1);
  const oneMinusBeta2 = f32x4.splat(1 - a.beta2);
  const stepSize = f32x4.splat(a.stepSize);
  const epsilon = f32x4.splat(a.epsilon);
  const decay = f32x4.splat(a.decay);
  const vectorEnd = w + (<usize>vectors << 2);
  for (; w < vectorEnd; w += 16, g += 16, m += 16, v += 16) {
    const gradient = v128.load(g);
    const weights = v128.load(w);
    const mean = f32x4.add(f32x4.mul(beta1, v128.load(m)), f32x4.mul(oneMinusBeta1, gradient));
    const square = f32x4.add(f32x4.mul(beta2, v128.load(v)), f32x4.mul(oneMinusBeta2, f32x4.mul(gradient, gradient)));
    v128.store(m, mean);
    v128.store(v, square);
    let update = f32x4.div(f32x4.mul(stepSize, mean), f32x4.add(f32x4.sqrt(square), epsilon));
    if (isDecaying) update = f32x4.add(update, f32x4.mul(decay, weights));
    v128.store(w, f32x4.sub(weights, update));
  }
  for (let i = first + vectors; i < last; i++, w += 4, g += 4, m += 4, v += 4) {
    const gradient = load<f32>(g);
    const weight = load<f32>(w);
    const mean = a.beta1 * load<f32>(m) + (1 - a.beta1) * gradient;
    const square = a.beta2 * load<f32>(v) + (1 - a.beta2) * (gradient * gradient);
    store<f32>(m, mean);
    store<f32>(v, square);
    let update = (a.stepSize * mean) / (sqrt<f32>(square) + a.epsilon);
    if (isDecaying) update += a.decay * weight;
    store<f32>(w, weight - update);
  }
}
