// What the benchmarks hold kernels against: the arithmetic and the memory of this machine at their fastest. Not used in training.
// Invariant: nothing here waits for anything but its own kind: no memory in the one, hardly any arithmetic in the other.

@unmanaged
class MultiplyAddArgs {
  /** float32, one for each unit: keeps the arithmetic from being dropped. */
  output: u32;
  iterations: i32;
  /** 1, which no compiler can know: products stay what they are, sums grow by it. */
  factor: f32;
}

/**
 * Multiplies and adds in independent chains. Six of each fill two pipelines of three cycles, as current x86 cores have them,
 * and with their operand they take 13 of 16 registers; a second one made V8 a tenth slower. An iteration is 48 operations.
 */
export function multiplyAddPeak(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<MultiplyAddArgs>(args);
  const factor = f32x4.splat(a.factor);
  for (let unit = start; unit < end; unit++) {
    // Twelve different beginnings: equal chains could be computed once.
    let p0 = f32x4.splat(<f32>unit);
    let p1 = f32x4.splat(1);
    let p2 = f32x4.splat(2);
    let p3 = f32x4.splat(3);
    let p4 = f32x4.splat(4);
    let p5 = f32x4.splat(5);
    let s0 = f32x4.splat(6);
    let s1 = f32x4.splat(7);
    let s2 = f32x4.splat(8);
    let s3 = f32x4.splat(9);
    let s4 = f32x4.splat(10);
    let s5 = f32x4.splat(11);
    for (let i = a.iterations; i > 0; i--) {
      p0 = f32x4.mul(p0, factor);
      s0 = f32x4.add(s0, factor);
      p1 = f32x4.mul(p1, factor);
      s1 = f32x4.add(s1, factor);
      p2 = f32x4.mul(p2, factor);
      s2 = f32x4.add(s2, factor);
      p3 = f32x4.mul(p3, factor);
      s3 = f32x4.add(s3, factor);
      p4 = f32x4.mul(p4, factor);
      s4 = f32x4.add(s4, factor);
      p5 = f32x4.mul(p5, factor);
      s5 = f32x4.add(s5, factor);
    }
    const products = f32x4.add(f32x4.add(f32x4.add(p0, p1), f32x4.add(p2, p3)), f32x4.add(p4, p5));
    const sums = f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(s4, s5));
    v128.store32_lane(<usize>a.output + ((<usize>unit) << 2), f32x4.add(products, sums), 0);
  }
}

@unmanaged
class TriadArgs {
  to: u32;
  left: u32;
  right: u32;
  elementsPerUnit: i32;
  factor: f32;
}

/**
 * to = left + factor * right over float32: the triad of STREAM (https://www.cs.virginia.edu/stream/), which counts 12 bytes an
 * element. `elementsPerUnit` is a multiple of 4.
 */
export function streamTriad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<TriadArgs>(args);
  const factor = f32x4.splat(a.factor);
  const first = (<usize>start * a.elementsPerUnit) << 2;
  const last = (<usize>end * a.elementsPerUnit) << 2;
  for (let at = first; at < last; at += 16) {
    const sum = f32x4.add(v128.load(<usize>a.left + at), f32x4.mul(factor, v128.load(<usize>a.right + at)));
    v128.store(<usize>a.to + at, sum);
  }
}
