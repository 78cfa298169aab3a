// An exponential moving average of one variable: average += share * (weights - average).
// Unit: `elementsPerUnit` elements. An element's arithmetic does not depend on the range that it is updated in.
//
//   weights, average  float32 [elements]

@unmanaged
class AverageWeightsArgs {
  weights: u32;
  average: u32;
  elements: i32;
  elementsPerUnit: i32;
  share: f32;
}

export function averageWeights(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<AverageWeightsArgs>(args);
  const first = start * a.elementsPerUnit;
  const last = min(end * a.elementsPerUnit, a.elements);
  const vectors = (last - first) & ~3;
  let w = <usize>a.weights + (<usize>first << 2);
  let m = <usize>a.average + (<usize>first << 2);
  const share = f32x4.splat(a.share);
  const vectorEnd = w + (<usize>vectors << 2);
  for (; w < vectorEnd; w += 16, m += 16) {
    const average = v128.load(m);
    v128.store(m, f32x4.add(average, f32x4.mul(share, f32x4.sub(v128.load(w), average))));
  }
  for (let i = first + vectors; i < last; i++, w += 4, m += 4) {
    const average = load<f32>(m);
    store<f32>(m, average + a.share * (load<f32>(w) - average));
  }
}
