// Scenes composed of images of single items: a ground with a slope of light, clutter, items scaled, mirrored, turned, lit and laid over each
// other, and grain; with the box of what is visible of each item. Not an augmentation: what comes out is a picture of its own.
// All of it is a function of (seed, scene number, settings, items): no state, so threads and batches change nothing. Unit: one scene.
//
//   items    u8  [count, itemHeight, itemWidth]   light on black
//   labels   u8  [count]
//   output   f32 [scenes, height, width]          0 to 1
//   found    f32 [scenes, most, 6]                label, left, top, right, bottom in pixels, share of it that is visible
//   counts   i32 [scenes]                         rows of `found` that are filled
//
// Random words: counter (block, scene, 0, 0) for choices, taken in the order in which the code below asks, and (block, scene, 1, 0) for grain;
// the key is (seed, stream). Arithmetic is + - * / sqrt and floor in f64: test/apps/detect/scenes-reference.ts gives the same bits.
//
//   scratch  0        64       80     192                           1024      1024 + mask    … + height * width
//           [words   | cursor | pose | a row for each item placed  | mask u8 | owner u8     ]
import { between, below, draw, Pose, placed, SceneArgs, startDraws } from './scene';
import { storePhilox } from './simd/random';

const POSE: usize = 80;
const MASK: usize = 1024;
const TRIES: i32 = 16;
/** Fainter pixels around an item are haze of the data set. */
const HAZE: i32 = 8;
/** Items that shall overlap go near another this often. */
const NEAR: f64 = 0.75;

export function composeScenes(args: usize, start: i32, end: i32, scratch: usize): void {
  const a = changetype<SceneArgs>(args);
  for (let unit = start; unit < end; unit++) composeScene(a, unit, scratch);
}

function composeScene(a: SceneArgs, unit: i32, s: usize): void {
  const scene = a.first + <u32>unit;
  startDraws(s, scene);
  const kind = a.kind < 4 ? a.kind : <i32>(scene & 3);
  const pixels = <usize>(a.height * a.width);
  const out = <usize>a.output + <usize>unit * (pixels << 2);
  const grain = between(a, s, -<f64>a.grain, <f64>a.grain);
  layGround(a, s, out);
  const pose = changetype<Pose>(s + POSE);
  pose.lightX = between(a, s, -0.3, 0.3);
  pose.lightY = between(a, s, -0.3, 0.3);
  if (kind & 2) {
    const pieces = 1 + below(a, s, a.clutter);
    for (let piece = 0; piece < pieces; piece++) layClutter(a, s, pose, out);
  }
  const owner = s + MASK + <usize>(a.itemHeight * a.itemWidth);
  memory.fill(owner, 0, pixels);
  const wanted = a.fewest + below(a, s, a.most - a.fewest + 1);
  let count = 0;
  for (let item = 0; item < wanted; item++) {
    choose(a, s, pose);
    cutOut(a, s, pose.item);
    for (let attempt = 0; attempt < TRIES; attempt++) {
      move(a, s, pose, kind, count);
      const size = measure(a, s, pose, owner, kind, count);
      if (size == 0) continue;
      lay(a, s, pose, owner, out, count, size);
      count++;
      break;
    }
  }
  if (grain > 0) addGrain(a, s, scene, out, grain);
  listBoxes(a, s, owner, count, unit);
}

/** A level that changes evenly across the scene. */
function layGround(a: SceneArgs, s: usize, out: usize): void {
  const base = between(a, s, 0, <f64>a.ground);
  const slopeX = between(a, s, -0.15, 0.15);
  const slopeY = between(a, s, -0.15, 0.15);
  for (let y = 0; y < a.height; y++) {
    const down = (<f64>y + 0.5) / <f64>a.height - 0.5;
    for (let x = 0; x < a.width; x++) {
      const across = (<f64>x + 0.5) / <f64>a.width - 0.5;
      const level = base + slopeX * across + slopeY * down;
      store<f32>(out + ((<usize>(y * a.width + x)) << 2), <f32>Math.max(0, level));
    }
  }
}

