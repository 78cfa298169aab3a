// What composing a scene works with: its arguments, the pose of an item, the row of a placed one, and random draws in the order in which they are
// asked for. Not here: what is drawn (scenes.ts, which also tells how scratch is laid out). A draw is a function of seed, stream, scene and how many came before.
import { storePhilox } from './simd/random';

@unmanaged
export class SceneArgs {
  items: u32;
  labels: u32;
  output: u32;
  found: u32;
  counts: u32;
  count: i32;
  itemHeight: i32;
  itemWidth: i32;
  height: i32;
  width: i32;
  first: u32;
  seed: u32;
  stream: u32;
  /** Bit 0: items overlap; bit 1: clutter; 4: the last two bits of a scene's number say which. */
  kind: i32;
  fewest: i32;
  /** At most 16. */
  most: i32;
  scaleFrom: f32;
  scaleTo: f32;
  /** Tangent of half the greatest angle. */
  turn: f32;
  /** Where items overlap, at least this share of each stays visible. */
  leastVisible: f32;
  /** Pieces of clutter at most. */
  clutter: i32;
  /** Greatest level of the ground. */
  ground: f32;
  /** Greatest deviation of grain. */
  grain: f32;
}

const CURSOR: usize = 64;
const TABLE: usize = 192;
const ROW: usize = 32;

/** How an item, or a piece of one, lies in the scene. */
@unmanaged
export class Pose {
  centreX: f64;
  centreY: f64;
  /** Of the turn, over the scale. */
  cosine: f64;
  sine: f64;
  side: f64;
  /** Half the side of the square that holds it, whatever the turn. */
  reach: f64;
  gain: f64;
  lift: f64;
  lightX: f64;
  lightY: f64;
  item: i32;
}

/** An item that was placed. */
@unmanaged
export class Placed {
  centreX: f64;
  centreY: f64;
  pixels: i32;
  visible: i32;
  /** Pixels that the next item would cover. */
  covered: i32;
  label: i32;
}

/** The next draw is the first of this scene. */
export function startDraws(s: usize, scene: u32): void {
  store<i32>(s + CURSOR, 16);
  store<u32>(s + CURSOR + 4, 0);
  store<u32>(s + CURSOR + 8, scene);
}

/** The next random number in [0, 1). */
export function draw(a: SceneArgs, s: usize): f64 {
  let used = load<i32>(s + CURSOR);
  if (used == 16) {
    const block = load<u32>(s + CURSOR + 4);
    storePhilox(s, block, load<u32>(s + CURSOR + 8), 0, 0, a.seed, a.stream);
    store<u32>(s + CURSOR + 4, block + 4);
    used = 0;
  }
  store<i32>(s + CURSOR, used + 1);
  return <f64>(load<u32>(s + ((<usize>used) << 2)) >> 8) * 5.9604644775390625e-8;
}

export function between(a: SceneArgs, s: usize, from: f64, to: f64): f64 {
  return from + draw(a, s) * (to - from);
}

export function below(a: SceneArgs, s: usize, bound: i32): i32 {
  return <i32>Math.floor(draw(a, s) * <f64>bound);
}

@inline
export function placed(s: usize, row: i32): Placed {
  return changetype<Placed>(s + TABLE + <usize>row * ROW);
}
