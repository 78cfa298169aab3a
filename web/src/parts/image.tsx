// An image of the data set, drawn pixel by pixel. Invariant: it has a text for those who do not see it.
import { useEffect, useRef } from 'preact/hooks';

const SIDE = 28;

interface Props {
  /** 28 x 28 grey levels, light on dark; a light page inverts them. */
  readonly pixels: Uint8Array;
  /** What it shows; empty where the text is beside it. */
  readonly label: string;
}

export function Image({ pixels, label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(SIDE, SIDE);
    pixels.forEach((level, i) => {
      image.data.set([level, level, level, 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  }, [pixels]);
  const drawn = <canvas ref={canvas} width={SIDE} height={SIDE} />;
  if (label === '') return <span class="image">{drawn}</span>;
  return (
    <span class="image" role="img" aria-label={label}>
      {drawn}
    </span>
  );
}

/** One image of a list. */
export const imageAt = (pixels: Uint8Array, index: number): Uint8Array =>
  pixels.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE);