/** A bar, an oval, a stroke, or a window onto a part of an item that is enlarged until it shows none. */
function layClutter(a: SceneArgs, s: usize, pose: Pose, out: usize): void {
  const shape = below(a, s, 4);
  const centreX = draw(a, s) * <f64>a.width;
  const centreY = draw(a, s) * <f64>a.height;
  const level = between(a, s, 0.05, 0.95);
  const slope = between(a, s, -0.3, 0.3);
  const t = between(a, s, -1, 1);
  const cosine = (1 - t * t) / (1 + t * t);
  const sine = (2 * t) / (1 + t * t);
  const isStroke = shape == 2;
  const halfLength = isStroke ? between(a, s, 8, 40) : between(a, s, 3, 16);
  const halfWidth = isStroke ? between(a, s, 0.5, 1.5) : between(a, s, 3, 12);
  const zoom = between(a, s, 3, 6);
  const item = below(a, s, a.count);
  const fromX = draw(a, s) * <f64>a.itemWidth;
  const fromY = draw(a, s) * <f64>a.itemHeight;
  const reach = Math.max(halfLength, halfWidth) * 1.4142135623730951 + 1;
  const image = <usize>a.items + <usize>item * <usize>(a.itemHeight * a.itemWidth);
  const top = max(0, <i32>Math.floor(centreY - reach));
  const bottom = min(a.height - 1, <i32>Math.floor(centreY + reach));
  const left = max(0, <i32>Math.floor(centreX - reach));
  const right = min(a.width - 1, <i32>Math.floor(centreX + reach));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const dx = <f64>x - centreX;
      const dy = <f64>y - centreY;
      const u = cosine * dx + sine * dy;
      const v = cosine * dy - sine * dx;
      let inside: f64;
      if (shape == 1) {
        const p = u / halfLength;
        const q = v / halfWidth;
        inside = (1 - Math.sqrt(p * p + q * q)) * Math.min(halfLength, halfWidth);
      } else inside = Math.min(halfLength - Math.abs(u), halfWidth - Math.abs(v));
      const cover = Math.min(1, Math.max(0, inside + 0.5));
      if (cover == 0) continue;
      let value = level + (slope * u) / halfLength;
      if (shape == 3) value = level * bilinear(a, image, fromX + u / zoom, fromY + v / zoom) * 0.00392156862745098;
      blend(out + ((<usize>(y * a.width + x)) << 2), value * cover, cover);
    }
  }
}

/** Lays a level, already multiplied by its cover, over what is there. */
@inline
function blend(at: usize, value: f64, cover: f64): void {
  const under = <f64>load<f32>(at) * (1 - cover);
  store<f32>(at, <f32>Math.min(1, Math.max(0, value + under)));
}

/** A byte of an image `[itemHeight, itemWidth]` between its pixels; 0 outside. */
function bilinear(a: SceneArgs, image: usize, x: f64, y: f64): f64 {
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < -1 || top < -1 || left >= <f64>a.itemWidth || top >= <f64>a.itemHeight) return 0;
  const right = x - left;
  const down = y - top;
  const column = <i32>left;
  const row = <i32>top;
  const above = byteAt(a, image, row, column) * (1 - right) + byteAt(a, image, row, column + 1) * right;
  const under = byteAt(a, image, row + 1, column) * (1 - right) + byteAt(a, image, row + 1, column + 1) * right;
  return above * (1 - down) + under * down;
}

@inline
function byteAt(a: SceneArgs, image: usize, row: i32, column: i32): f64 {
  if (<u32>row >= <u32>a.itemHeight || <u32>column >= <u32>a.itemWidth) return 0;
  return <f64>load<u8>(image + <usize>(row * a.itemWidth + column));
}

/** Which item, and all of its pose but the place. */
function choose(a: SceneArgs, s: usize, pose: Pose): void {
  pose.item = below(a, s, a.count);
  pose.side = draw(a, s) < 0.5 ? 1 : -1;
  const scale = between(a, s, <f64>a.scaleFrom, <f64>a.scaleTo);
  const t = between(a, s, -<f64>a.turn, <f64>a.turn);
  pose.cosine = (1 - t * t) / (1 + t * t) / scale;
  pose.sine = (2 * t) / (1 + t * t) / scale;
  pose.reach = <f64>max(a.itemHeight, a.itemWidth) * 0.5 * scale;
  pose.gain = between(a, s, 0.65, 1.1);
  pose.lift = between(a, s, 0.02, 0.15);
}

