// Made defects, pixel by pixel: the scalar reference of assembly/defects.ts. Whole numbers alone.
import { createPhilox, randomStreams } from '../../../src/core/philox.ts';

const directions = [
  [5, 0],
  [4, 3],
  [3, 4],
  [0, 5],
  [-5, 0],
  [-4, 3],
  [-3, 4],
  [0, 5],
] as const;

export interface ReferenceDefect {
  readonly kind: number;
  readonly size: number;
  readonly id: number;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
}

/** One picture with a defect, and where it is. */
export function referenceDefect(input: Uint8Array, options: ReferenceDefect): { image: Uint8Array; mask: Uint8Array } {
  const { kind, size, id, seed, width, height } = options;
  const draws = createPhilox({ seed, stream: randomStreams.inspection, substream: [3 * kind + size, id, 0] });
  const words = Array.from({ length: 5 }, () => draws.nextUint32());
  const below = (index: number, bound: number): number => Math.floor(((words[index]! >>> 8) * bound) / 2 ** 24);
  const image = input.slice();
  const places = [...input.keys()];
  const garment = (at: number): boolean => input[at]! > 16;
  const inside = places.filter((at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) return false;
    return [at, at - 1, at + 1, at - width, at + width].every(garment);
  });
  const bySize = (...values: number[]): number => values[size]!;
  const scaled = (length: number): number => Math.max(1, Math.trunc((length * Math.min(width, height)) / 28));
  if (inside.length > 0) {
    const place = inside[below(0, inside.length)]!;
    const [cx, cy] = [place % width, Math.floor(place / width)];
    const near = input[place]!;
    const isDark = near > 160 || (near > 95 && (words[4]! & 1) === 1);
    const other = isDark ? Math.floor(near / 4) : 255 - Math.floor((255 - near) / 4);
    const [dx, dy] = directions[below(1, 8)]!;
    const eachOf = (change: (at: number, x: number, y: number) => number | undefined): void => {
      for (const at of places) {
        if (garment(at)) image[at] = change(at, at % width, Math.floor(at / width)) ?? image[at]!;
      }
    };
    if (kind < 2) {
      const radius = scaled(kind === 0 ? bySize(20, 30, 44) : bySize(30, 46, 70));
      const short = Math.max(1, Math.floor((radius * (10 + below(2, 7))) / 16));
      const whole = 25n * BigInt(radius) ** 2n * BigInt(short) ** 2n;
      eachOf((at, x, y) => {
        const [right, down] = [16 * (x - cx), 16 * (y - cy)];
        const along = BigInt(right * dx + down * dy) ** 2n * BigInt(short) ** 2n;
        const far = along + BigInt(down * dx - right * dy) ** 2n * BigInt(radius) ** 2n;
        if (far > whole) return undefined;
        if (kind === 0) return 0;
        const strength = 64 + Number((192n * (whole - far)) / whole);
        return input[at]! + Math.trunc(((other - input[at]!) * strength) / 256);
      });
    } else if (kind === 2) {
      const unit = Math.max(1, Math.floor(Math.min(width, height) / 28));
      const steps = bySize(5, 9, 14) * unit;
      let aside = 0;
      for (let step = -Math.floor(steps / 2); step <= Math.floor(steps / 2); step++) {
        const turn = Math.floor((step + steps) / (2 * unit)) & 15;
        const bend = (words[3]! >>> (2 * turn)) & 3;
        if (step % (2 * unit) === 0) aside += [1, -1, 0, 0][bend]!;
        const y = cy + Math.trunc((step * dy + aside * unit * dx) / 5);
        const x = cx + Math.trunc((step * dx - aside * unit * dy) / 5);
        for (let i = 0; i < unit; i++) {
          for (let j = 0; j < unit; j++) {
            const [row, column] = [y + i, x + j];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            if (image[row * width + column]! > 16) image[row * width + column] = other;
          }
        }
      }
    } else if (kind === 3) {
      const direction = below(1, 4);
      const outwards = (at: number): number => {
        const aside = direction % 2 === 0 ? width - 1 - (at % width) : at % width;
        return direction < 2 ? aside : aside + Math.floor(at / width);
      };
      const own = places.filter(garment);
      const wanted = Math.max(1, Math.floor((own.length * bySize(4, 8, 14)) / 100));
      let from = width + height;
      while (from > 0 && own.filter((at) => outwards(at) >= from).length < wanted) from--;
      eachOf((at) => (outwards(at) >= from ? 0 : undefined));
    } else if (kind === 4) {
      const side = Math.max(2, Math.floor(scaled(16 * bySize(4, 6, 9)) / 16));
      const block = Math.max(1, Math.floor(scaled(32) / 16));
      const [top, left] = [cy - Math.floor(side / 2), cx - Math.floor(side / 2)];
      eachOf((_, x, y) => {
        if (y < top || y >= top + side || x < left || x >= left + side) return undefined;
        const bit = (Math.floor((y - top) / block) * 5 + Math.floor((x - left) / block)) & 31;
        return ((words[3]! | 1) >>> bit) & 1 ? other : Math.floor((near + other) / 2);
      });
    } else {
      const share = bySize(75, 60, 45);
      eachOf((at, x, y) => {
        if ((x - cx) * dx + (y - cy) * dy < 0) return undefined;
        const level = input[at]!;
        return (words[4]! & 1) === 1
          ? Math.floor((level * share) / 100)
          : 255 - Math.floor(((255 - level) * share) / 100);
      });
    }
  }
  return { image, mask: image.map((level, at) => (Math.abs(level - input[at]!) >= 8 ? 1 : 0)) };
}
