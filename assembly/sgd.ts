// One update of one variable, in place, by stochastic gradient descent, plain or with momentum (Polyak 1964) or Nesterov's
// (Sutskever et al. 2013). The velocity is a sum of gradients, which the step size multiplies when it is used, as in PyTorch
// and tfjs; Keras sums steps, which differs where the learning rate changes. Weight decay is part of the gradient, as in PyTorch.
// Unit: `elementsPerUnit` elements. An element's arithmetic does not depend on the range that it is updated in.
//
//   weights, gradient, velocity  float32 [elements]

@unmanaged
class SgdArgs {
  weights: u32;
  gradient: u32;
  elements: i32;
  elementsPerUnit: i32;
  weightDecay: f32;
  // From here on another value each update.
  /** The learning rate. */
  stepSize: f32;
}

@unmanaged
class MomentumArgs {
  weights: u32;
  gradient: u32;
  velocity: u32;
  elements: i32;
  elementsPerUnit: i32;
  weightDecay: f32;
  momentum: f32;
  // From here on another value each update.
  /** The learning rate. */
  stepSize: f32;
}

export function sgd(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SgdArgs>(args);
  const first = start * a.elementsPerUnit;
  const last = min(end * a.elementsPerUnit, a.elements);
  const vectors = (last - first) & ~3;
  let w = <usize>a.weights + (<usize>first << 2);
  let g = <usize>a.gradient + (<usize>first << 2);
  const stepSize = f32x4.splat(a.stepSize);
  const weightDecay = f32x4.splat(a.weightDecay);
  const vectorEnd = w + (<usize>vectors << 2);
  for (; w < vectorEnd; w += 16, g += 16) {
    const weights = v128.load(w);
    const gradient = f32x4.add(v128.load(g), f32x4.mul(weightDecay, weights));
    v128.store(w, f32x4.sub(weights, f32x4.mul(stepSize, gradient)));
  }
  for (let i = first + vectors; i < last; i++, w += 4, g += 4) {
    const weight = load<f32>(w);
    store<f32>(w, weight - a.stepSize * (load<f32>(g) + a.weightDecay * weight));
  }
}

export function sgdMomentum(args: usize, start: i32, end: i32, scratch: usize): void {
  updateRange(changetype<MomentumArgs>(args), start, end, false);
}

export function sgdNesterov(args: usize, start: i32, end: i32, scratch: usize): void {
  updateRange(changetype<MomentumArgs>(args), start, end, true);
}

@inline
function updateRange(a: MomentumArgs, start: i32, end: i32, isNesterov: bool): void {
  const first = start * a.elementsPerUnit;
  const last = min(end * a.elementsPerUnit, a.elements);
  const vectors = (last - first) & ~3;
  let w = <usize>a.weights + (<usize>first << 2);
  let g = <usize>a.gradient + (<usize>first << 2);
  let v = <usize>a.velocity + (<usize>first << 2);
  const momentum = f32x4.splat(a.momentum);
  const weightDecay = f32x4.splat(a.weightDecay);
  const stepSize = f32x4.splat(a.stepSize);
  const vectorEnd = w + (<usize>vectors << 2);
  for (; w < vectorEnd; w += 16, g += 16, v += 16) {
    const weights = v128.load(w);
    const gradient = f32x4.add(v128.load(g), f32x4.mul(weightDecay, weights));
    const velocity = f32x4.add(f32x4.mul(momentum, v128.load(v)), gradient);
    v128.store(v, velocity);
    const direction = isNesterov ? f32x4.add(gradient, f32x4.mul(momentum, velocity)) : velocity;
    v128.store(w, f32x4.sub(weights, f32x4.mul(stepSize, direction)));
  }
  for (let i = first + vectors; i < last; i++, w += 4, g += 4, v += 4) {
    const weight = load<f32>(w);
    const gradient = load<f32>(g) + a.weightDecay * weight;
    const velocity = a.momentum * load<f32>(v) + gradient;
    store<f32>(v, velocity);
    const direction = isNesterov ? gradient + a.momentum * velocity : velocity;
    store<f32>(w, weight - a.stepSize * direction);
  }
}