/** What belongs to the item: pixels between the first and the last bright one of their row and of their column. 1 or 0. */
function cutOut(a: SceneArgs, s: usize, item: i32): void {
  const image = <usize>a.items + <usize>item * <usize>(a.itemHeight * a.itemWidth);
  const mask = s + MASK;
  for (let row = 0; row < a.itemHeight; row++) {
    let from = 0;
    let to = a.itemWidth - 1;
    while (from <= to && load<u8>(image + <usize>(row * a.itemWidth + from)) < <u8>HAZE) from++;
    while (to >= from && load<u8>(image + <usize>(row * a.itemWidth + to)) < <u8>HAZE) to--;
    for (let column = 0; column < a.itemWidth; column++) {
      store<u8>(mask + <usize>(row * a.itemWidth + column), column >= from && column <= to ? 1 : 0);
    }
  }
  for (let column = 0; column < a.itemWidth; column++) {
    let from = 0;
    let to = a.itemHeight - 1;
    while (from <= to && load<u8>(image + <usize>(from * a.itemWidth + column)) < <u8>HAZE) from++;
    while (to >= from && load<u8>(image + <usize>(to * a.itemWidth + column)) < <u8>HAZE) to--;
    for (let row = 0; row < a.itemHeight; row++) {
      if (row < from || row > to) store<u8>(mask + <usize>(row * a.itemWidth + column), 0);
    }
  }
}

/** A place for the item: anywhere that holds it, or near one that is there. */
function move(a: SceneArgs, s: usize, pose: Pose, kind: i32, count: i32): void {
  const isNear = draw(a, s) < NEAR;
  const which = below(a, s, max(1, count));
  const across = draw(a, s);
  const down = draw(a, s);
  const reach = pose.reach;
  const freeX = Math.max(0, <f64>a.width - 2 * reach);
  const freeY = Math.max(0, <f64>a.height - 2 * reach);
  let x = reach + across * freeX;
  let y = reach + down * freeY;
  if ((kind & 1) != 0 && isNear && count > 0) {
    const near = placed(s, which);
    x = near.centreX + (2 * across - 1) * 1.5 * reach;
    y = near.centreY + (2 * down - 1) * 1.5 * reach;
    x = Math.min(Math.max(x, reach), reach + freeX);
    y = Math.min(Math.max(y, reach), reach + freeY);
  }
  pose.centreX = x;
  pose.centreY = y;
}

/** Where in the item's image a pixel of the scene lies. */
@inline
function sourceX(a: SceneArgs, pose: Pose, dx: f64, dy: f64): f64 {
  return pose.side * (pose.cosine * dx + pose.sine * dy) + <f64>(a.itemWidth - 1) * 0.5;
}
@inline
function sourceY(a: SceneArgs, pose: Pose, dx: f64, dy: f64): f64 {
  return pose.cosine * dy - pose.sine * dx + <f64>(a.itemHeight - 1) * 0.5;
}
@inline
function firstPixel(centre: f64, reach: f64): i32 {
  return max(0, <i32>Math.floor(centre - 1.4142135623730951 * reach));
}
@inline
function lastPixel(centre: f64, reach: f64, extent: i32): i32 {
  return min(extent - 1, <i32>Math.floor(centre + 1.4142135623730951 * reach));
}

/** Pixels of the item at its place, or 0 if it would leave too little of another; notes what it would cover. */
function measure(a: SceneArgs, s: usize, pose: Pose, owner: usize, kind: i32, count: i32): i32 {
  for (let row = 0; row < count; row++) placed(s, row).covered = 0;
  let size = 0;
  const bottom = lastPixel(pose.centreY, pose.reach, a.height);
  const right = lastPixel(pose.centreX, pose.reach, a.width);
  for (let y = firstPixel(pose.centreY, pose.reach); y <= bottom; y++) {
    for (let x = firstPixel(pose.centreX, pose.reach); x <= right; x++) {
      const dx = <f64>x - pose.centreX;
      const dy = <f64>y - pose.centreY;
      if (bilinear(a, s + MASK, sourceX(a, pose, dx, dy), sourceY(a, pose, dx, dy)) < 0.5) continue;
      size++;
      const above = <i32>load<u8>(owner + <usize>(y * a.width + x));
      if (above > 0) placed(s, above - 1).covered++;
    }
  }
  const least = (kind & 1) != 0 ? <f64>a.leastVisible : 1;
  for (let row = 0; row < count; row++) {
    const other = placed(s, row);
    if (<f64>(other.visible - other.covered) < least * <f64>other.pixels) return 0;
  }
  return size;
}

