// An image of the data set, drawn pixel by pixel. Invariant: it has a text for those who do not see it.
import { useEffect, useMemo, useRef } from 'preact/hooks';

const SIDE = 28;

interface Props {
  /** 28 x 28 grey levels, light on dark; a light page inverts them. */
  readonly pixels: Uint8Array;
  /** What it shows; empty where the text is beside it. */
  readonly label: string;
  /** Red, green, blue and opacity of each pixel, to lie over it in these very colours. */
  readonly overlay?: Uint8ClampedArray | undefined;
}

function Canvas({ colours, name }: { readonly colours: Uint8ClampedArray; readonly name: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(SIDE, SIDE);
    image.data.set(colours);
    context.putImageData(image, 0, 0);
  }, [colours]);
  return <canvas ref={canvas} class={name} width={SIDE} height={SIDE} />;
}

export function Image({ pixels, label, overlay }: Props) {
  const colours = useMemo(() => {
    const levels = new Uint8ClampedArray(4 * SIDE * SIDE);
    pixels.forEach((level, i) => {
      levels.set([level, level, level, 255], 4 * i);
    });
    return levels;
  }, [pixels]);
  const drawn = (
    <>
      <Canvas colours={colours} name="grey" />
      {overlay && <Canvas colours={overlay} name="overlay" />}
    </>
  );
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
