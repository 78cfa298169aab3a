// Scalar reference of assembly/scenes.ts, step by step as it is described there. Not a test: scenes.test.ts compares with it.
// Doubles throughout, rounded to float32 where the kernel stores: the results must be equal to the bit.
import type { SceneItem, SceneKind, SceneSettings } from '../../../src/apps/detect/index.ts';
import { kernelValues } from '../../../src/apps/detect/scenes.ts';
import { createPhilox, type Philox, randomStreams } from '../../../src/core/philox.ts';
import type { Dataset } from '../../../src/data/dataset.ts';

const { fround, floor, max, min, abs, sqrt } = Math;
const { SQRT2 } = Math;
const LEVEL = 0.00392156862745098;

interface Pose {
  item: number;
  side: number;
  cosine: number;
  sine: number;
  reach: number;
  gain: number;
  lift: number;
  x: number;
  y: number;
}

interface Laid {
  readonly x: number;
  readonly y: number;
  readonly pixels: number;
  readonly label: number;
  visible: number;
}

/** One scene, `[height, width]`, and its items. */
export function composeReference(
  items: Dataset,
  settings: SceneSettings,
  draw: { readonly seed: number; readonly scene: number; readonly kind: SceneKind },
): { image: Float32Array; items: SceneItem[] } {
  return new Composer(items, settings, draw).compose();
}

class Composer {
  readonly #items: Dataset;
  readonly #s: SceneSettings;
  readonly #draws: Philox;
  readonly #grain: Philox;
  readonly #overlaps: boolean;
  readonly #hasClutter: boolean;
  readonly #out: Float32Array;
  readonly #owner: Uint8Array;
  readonly #laid: Laid[] = [];
  readonly #turn: number;
  #mask: Uint8Array = new Uint8Array(0);
  #light: readonly [number, number] = [0, 0];

  constructor(
    items: Dataset,
    s: SceneSettings,
    { seed, scene, kind }: { seed: number; scene: number; kind: SceneKind },
  ) {
    const stream = randomStreams.scenes;
    this.#items = items;
    this.#s = s;
    this.#draws = createPhilox({ seed, stream, substream: [scene] });
    this.#grain = createPhilox({ seed, stream, substream: [scene, 1] });
    this.#overlaps = kind === 'overlap' || kind === 'both';
    this.#hasClutter = kind === 'clutter' || kind === 'both';
    this.#out = new Float32Array(s.height * s.width);
    this.#owner = new Uint8Array(s.height * s.width);
    this.#turn = fround(kernelValues(s).turn);
  }

