// One Adam update of one variable, in place (Kingma & Ba 2015, algorithm 1, in the efficient order of its section 2:
// bias corrections folded into the step size; epsilon is added to the uncorrected root, as Keras does).
// Unit: a block of 1,024 elements.
//
//   weights, gradient, firstMoment, secondMoment  float32 [elements]

@unmanaged
class AdamArgs {
  weights: u32;
  gradient: u32;
  firstMoment: u32;
  secondMoment: u32;
  elements: i32;
  beta1: f32;
  beta2: f32;
  /** learningRate * sqrt(1 - beta2^t) / (1 - beta1^t). */
  stepSize: f32;
  epsilon: f32;
}

const BLOCK: i32 = 1024;

export function adam(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<AdamArgs>(args);
  const first = start * BLOCK;
  const last = min(end * BLOCK, a.elements);
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
  const vectorEnd = w + (<usize>vectors << 2);
  for (; w < vectorEnd; w += 16, g += 16, m += 16, v += 16) {
    const gradient = v128.load(g);
    const mean = f32x4.add(f32x4.mul(beta1, v128.load(m)), f32x4.mul(oneMinusBeta1, gradient));
    const square = f32x4.add(f32x4.mul(beta2, v128.load(v)), f32x4.mul(oneMinusBeta2, f32x4.mul(gradient, gradient)));
    v128.store(m, mean);
    v128.store(v, square);
    const update = f32x4.div(f32x4.mul(stepSize, mean), f32x4.add(f32x4.sqrt(square), epsilon));
    v128.store(w, f32x4.sub(v128.load(w), update));
  }
  for (let i = first + vectors; i < last; i++, w += 4, g += 4, m += 4, v += 4) {
    const gradient = load<f32>(g);
    const mean = a.beta1 * load<f32>(m) + (1 - a.beta1) * gradient;
    const square = a.beta2 * load<f32>(v) + (1 - a.beta2) * (gradient * gradient);
    store<f32>(m, mean);
    store<f32>(v, square);
    store<f32>(w, load<f32>(w) - (a.stepSize * mean) / (sqrt<f32>(square) + a.epsilon));
  }
}