function lay(a: SceneArgs, s: usize, pose: Pose, owner: usize, out: usize, count: i32, size: i32): void {
  for (let row = 0; row < count; row++) placed(s, row).visible -= placed(s, row).covered;
  const own = placed(s, count);
  own.centreX = pose.centreX;
  own.centreY = pose.centreY;
  own.pixels = size;
  own.visible = size;
  own.label = <i32>load<u8>(<usize>a.labels + <usize>pose.item);
  const image = <usize>a.items + <usize>pose.item * <usize>(a.itemHeight * a.itemWidth);
  const bottom = lastPixel(pose.centreY, pose.reach, a.height);
  const right = lastPixel(pose.centreX, pose.reach, a.width);
  for (let y = firstPixel(pose.centreY, pose.reach); y <= bottom; y++) {
    const down = (<f64>y + 0.5) / <f64>a.height - 0.5;
    for (let x = firstPixel(pose.centreX, pose.reach); x <= right; x++) {
      const dx = <f64>x - pose.centreX;
      const dy = <f64>y - pose.centreY;
      const fromX = sourceX(a, pose, dx, dy);
      const fromY = sourceY(a, pose, dx, dy);
      const cover = bilinear(a, s + MASK, fromX, fromY);
      if (cover == 0) continue;
      const across = (<f64>x + 0.5) / <f64>a.width - 0.5;
      const light = 1 + pose.lightX * across + pose.lightY * down;
      const level = bilinear(a, image, fromX, fromY) * 0.00392156862745098;
      const pixel = <usize>(y * a.width + x);
      blend(out + (pixel << 2), light * (pose.gain * level + pose.lift * cover), cover);
      if (cover >= 0.5) store<u8>(owner + pixel, <u8>(count + 1));
    }
  }
}

/** Adds grain as assembly/augment.ts does: the four bytes of a word have mean 510 and deviation 147.8. */
function addGrain(a: SceneArgs, s: usize, scene: u32, out: usize, deviation: f64): void {
  const count = a.height * a.width;
  const factor = deviation / 147.80054127099803;
  for (let first = 0; first < count; first += 16) {
    storePhilox(s, first >> 2, scene, 1, 0, a.seed, a.stream);
    const last = min(first + 16, count);
    for (let i = first; i < last; i++) {
      const word = load<u32>(s + ((<usize>(i - first)) << 2));
      const sum = (word & 255) + ((word >> 8) & 255) + ((word >> 16) & 255) + (word >> 24);
      const at = out + ((<usize>i) << 2);
      const value = <f64>load<f32>(at) + <f64>(<i32>sum - 510) * factor;
      store<f32>(at, <f32>Math.min(1, Math.max(0, value)));
    }
  }
}

/** The box of the pixels that show each item. */
function listBoxes(a: SceneArgs, s: usize, owner: usize, count: i32, unit: i32): void {
  store<i32>(<usize>a.counts + ((<usize>unit) << 2), count);
  for (let row = 0; row < count; row++) {
    let left = a.width;
    let top = a.height;
    let right = 0;
    let bottom = 0;
    for (let y = 0; y < a.height; y++) {
      for (let x = 0; x < a.width; x++) {
        if (<i32>load<u8>(owner + <usize>(y * a.width + x)) != row + 1) continue;
        left = min(left, x);
        top = min(top, y);
        right = max(right, x + 1);
        bottom = max(bottom, y + 1);
      }
    }
    const item = placed(s, row);
    const at = <usize>a.found + <usize>((unit * a.most + row) * 24);
    store<f32>(at, <f32>item.label);
    store<f32>(at + 4, <f32>left);
    store<f32>(at + 8, <f32>top);
    store<f32>(at + 12, <f32>right);
    store<f32>(at + 16, <f32>bottom);
    store<f32>(at + 20, <f32>(<f64>item.visible / <f64>item.pixels));
  }
}