  compose(): { image: Float32Array; items: SceneItem[] } {
    const s = this.#s;
    const grain = this.#between(-fround(s.grain), fround(s.grain));
    this.#layGround();
    this.#light = [this.#between(-0.3, 0.3), this.#between(-0.3, 0.3)];
    if (this.#hasClutter) {
      const pieces = 1 + this.#below(s.clutter);
      for (let piece = 0; piece < pieces; piece++) this.#layClutter();
    }
    const wanted = s.fewest + this.#below(s.most - s.fewest + 1);
    for (let i = 0; i < wanted; i++) this.#placeItem();
    if (grain > 0) this.#addGrain(grain);
    return { image: this.#out, items: this.#laid.map((laid, i) => ({ ...this.#boxOf(i + 1, laid) })) };
  }

  #uniform = (): number => this.#draws.nextUniform();
  #between = (from: number, to: number): number => from + this.#uniform() * (to - from);
  #below = (bound: number): number => floor(this.#uniform() * bound);

  #layGround(): void {
    const { height, width, ground } = this.#s;
    const base = this.#between(0, fround(ground));
    const slopeX = this.#between(-0.15, 0.15);
    const slopeY = this.#between(-0.15, 0.15);
    this.#out.forEach((_, i) => {
      const across = ((i % width) + 0.5) / width - 0.5;
      const down = (floor(i / width) + 0.5) / height - 0.5;
      this.#out[i] = max(0, base + slopeX * across + slopeY * down);
    });
  }

  #layClutter(): void {
    const { height, width } = this.#s;
    const shape = this.#below(4);
    const [x, y] = [this.#uniform() * width, this.#uniform() * height];
    const level = this.#between(0.05, 0.95);
    const slope = this.#between(-0.3, 0.3);
    const t = this.#between(-1, 1);
    const [cosine, sine] = [(1 - t * t) / (1 + t * t), (2 * t) / (1 + t * t)];
    const long = shape === 2 ? this.#between(8, 40) : this.#between(3, 16);
    const short = shape === 2 ? this.#between(0.5, 1.5) : this.#between(3, 12);
    const zoom = this.#between(3, 6);
    const item = this.#below(this.#items.count);
    const [fromX, fromY] = [this.#uniform() * this.#items.width, this.#uniform() * this.#items.height];
    const reach = max(long, short) * SQRT2 + 1;
    for (let row = max(0, floor(y - reach)); row <= min(height - 1, floor(y + reach)); row++) {
      for (let column = max(0, floor(x - reach)); column <= min(width - 1, floor(x + reach)); column++) {
        const [dx, dy] = [column - x, row - y];
        const u = cosine * dx + sine * dy;
        const v = cosine * dy - sine * dx;
        const radius = sqrt((u / long) * (u / long) + (v / short) * (v / short));
        const inside = shape === 1 ? (1 - radius) * min(long, short) : min(long - abs(u), short - abs(v));
        const cover = min(1, max(0, inside + 0.5));
        if (cover === 0) continue;
        const value =
          shape === 3
            ? level * this.#bilinear(this.#imageOf(item), fromX + u / zoom, fromY + v / zoom) * LEVEL
            : level + (slope * u) / long;
        this.#blend(row * width + column, value * cover, cover);
      }
    }
  }

  #blend(at: number, value: number, cover: number): void {
    this.#out[at] = min(1, max(0, value + this.#out[at]! * (1 - cover)));
  }

  #imageOf(item: number): Uint8Array {
    const size = this.#items.height * this.#items.width;
    return this.#items.images.subarray(item * size, (item + 1) * size);
  }

  #bilinear(image: Uint8Array, x: number, y: number): number {
    const { width, height } = this.#items;
    const [left, top] = [floor(x), floor(y)];
    const [right, down] = [x - left, y - top];
    const at = (row: number, column: number): number =>
      row < 0 || column < 0 || row >= height || column >= width ? 0 : image[row * width + column]!;
    const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
    const under = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
    return above * (1 - down) + under * down;
  }

  #placeItem(): void {
    const s = this.#s;
    const item = this.#below(this.#items.count);
    const side = this.#uniform() < 0.5 ? 1 : -1;
    const scale = this.#between(fround(s.scale[0]), fround(s.scale[1]));
    const t = this.#between(-this.#turn, this.#turn);
    const pose: Pose = {
      item,
      side,
      cosine: (1 - t * t) / (1 + t * t) / scale,
      sine: (2 * t) / (1 + t * t) / scale,
      reach: max(this.#items.height, this.#items.width) * 0.5 * scale,
      gain: this.#between(0.65, 1.1),
      lift: this.#between(0.02, 0.15),
      x: 0,
      y: 0,
    };
    this.#mask = this.#cutOut(this.#imageOf(item));
    for (let attempt = 0; attempt < 16; attempt++) {
      this.#move(pose);
      const pixels = this.#pixelsOf(pose).filter(({ cover }) => cover >= 0.5);
      const covered = this.#laid.map((_, i) => pixels.filter(({ at }) => this.#owner[at] === i + 1).length);
      const least = this.#overlaps ? fround(s.leastVisible) : 1;
      if (this.#laid.some(({ visible, pixels: all }, i) => visible - covered[i]! < least * all)) continue;
      if (pixels.length === 0) continue;
      this.#lay(pose, pixels.length, covered);
      return;
    }
  }

  /** 1 between the first and the last pixel of a row, and of a column, that is not haze. */
  #cutOut(image: Uint8Array): Uint8Array {
    const { width, height } = this.#items;
    const spans = (length: number, at: (i: number) => number): [number, number] => {
      const bright = Array.from({ length }, (_, i) => i).filter((i) => image[at(i)]! >= 8);
      return [bright[0] ?? length, bright.at(-1) ?? -1];
    };
    const rows = Array.from({ length: height }, (_, row) => spans(width, (i) => row * width + i));
    const columns = Array.from({ length: width }, (_, column) => spans(height, (i) => i * width + column));
    return image.map((_, i) => {
      const [row, column] = [floor(i / width), i % width];
      const isIn = ([from, to]: [number, number], place: number): boolean => place >= from && place <= to;
      return isIn(rows[row]!, column) && isIn(columns[column]!, row) ? 1 : 0;
    });
  }

  #move(pose: Pose): void {
    const { height, width } = this.#s;
    const isNear = this.#uniform() < 0.75;
    const which = this.#below(max(1, this.#laid.length));
    const [across, down] = [this.#uniform(), this.#uniform()];
    const { reach } = pose;
    const free = [max(0, width - 2 * reach), max(0, height - 2 * reach)] as const;
    pose.x = reach + across * free[0];
    pose.y = reach + down * free[1];
    if (!this.#overlaps || !isNear || this.#laid.length === 0) return;
    const near = this.#laid[which]!;
    pose.x = min(max(near.x + (2 * across - 1) * 1.5 * reach, reach), reach + free[0]);
    pose.y = min(max(near.y + (2 * down - 1) * 1.5 * reach, reach), reach + free[1]);
  }

  /** Pixels that the item touches, with how much of each it covers. */
  #pixelsOf(pose: Pose): { at: number; cover: number; fromX: number; fromY: number; across: number; down: number }[] {
    const { height, width } = this.#s;
    const found = [];
    const far = SQRT2 * pose.reach;
    for (let row = max(0, floor(pose.y - far)); row <= min(height - 1, floor(pose.y + far)); row++) {
      for (let column = max(0, floor(pose.x - far)); column <= min(width - 1, floor(pose.x + far)); column++) {
        const [dx, dy] = [column - pose.x, row - pose.y];
        const fromX = pose.side * (pose.cosine * dx + pose.sine * dy) + (this.#items.width - 1) * 0.5;
        const fromY = pose.cosine * dy - pose.sine * dx + (this.#items.height - 1) * 0.5;
        const cover = this.#bilinear(this.#mask, fromX, fromY);
        if (cover === 0) continue;
        const [across, down] = [(column + 0.5) / width - 0.5, (row + 0.5) / height - 0.5];
        found.push({ at: row * width + column, cover, fromX, fromY, across, down });
      }
    }
    return found;
  }

  #lay(pose: Pose, size: number, covered: readonly number[]): void {
    this.#laid.forEach((laid, i) => {
      laid.visible -= covered[i]!;
    });
    const image = this.#imageOf(pose.item);
    for (const { at, cover, fromX, fromY, across, down } of this.#pixelsOf(pose)) {
      const light = 1 + this.#light[0] * across + this.#light[1] * down;
      const level = this.#bilinear(image, fromX, fromY) * LEVEL;
      this.#blend(at, light * (pose.gain * level + pose.lift * cover), cover);
      if (cover >= 0.5) this.#owner[at] = this.#laid.length + 1;
    }
    this.#laid.push({ x: pose.x, y: pose.y, pixels: size, visible: size, label: this.#items.labels[pose.item]! });
  }

  #addGrain(deviation: number): void {
    const factor = deviation / Math.sqrt((4 * (256 * 256 - 1)) / 12);
    for (let i = 0; i < this.#out.length; i++) {
      const word = this.#grain.nextUint32();
      const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
      this.#out[i] = min(1, max(0, this.#out[i]! + (sum - 510) * factor));
    }
  }

  #boxOf(owner: number, { label, visible, pixels }: Laid): SceneItem {
    const { width } = this.#s;
    const own = Array.from(this.#owner.keys()).filter((at) => this.#owner[at] === owner);
    const columns = own.map((at) => at % width);
    const rows = own.map((at) => floor(at / width));
    const box = [min(...columns), min(...rows), max(...columns) + 1, max(...rows) + 1] as const;
    return { label, box, visible: fround(visible / pixels) };
  }
}
