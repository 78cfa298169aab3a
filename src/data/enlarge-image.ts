// Images of the data set as a camera would take them: larger, with a margin. Not here: the way back (prepare-image.ts).
// Invariant: an image of black around gives a picture of black around.

export interface EnlargeOptions {
  /** Height and width of the image. */
  readonly side: number;
  /** How many times as large it becomes. */
  readonly scale: number;
  /** Black pixels on each side of it. */
  readonly margin: number;
}

/**
 * Enlarges a grey image, bilinear.
 *
 * @param image `[side, side]` levels
 * @returns `[scale side + 2 margin, scale side + 2 margin]` levels
 */
export function enlargeImage(image: Uint8Array, { side, scale, margin }: EnlargeOptions): Uint8Array {
  const width = scale * side + 2 * margin;
  const at = (x: number, y: number): number => (x < 0 || y < 0 || x >= side || y >= side ? 0 : image[y * side + x]!);
  const across = (x: number, y: number, part: number): number => at(x, y) + part * (at(x + 1, y) - at(x, y));
  return Uint8Array.from({ length: width * width }, (_, i) => {
    const right = ((i % width) - margin + 0.5) / scale - 0.5;
    const down = (Math.floor(i / width) - margin + 0.5) / scale - 0.5;
    const [x, y] = [Math.floor(right), Math.floor(down)];
    const [above, below] = [across(x, y, right - x), across(x, y + 1, right - x)];
    return Math.round(above + (down - y) * (below - above));
  });
}
