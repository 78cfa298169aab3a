// Inverted dropout (Srivastava et al. 2014) and its gradient. The mask is a function of (seed, step, layer, element) alone:
// Philox4x32-10 (Salmon et al. 2011) under the key (seed, 0), four counters side by side, sixteen random bits an element.
// Unit: a block of 2,048 elements.
//
//   x, y, dy, dx  float32 [elements]
//   mask          int8 [elements rounded up to 32]: -1 kept, 0 dropped
//
//   32 elements of one group come from counters (4 g + lane, step, layer, 0), lane 0 … 3:
//     element 8 w + 2 lane + half  <-  16-bit half `half` of output word w of lane `lane`

@unmanaged
class DropoutArgs {
  x: u32;
  y: u32;
  mask: u32;
  elements: i32;
  /** An element is kept where its 16 bits are at least this: round(rate * 65536). */
  threshold: i32;
  /** 1 / (1 - rate). */
  scale: f32;
  seed: i32;
  step: i32;
  layer: i32;
  /** Of dropoutMask alone. */
  elementsPerUnit: i32;
}

@unmanaged
class DropoutGradArgs {
  dy: u32;
  dx: u32;
  mask: u32;
  elements: i32;
  scale: f32;
}

const BLOCK: i32 = 2048;
const GROUP: i32 = 32;

export function dropout(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DropoutArgs>(args);
  const elements = a.elements;
  const last = min(end * BLOCK, elements);
  drawMask(a, (start * BLOCK) / GROUP, (last + GROUP - 1) / GROUP, scratch);
  for (let first = start * BLOCK; first < last; first += GROUP) {
    const offset = <usize>first << 2;
    applyMask(
      <usize>a.x + offset, <usize>a.y + offset, <usize>a.mask + <usize>first, min(GROUP, elements - first), a.scale,
    );
  }
}

/** The mask alone, of units of `elementsPerUnit` elements; a group that two units share is drawn by both, to the same bytes. */
export function dropoutMask(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DropoutArgs>(args);
  const first = (start * a.elementsPerUnit) / GROUP;
  drawMask(a, first, (end * a.elementsPerUnit + GROUP - 1) / GROUP, scratch);
}

export function dropoutGrad(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<DropoutGradArgs>(args);
  const last = min(end * BLOCK, a.elements);
  for (let first = start * BLOCK; first < last; first += GROUP) {
    const offset = <usize>first << 2;
    const mask = <usize>a.mask + <usize>first;
    applyMask(<usize>a.dy + offset, <usize>a.dx + offset, mask, min(GROUP, a.elements - first), a.scale);
  }
}

// Words 0, 2 and words 1, 3 of the two vectors of 64-bit products: low and high halves.

@inline
function lowHalves(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 0, 2, 4, 6);
}

@inline
function highHalves(a: v128, b: v128): v128 {
  return i32x4.shuffle(a, b, 1, 3, 5, 7);
}

/** The mask of groups [first, last). Scratch: the 64 bytes of two groups. */
function drawMask(a: DropoutArgs, first: i32, last: i32, scratch: usize): void {
  for (let group = first; group < last; group += 2) {
    const mask = <usize>a.mask + <usize>(group * GROUP);
    const isPair = group + 1 < last;
    const to = isPair ? mask : scratch;
    drawTwoGroups(a, group, to);
    if (isPair) continue;
    v128.store(mask, v128.load(to));
    v128.store(mask, v128.load(to, 16), 16);
  }
}

/** The mask of two groups, side by side: the rounds of one are a chain of dependent products, whose waits the other fills. */
function drawTwoGroups(a: DropoutArgs, group: i32, mask: usize): void {
  const m0 = i32x4.splat(0xd2511f53);
  const m1 = i32x4.splat(0xcd9e8d57);
  let c0 = i32x4.add(i32x4.splat(group * 4), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(a.step);
  let c2 = i32x4.splat(a.layer);
  let c3 = i32x4.splat(0);
  let d0 = i32x4.add(c0, i32x4.splat(4));
  let d1 = c1;
  let d2 = c2;
  let d3 = c3;
  let k0: i32 = a.seed;
  let k1: i32 = 0;
  for (let round = 0; round < 10; round++) {
    let p = i64x2.extmul_low_i32x4_u(c2, m1);
    let q = i64x2.extmul_high_i32x4_u(c2, m1);
    let key = i32x4.splat(k0);
    const c0n = v128.xor(v128.xor(highHalves(p, q), c1), key);
    c1 = lowHalves(p, q);
    p = i64x2.extmul_low_i32x4_u(d2, m1);
    q = i64x2.extmul_high_i32x4_u(d2, m1);
    const d0n = v128.xor(v128.xor(highHalves(p, q), d1), key);
    d1 = lowHalves(p, q);
    key = i32x4.splat(k1);
    p = i64x2.extmul_low_i32x4_u(c0, m0);
    q = i64x2.extmul_high_i32x4_u(c0, m0);
    c2 = v128.xor(v128.xor(highHalves(p, q), c3), key);
    c3 = lowHalves(p, q);
    p = i64x2.extmul_low_i32x4_u(d0, m0);
    q = i64x2.extmul_high_i32x4_u(d0, m0);
    d2 = v128.xor(v128.xor(highHalves(p, q), d3), key);
    d3 = lowHalves(p, q);
    c0 = c0n;
    d0 = d0n;
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  const threshold = i16x8.splat(<i16>a.threshold);
  v128.store(mask, i8x16.narrow_i16x8_s(i16x8.ge_u(c0, threshold), i16x8.ge_u(c1, threshold)));
  v128.store(mask, i8x16.narrow_i16x8_s(i16x8.ge_u(c2, threshold), i16x8.ge_u(c3, threshold)), 16);
  v128.store(mask, i8x16.narrow_i16x8_s(i16x8.ge_u(d0, threshold), i16x8.ge_u(d1, threshold)), 32);
  v128.store(mask, i8x16.narrow_i16x8_s(i16x8.ge_u(d2, threshold), i16x8.ge_u(d3, threshold)), 48);
}

function applyMask(x: usize, y: usize, mask: usize, count: i32, scale: f32): void {
  const scales = f32x4.splat(scale);
  const vectorEnd = mask + (count & ~3);
  for (; mask < vectorEnd; mask += 4, x += 16, y += 16) {
    const keep = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(mask)));
    v128.store(y, v128.and(f32x4.mul(v128.load(x), scales), keep));
  }
  for (let i = 0; i < (count & 3); i++) {
    const kept = load<i8>(mask + i) != 0;
    store<f32>(y + (i << 2), kept ? load<f32>(x + (i << 2)) * scale : <f32>0);
  }
}
