// Scalar references of the preprocessing kernels, one function a kernel, an image of one channel at a time. Not a test:
// preprocessing.test.ts compares with them, to the bit.

/** Bytes `[height, width]`. */
export interface Plane {
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

const halfUp = (value: number): number => Math.floor(value + 0.5);

export function equalizeReference({ pixels }: Plane): Uint8Array {
  const upTo = (level: number): number => pixels.reduce((sum, pixel) => sum + (pixel <= level ? 1 : 0), 0);
  const least = upTo(Math.min(...pixels));
  const range = pixels.length - least;
  if (range === 0) return pixels;
  const table = Array.from({ length: 256 }, (_, level) => halfUp((255 * (upTo(level) - least)) / range));
  return pixels.map((pixel) => table[pixel]!);
}

export function standardizeReference({ pixels }: Plane): Uint8Array {
  const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
  const variance = pixels.reduce((sum, pixel) => sum + pixel * pixel, 0) / pixels.length - mean * mean;
  const scale = variance > 0 ? 16 / Math.sqrt(variance) : 0;
  return pixels.map((pixel) => Math.min(255, Math.max(0, Math.floor((pixel - mean) * scale + 64 + 0.5))));
}

export function patternReference({ pixels, height, width }: Plane): Uint8Array {
  const at = (y: number, x: number): number =>
    y < 0 || x < 0 || y >= height || x >= width ? 0 : pixels[y * width + x]!;
  const between = (y: number, x: number): number => {
    const [top, left] = [Math.floor(y), Math.floor(x)];
    const [dy, dx] = [y - top, x - left];
    const [bottom, right] = [Math.ceil(y), Math.ceil(x)];
    const upper = (1 - dx) * at(top, left) + dx * at(top, right);
    const lower = (1 - dx) * at(bottom, left) + dx * at(bottom, right);
    return (1 - dy) * upper + dy * lower;
  };
  const d = Math.round(1e5 * Math.SQRT1_2) / 1e5;
  const points = [
    [0, 1],
    [-d, d],
    [-1, 0],
    [-d, -d],
    [0, -1],
    [d, -d],
    [1, 0],
    [d, d],
  ] as const;
  return pixels.map((centre, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return points.reduce(
      (code, [down, right], bit) => code + (between(y + down, x + right) >= centre ? 1 << bit : 0),
      0,
    );
  });
}

export function gradientsReference(
  { pixels, height, width }: Plane,
  { cell, block }: { readonly cell: number; readonly block: number },
): Float32Array {
  const [down, across] = [Math.floor(height / cell), Math.floor(width / cell)];
  const cells = Array.from({ length: down * across }, () => new Array<number>(9).fill(0));
  const at = (y: number, x: number): number => pixels[y * width + x]!;
  for (let y = 0; y < down * cell; y++) {
    for (let x = 0; x < across * cell; x++) {
      const gy = y === 0 || y === height - 1 ? 0 : at(y + 1, x) - at(y - 1, x);
      const gx = x === 0 || x === width - 1 ? 0 : at(y, x + 1) - at(y, x - 1);
      const degrees = ((Math.atan2(gy, gx) * 180) / Math.PI + 180) % 180;
      const histogram = cells[Math.floor(y / cell) * across + Math.floor(x / cell)]!;
      histogram[Math.floor(degrees / 20)]! += Math.sqrt(gx * gx + gy * gy) * (1 / (cell * cell));
    }
  }
  const unit = (values: readonly number[]): number[] => {
    const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) + 1e-10);
    return values.map((value) => value / length);
  };
  const features: number[] = [];
  for (let y = 0; y + block <= down; y++) {
    for (let x = 0; x + block <= across; x++) {
      const values = Array.from({ length: block * block }, (_, i) => {
        return cells[(y + Math.floor(i / block)) * across + x + (i % block)]!;
      }).flat();
      features.push(...unit(unit(values).map((value) => Math.min(value, 0.2))));
    }
  }
  return Float32Array.from(features);
}

export function claheReference(
  { pixels, height, width }: Plane,
  { tile, limit }: { readonly tile: number; readonly limit: number },
): Uint8Array {
  const [darkest, brightest] = [Math.min(...pixels), Math.max(...pixels)];
  if (darkest === brightest) return pixels;
  const binOf = (pixel: number): number =>
    Math.floor(halfToEven(((pixel - darkest) / (brightest - darkest)) * 16383) / 65);
  const [down, across] = [Math.ceil(height / tile), Math.ceil(width / tile)];
  const tables = Array.from({ length: down * across }, (_, i) => {
    const [top, left] = [Math.floor(i / across) * tile, (i % across) * tile];
    const histogram = new Array<number>(256).fill(0);
    for (let y = top; y < top + tile; y++) {
      for (let x = left; x < left + tile; x++) {
        histogram[binOf(pixels[mirrored(y, height) * width + mirrored(x, width)]!)]!++;
      }
    }
    let sum = 0;
    return clipped(histogram, limit).map((count) => {
      sum += count;
      return Math.floor(Math.min(sum * (16383 / (tile * tile)), 16383));
    });
  });
  const inside = (position: number, extent: number): number => Math.min(extent - 1, Math.max(0, position));
  const values = [...pixels].map((pixel, i) => {
    const [y, x] = [Math.floor(i / width) + (tile >> 1), (i % width) + (tile >> 1)];
    const [row, column] = [Math.floor(y / tile), Math.floor(x / tile)];
    const [b, r] = [(y % tile) / tile, (x % tile) / tile];
    const mapped = (toRow: number, toColumn: number): number =>
      tables[inside(row - 1 + toRow, down) * across + inside(column - 1 + toColumn, across)]![binOf(pixel)]!;
    let sum = Math.fround(mapped(0, 0) * ((1 - r) * (1 - b)));
    sum = Math.fround(sum + Math.fround(mapped(0, 1) * (r * (1 - b))));
    sum = Math.fround(sum + Math.fround(mapped(1, 0) * ((1 - r) * b)));
    return Math.floor(Math.fround(sum + Math.fround(mapped(1, 1) * (r * b))));
  });
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  if (lowest === highest) return pixels;
  return Uint8Array.from(values, (value) => halfUp((255 * (value - lowest)) / (highest - lowest)));
}

function halfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.floor(value + 0.5);
  return below % 2 === 0 ? below : below + 1;
}

function mirrored(position: number, extent: number): number {
  if (extent === 1) return 0;
  const inside = position % (2 * (extent - 1));
  return inside < extent ? inside : 2 * (extent - 1) - inside;
}

function clipped(histogram: readonly number[], limit: number): number[] {
  let excess = histogram.reduce((sum, count) => sum + Math.max(0, count - limit), 0);
  const more = Math.floor(excess / 256);
  const found = histogram.map((count) => {
    const kept = Math.min(count, limit);
    const raised = kept < limit - more ? kept + more : kept;
    return raised >= limit - more ? limit : raised;
  });
  excess = histogram.reduce((sum, count) => sum + count, 0) - found.reduce((sum, count) => sum + count, 0);
  while (excess > 0) {
    const before = excess;
    for (let index = 0; index < 256 && excess > 0; index++) {
      const step = Math.max(1, Math.floor(found.filter((count) => count < limit).length / excess));
      for (let bin = index; bin < 256; bin += step) {
        if (found[bin]! >= limit) continue;
        found[bin]!++;
        excess--;
      }
    }
    if (excess === before) break;
  }
  return found;
}
